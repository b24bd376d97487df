import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { constants, zstdCompressSync } from 'node:zlib'
import { z } from 'zod'
import { cacheFolder, withLock, writeAtomically } from '../lab/cache.ts'
import { type CpioEntry, encodeCpio } from '../lab/cpio.ts'
import { type DebianPackage, unpackPackages } from '../lab/debian-packages.ts'
import { appletsOf, inTree, kernelFileIn, modulesFolder, withFreshLists } from '../lab/debian-tree.ts'
import { collectModules } from '../lab/kernel-modules.ts'
import type { AuthorizedKey } from './authorized-keys.ts'
import { TOOLS, WANTED_MODULES } from './contents.ts'
import { moduleIndex } from './module-index.ts'
import { rescuePackages } from './packages.ts'
import { toolFiles } from './tree-files.ts'

/** The rescue system without anybody's keys, in the cache: same packages, same bytes. */
export interface RescueSystem {
  /** Absolute path of the kernel, `vmlinuz`. */
  readonly kernel: string
  /** Absolute path of the initrd, zstd. */
  readonly initrd: string
  readonly manifest: RescueManifest
}

const MANIFEST = z.readonly(
  z.object({
    /** What `uname -r` says in the booted machine. */
    kernelRelease: z.string(),
    packages: z.array(z.object({ name: z.string(), version: z.string(), architecture: z.string() })),
    /** Kernel modules, by name with underscores. */
    modules: z.array(z.string()),
    /** Octets of the unpacked initrd: memory that the booted machine does not have. */
    unpacked: z.number(),
  }),
)
export type RescueManifest = z.infer<typeof MANIFEST>

export interface RescueOptions {
  readonly onProgress?: (line: string) => void
  /** Default: `rescue/` in Centra PXE's cache folder. */
  readonly folder?: string
}

/** Files whose content decides what the image is. */
const OUR_FILES = [
  ...['system/init.sh', 'system/profile.sh', 'system/lvm.conf', 'build.ts', 'contents.ts', 'elf.ts'],
  ...['module-index.ts', 'packages.ts', 'tree-files.ts', '../lab/payload/machine.sh'],
  ...['../lab/payload/udhcpc-event.sh', '../lab/cpio.ts', '../lab/modinfo.ts', '../lab/kernel-modules.ts'],
]

/** Half as long as 19 takes an eighth of the time; the kernel unpacks both equally fast. */
const ZSTD_LEVEL = 12

/**
 * The rescue system from the cache, built when there is none for the current package versions and our own files.
 * Nothing is installed. Rejects when apt does not know the packages or cannot download them.
 */
export async function buildRescue(options: RescueOptions = {}): Promise<RescueSystem> {
  if (process.arch !== 'x64') throw new Error('the rescue system is built on x86-64, for x86-64')
  const folder = options.folder ?? join(cacheFolder(), 'rescue')
  const say = options.onProgress ?? ((): void => {})
  const work = async (): Promise<RescueSystem> => {
    const packages = await withFreshLists(rescuePackages, say)
    const home = join(folder, keyOf(packages))
    return readSystem(home) ?? (await build({ home, folder, packages, say }))
  }
  const onWait = (): void => say('waiting for another process that builds the rescue system')
  return withLock(join(folder, 'lock'), work, { onWait })
}

interface Build {
  readonly home: string
  readonly folder: string
  readonly packages: readonly DebianPackage[]
  readonly say: (line: string) => void
}

async function build({ home, folder, packages, say }: Build): Promise<RescueSystem> {
  const work = mkdtempSync(join(folder, 'build-'))
  try {
    say(`downloading and unpacking ${packages.length} Debian packages`)
    const tree = await unpackPackages(packages, { archive: join(folder, 'packages'), work })
    const kernelFile = kernelFileIn(join(tree, 'boot'))
    const kernelRelease = kernelFile.replace('vmlinuz-', '')
    say(`building the initrd for Linux ${kernelRelease}`)
    const { archive, modules } = await systemArchive(tree, kernelRelease)
    const manifest = { kernelRelease, packages: [...packages], modules, unpacked: archive.length }
    const level = { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL }
    mkdirSync(home, { recursive: true })
    writeAtomically(join(home, 'vmlinuz'), readFileSync(join(tree, 'boot', kernelFile)))
    writeAtomically(join(home, 'rescue.img'), zstdCompressSync(archive, { params: level }))
    // Written last: its presence says that the system is whole.
    writeAtomically(join(home, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
    return systemIn(home, manifest)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function readSystem(home: string): RescueSystem | undefined {
  const path = join(home, 'manifest.json')
  if (!existsSync(path)) return undefined
  return systemIn(home, MANIFEST.parse(JSON.parse(readFileSync(path, 'utf8'))))
}

function systemIn(home: string, manifest: RescueManifest): RescueSystem {
  return { kernel: join(home, 'vmlinuz'), initrd: join(home, 'rescue.img'), manifest }
}

function keyOf(packages: readonly DebianPackage[]): string {
  // Another zstd may compress the same initrd into other bytes.
  const hash = createHash('sha256').update(JSON.stringify([packages, process.versions['zstd']]))
  for (const file of OUR_FILES) hash.update(ours(file))
  return hash.digest('hex').slice(0, 16)
}

async function systemArchive(
  tree: string,
  release: string,
): Promise<{ readonly archive: Uint8Array; readonly modules: string[] }> {
  const modules = collectModules(modulesFolder(tree, release), WANTED_MODULES)
  const index = moduleIndex(modules.map(({ info }) => info))
  const busybox = inTree(tree, 'bin/busybox')
  const home = `lib/modules/${release}`
  const files = [
    ...toolFiles(tree, TOOLS),
    ...ownFiles(),
    fileOf('bin/busybox', readFileSync(busybox), 0o755),
    fileOf(`${home}/modules.dep`, index.dep),
    fileOf(`${home}/modules.alias`, index.alias),
    ...modules.map(({ name, data }) => fileOf(`${home}/${name}.ko`, data)),
  ]
  const taken = new Set(files.map(({ path }) => path))
  const applets = (await appletsOf(busybox))
    .map((name) => `bin/${name}`)
    .filter((path) => !taken.has(path))
    .map((path): CpioEntry => ({ kind: 'symlink', path, target: 'busybox' }))
  const all = [...LINKS, ...files, ...applets]
  return { archive: encodeCpio([...foldersOf(all), ...all]), modules: modules.map(({ name }) => name) }
}

/** One folder of programs and one of libraries, whatever their packages say. */
const LINKS: readonly CpioEntry[] = [
  ...[
    ['sbin', 'bin'],
    ['lib64', 'lib'],
    ['usr/bin', '../bin'],
    ['usr/sbin', '../bin'],
    ['usr/lib', '../lib'],
    // Where dropbear looks for it.
    ['lib/sftp-server', 'openssh/sftp-server'],
    ['etc/mtab', '/proc/self/mounts'],
  ].map(([path = '', target = '']): CpioEntry => ({ kind: 'symlink', path, target })),
  // The kernel opens it for /init before /init can mount anything.
  { kind: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
]

const EMPTY_FOLDERS = ['mnt', 'proc', 'root', 'run/lvm', 'run/lock', 'sys', 'tmp', 'var/empty', 'var/log']

function ownFiles(): readonly CpioEntry[] {
  return [
    fileOf('init', ours('system/init.sh'), 0o755),
    fileOf('bin/udhcpc-event', ours('../lab/payload/udhcpc-event.sh'), 0o755),
    fileOf('lib/machine.sh', ours('../lab/payload/machine.sh')),
    fileOf('etc/profile', ours('system/profile.sh')),
    fileOf('etc/lvm/lvm.conf', ours('system/lvm.conf')),
    // No password fits.
    fileOf('etc/passwd', 'root:*:0:0:root:/root:/bin/bash\n'),
    fileOf('etc/group', 'root:x:0:\ndisk:x:6:\ntty:x:5:\n'),
    fileOf('etc/shells', '/bin/bash\n/bin/sh\n'),
    fileOf('etc/hosts', '127.0.0.1 localhost rescue\n'),
  ]
}

function fileOf(path: string, data: string | Uint8Array, mode = 0o644): CpioEntry {
  return { kind: 'file', path, mode, data: typeof data === 'string' ? new TextEncoder().encode(data) : data }
}

/** The parents of all paths, and those that are there for others to fill. */
function foldersOf(entries: readonly CpioEntry[]): readonly CpioEntry[] {
  const folders = new Set<string>()
  const paths = [...entries.map(({ path }) => path), ...EMPTY_FOLDERS.map((path) => `${path}/.`)]
  for (const path of paths) {
    const parts = path.split('/').slice(0, -1)
    for (let i = 1; i <= parts.length; i += 1) folders.add(parts.slice(0, i).join('/'))
  }
  return [...folders].map((path): CpioEntry => ({ kind: 'directory', path, mode: 0o755 }))
}

/** The second initrd of an image: who may log in. The kernel unpacks it over the first. */
export function keysArchive(keys: readonly AuthorizedKey[]): Uint8Array {
  const text = keys.map(({ line }) => `${line}\n`).join('')
  return encodeCpio([
    { kind: 'directory', path: 'root', mode: 0o700 },
    { kind: 'directory', path: 'root/.ssh', mode: 0o700 },
    fileOf('root/.ssh/authorized_keys', text, 0o600),
  ])
}

function ours(file: string): Buffer {
  return readFileSync(join(import.meta.dirname, file))
}
