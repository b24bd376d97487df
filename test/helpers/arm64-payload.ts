import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type CpioEntry, encodeCpio } from '../../src/lab/cpio.ts'
import { showPackages } from '../../src/lab/debian-packages.ts'
import { collectModules } from '../../src/lab/kernel-modules.ts'
import { unpackNewer } from '../../src/lab/newer-packages.ts'

/** Debian 13's packages for arm64, of which nothing is installed. */
export interface Arm64Parts {
  /** With shim, GRUB and busybox. */
  readonly tree: string
  readonly kernelTree: string
}

const SUITE = { suite: 'trixie', architecture: 'arm64' } as const
const METAPACKAGE = 'linux-image-arm64'
const PACKAGES = ['shim-signed', 'grub-efi-arm64-signed', 'busybox-static', METAPACKAGE]
const MODULES = ['virtio_pci', 'virtio_mmio', 'virtio_net', 'af_packet', 'efivarfs']
const OURS = join(import.meta.dirname, '../../src/lab/payload')
const PROGRAMS: readonly string[] = ['init.sh', 'udhcpc-event.sh']
const FOLDERS = ['bin', 'dev', 'etc', 'lib', 'lib/modules', 'proc', 'root', 'run', 'sys', 'tmp']

/** Downloads what the cache lacks; rejects when the packages cannot be had. */
export async function unpackArm64(): Promise<Arm64Parts> {
  const { folder } = await unpackNewer({ ...SUITE, packages: PACKAGES })
  // The lists that unpackNewer keeps beside its trees.
  const found = await showPackages([METAPACKAGE], ['-c', join(folder, '../../apt/apt.conf')])
  const kernel = /linux-image-[^\s,(|]+/.exec(found.get(METAPACKAGE)?.get('Depends') ?? '')?.[0]
  if (kernel === undefined) throw new Error(`${METAPACKAGE} depends on no kernel package`)
  return { tree: folder, kernelTree: (await unpackNewer({ ...SUITE, packages: [kernel] })).folder }
}

/** Writes the kernel, `vmlinuz`, and an initrd of the lab's own /init, `initrd.img`. */
export function makeArm64Payload({ tree, kernelTree }: Arm64Parts, folder: string): void {
  const boot = join(kernelTree, 'boot')
  const file = readdirSync(boot).find((name) => name.startsWith('vmlinuz-')) ?? ''
  const release = file.replace('vmlinuz-', '')
  const modules = collectModules(join(kernelTree, 'usr/lib/modules', release, 'kernel'), MODULES)
  // Of this machine's own busybox: that of arm64 has these and more, and cannot be asked here.
  const applets = execFileSync('busybox', ['--list'], { encoding: 'utf8' }).split('\n')
  const order = modules.map(({ name }) => `${name}\n`).join('')
  const entries: readonly CpioEntry[] = [
    ...FOLDERS.map((path): CpioEntry => ({ kind: 'directory', path, mode: 0o755 })),
    { kind: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    // What /init reads.
    ...readdirSync(OURS)
      .filter((name) => name.endsWith('.sh') && !PROGRAMS.includes(name))
      .map(
        (name): CpioEntry => ({
          kind: 'file',
          path: `lib/${name}`,
          mode: 0o644,
          data: readFileSync(join(OURS, name)),
        }),
      ),
    { kind: 'file', path: 'init', mode: 0o755, data: readFileSync(join(OURS, 'init.sh')) },
    {
      kind: 'file',
      path: 'bin/udhcpc-event',
      mode: 0o755,
      data: readFileSync(join(OURS, 'udhcpc-event.sh')),
    },
    { kind: 'file', path: 'bin/busybox', mode: 0o755, data: readFileSync(join(tree, 'usr/bin/busybox')) },
    ...applets
      .filter((name) => name !== '' && name !== 'busybox')
      .map((name): CpioEntry => ({ kind: 'symlink', path: `bin/${name}`, target: 'busybox' })),
    { kind: 'file', path: 'lib/modules/order', mode: 0o644, data: new TextEncoder().encode(order) },
    ...modules.map(
      ({ name, data }): CpioEntry => ({ kind: 'file', path: `lib/modules/${name}.ko`, mode: 0o644, data }),
    ),
  ]
  writeFileSync(join(folder, 'vmlinuz'), readFileSync(join(boot, file)))
  writeFileSync(join(folder, 'initrd.img'), gzipSync(encodeCpio(entries)))
}
