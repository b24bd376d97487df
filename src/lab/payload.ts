import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { z } from 'zod'
import { cacheFolder, withLock, writeAtomically } from './cache.ts'
import { type CpioEntry, encodeCpio } from './cpio.ts'
import { type DebianPackage, packageOf, showPackages, unpackPackages } from './debian-packages.ts'
import {
  appletsOf,
  BUSYBOX_PACKAGE,
  inTree,
  kernelFileIn,
  modulesFolder,
  showKernel,
  withFreshLists,
} from './debian-tree.ts'
import { buildGrub, GRUB_PACKAGES, type Grub } from './install-grub.ts'
import { collectModules, type KernelModule } from './kernel-modules.ts'

/**
 * The payload: a small real Linux made of Debian's kernel and busybox, which boots from the network and reports.
 * Nothing is installed: packages are downloaded and unpacked in the cache. Same packages, same bytes.
 */
export interface Payload {
  /** Absolute path of the kernel, `vmlinuz`. */
  readonly kernel: string
  /** Absolute path of the gzipped initrd. */
  readonly initrd: string
  readonly manifest: PayloadManifest
}

const MANIFEST = z.readonly(
  z.object({
    /** What `uname -r` says in the booted machine. */
    kernelRelease: z.string(),
    packages: z.array(z.object({ name: z.string(), version: z.string(), architecture: z.string() })),
    /** In the order in which /init loads them. */
    modules: z.array(z.string()),
    /** Hex SHA-256 by file name. */
    sha256: z.record(z.string(), z.string()),
  }),
)
export type PayloadManifest = z.infer<typeof MANIFEST>

export interface PayloadOptions {
  readonly onProgress?: (line: string) => void
  /** Default: `payload/` in Centra PXE's cache folder. */
  readonly folder?: string
}

const WANTED_MODULES = [
  ...['virtio_pci', 'virtio_net', 'e1000', 'e1000e', 'rtl8139', '8139too', '8139cp', 'af_packet', '8021q'],
  // ext4 asks for the algorithm by its alias crypto-crc32c.
  ...['virtio_rng', 'virtio_blk', 'ahci', 'ata_piix', 'sd_mod', 'crc32c_generic', 'ext4', 'efivarfs'],
  ...['vfat', 'nls_cp437', 'nls_ascii'],
]

const FOLDERS = ['bin', 'dev', 'etc', 'lib', 'lib/boot', 'lib/modules', 'proc', 'root', 'run', 'sys', 'tmp']

/** Files whose content decides what the payload is. */
const OUR_FILES = [
  ...['payload/init.sh', 'payload/machine.sh', 'payload/install.sh', 'payload/udhcpc-event.sh'],
  ...['payload.ts', 'cpio.ts', 'modinfo.ts', 'kernel-modules.ts', 'debian-tree.ts', 'install-grub.ts'],
]

/**
 * The payload from the cache, built when there is none for the current package versions and our own files.
 * Rejects when apt does not know the packages or cannot download them.
 */
export async function buildPayload(options: PayloadOptions = {}): Promise<Payload> {
  const folder = options.folder ?? join(cacheFolder(), 'payload')
  const say = options.onProgress ?? ((): void => {})
  const work = async (): Promise<Payload> => {
    const packages = await withFreshLists(askApt, say)
    const home = join(folder, keyOf(packages))
    return readPayload(home) ?? (await build({ home, folder, packages, say }))
  }
  const onWait = (): void => say('waiting for another process that builds the payload')
  return withLock(join(folder, 'lock'), work, { onWait })
}

interface Build {
  readonly home: string
  readonly folder: string
  readonly packages: readonly DebianPackage[]
  readonly say: (line: string) => void
}

async function build({ home, folder, packages, say }: Build): Promise<Payload> {
  const work = mkdtempSync(join(folder, 'build-'))
  try {
    say(`unpacking ${packages.map((one) => `${one.name} ${one.version}`).join(', ')}`)
    const tree = await unpackPackages(packages, { archive: join(folder, 'packages'), work })
    const kernelFile = kernelFileIn(join(tree, 'boot'))
    const kernelRelease = kernelFile.replace('vmlinuz-', '')
    say(`building the initrd for Linux ${kernelRelease}`)
    const modules = collectModules(modulesFolder(tree, kernelRelease), WANTED_MODULES)
    const grub = await buildGrub(tree, work)
    const initrd = gzipSync(encodeCpio(await initrdEntries(tree, modules, grub)), { level: 9 })
    const kernel = readFileSync(join(tree, 'boot', kernelFile))
    mkdirSync(home, { recursive: true })
    writeAtomically(join(home, 'vmlinuz'), kernel)
    writeAtomically(join(home, 'initrd.img'), initrd)
    const manifest: PayloadManifest = {
      kernelRelease,
      packages: [...packages],
      modules: modules.map(({ name }) => name),
      sha256: { vmlinuz: sha256(kernel), 'initrd.img': sha256(initrd) },
    }
    // Written last: its presence says that the payload is whole.
    writeAtomically(join(home, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
    return payloadIn(home, manifest)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function readPayload(home: string): Payload | undefined {
  const path = join(home, 'manifest.json')
  if (!existsSync(path)) return undefined
  return payloadIn(home, MANIFEST.parse(JSON.parse(readFileSync(path, 'utf8'))))
}

function payloadIn(home: string, manifest: PayloadManifest): Payload {
  return { kernel: join(home, 'vmlinuz'), initrd: join(home, 'initrd.img'), manifest }
}

function keyOf(packages: readonly DebianPackage[]): string {
  // Another zlib may compress the same initrd into other bytes.
  const hash = createHash('sha256').update(JSON.stringify([packages, process.versions.zlib]))
  for (const file of OUR_FILES) hash.update(ours(file))
  return hash.digest('hex').slice(0, 16)
}

async function askApt(): Promise<readonly DebianPackage[]> {
  const found = await showPackages([BUSYBOX_PACKAGE, ...GRUB_PACKAGES])
  return [await showKernel(), ...[...found.values()].map(packageOf)]
}

async function initrdEntries(
  tree: string,
  modules: readonly KernelModule[],
  grub: Grub,
): Promise<readonly CpioEntry[]> {
  const busybox = inTree(tree, 'bin/busybox')
  const applets = await appletsOf(busybox)
  const order = new TextEncoder().encode(modules.map(({ name }) => `${name}\n`).join(''))
  return [
    ...FOLDERS.map((path): CpioEntry => ({ kind: 'directory', path, mode: 0o755 })),
    // The kernel opens it for /init before /init can mount anything.
    { kind: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    { kind: 'file', path: 'init', mode: 0o755, data: ours('payload/init.sh') },
    { kind: 'file', path: 'lib/machine.sh', mode: 0o644, data: ours('payload/machine.sh') },
    { kind: 'file', path: 'lib/install.sh', mode: 0o644, data: ours('payload/install.sh') },
    { kind: 'file', path: 'lib/boot/boot.img', mode: 0o644, data: grub.bootSector },
    { kind: 'file', path: 'lib/boot/core.img', mode: 0o644, data: grub.biosImage },
    { kind: 'file', path: 'lib/boot/BOOTX64.EFI', mode: 0o644, data: grub.uefiImage },
    { kind: 'file', path: 'bin/udhcpc-event', mode: 0o755, data: ours('payload/udhcpc-event.sh') },
    { kind: 'file', path: 'bin/busybox', mode: 0o755, data: readFileSync(busybox) },
    ...applets.map((name): CpioEntry => ({ kind: 'symlink', path: `bin/${name}`, target: 'busybox' })),
    { kind: 'file', path: 'lib/modules/order', mode: 0o644, data: order },
    ...modules.map(
      ({ name, data }): CpioEntry => ({ kind: 'file', path: `lib/modules/${name}.ko`, mode: 0o644, data }),
    ),
  ]
}

function ours(file: string): Buffer {
  return readFileSync(join(import.meta.dirname, file))
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}
