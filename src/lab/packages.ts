import { spawnSync } from 'node:child_process'
import { accessSync, constants, readdirSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'

/** What a command needs of the system: `lab` to boot machines, `test` for the whole suite. */
export const PACKAGE_SETS = ['lab', 'test'] as const
export type PackageSet = (typeof PACKAGE_SETS)[number]

/** One Debian or Ubuntu package, recognised by what it brings rather than by the package database. */
export interface SystemPackage {
  readonly name: string
  /** The smallest set that needs it; `test` includes `lab`. */
  readonly set: PackageSet
  /** Programs by name (searched in PATH and the sbin folders), files by absolute path. All must exist. */
  readonly brings: readonly string[]
}

/** Nothing here starts a daemon when it is installed; servers used as test peers are unpacked, not installed. */
export const SYSTEM_PACKAGES: readonly SystemPackage[] = [
  { name: 'qemu-system-x86', set: 'lab', brings: ['qemu-system-x86_64'] },
  { name: 'qemu-utils', set: 'lab', brings: ['qemu-img'] },
  {
    name: 'ovmf',
    set: 'lab',
    brings: ['/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_VARS_4M.fd'],
  },
  { name: 'ipxe', set: 'lab', brings: ['/usr/lib/ipxe/undionly.kpxe', '/usr/lib/ipxe/snponly.efi'] },
  {
    name: 'ipxe-qemu',
    set: 'lab',
    brings: ['/usr/lib/ipxe/qemu/pxe-virtio.rom', '/usr/lib/ipxe/qemu/pxe-e1000.rom'],
  },
  { name: 'iproute2', set: 'lab', brings: ['ip'] },
  { name: 'util-linux', set: 'lab', brings: ['unshare', 'setpriv'] },
  { name: 'mount', set: 'lab', brings: ['mount'] },
  { name: 'dpkg', set: 'lab', brings: ['dpkg-deb'] },
  { name: 'apt', set: 'lab', brings: ['apt-get', 'apt-cache'] },
  { name: 'xz-utils', set: 'lab', brings: ['xz'] },
  { name: 'strace', set: 'test', brings: ['strace'] },
  { name: 'tcpdump', set: 'test', brings: ['tcpdump'] },
  { name: 'busybox', set: 'test', brings: ['busybox'] },
  { name: 'curl', set: 'test', brings: ['curl'] },
  { name: 'wget', set: 'test', brings: ['wget'] },
  { name: 'isc-dhcp-client', set: 'test', brings: ['dhclient'] },
  { name: 'tftp-hpa', set: 'test', brings: ['tftp'] },
  { name: 'atftp', set: 'test', brings: ['atftp'] },
]

const EXIT_UNAVAILABLE = 69
const SBIN = ['/usr/local/sbin', '/usr/sbin', '/sbin']

export interface InstallOptions {
  readonly mayInstall: boolean
  readonly isRoot: boolean
  readonly say: (line: string) => void
  /** For tests; default: the machine's own programs and files. */
  readonly exists?: (brought: string) => boolean
}

/** The packages of a set of which a program or file is missing, in the table's order. */
export function missingPackages(set: PackageSet, exists: (brought: string) => boolean = isPresent): string[] {
  return SYSTEM_PACKAGES.filter((row) => set === 'test' || row.set === set)
    .filter((row) => !row.brings.every(exists))
    .map((row) => row.name)
}

/**
 * Installs what a set lacks, naming it first.
 * Returns an exit code: 0 when all is there, 69 (EX_UNAVAILABLE) when it may not or cannot be installed.
 */
export function ensureSystemPackages(set: PackageSet, options: InstallOptions): number {
  const missing = missingPackages(set, options.exists)
  if (missing.length === 0) return 0
  const names = missing.join(' ')
  if (!options.mayInstall || !options.isRoot) {
    options.say(`missing system packages: ${names}`)
    options.say(`install them with: apt-get install --no-install-recommends ${names}`)
    return EXIT_UNAVAILABLE
  }
  options.say(`installing system packages: ${names}`)
  const failure = install(missing)
  if (failure !== undefined) {
    options.say(failure)
    return EXIT_UNAVAILABLE
  }
  const still = missingPackages(set, options.exists)
  if (still.length === 0) return 0
  options.say(`still missing after the installation: ${still.join(' ')}`)
  return EXIT_UNAVAILABLE
}

/** Whether a program (by name) or a file (by absolute path) is there. */
export function isPresent(brought: string): boolean {
  return isAbsolute(brought) ? mayAccess(brought, constants.R_OK) : findProgram(brought) !== undefined
}

/** The path of a program; the sbin folders count even when PATH lacks them, as for a plain user. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':').filter(isAbsolute), ...SBIN]
  return folders.map((folder) => join(folder, name)).find((path) => mayAccess(path, constants.X_OK))
}

/** A sentence that says what failed; undefined when all were installed. */
function install(names: readonly string[]): string | undefined {
  const installation = ['install', '-y', '--no-install-recommends', ...names]
  if (!hasPackageLists() && aptGet(['update']) !== 0) return 'apt-get update failed'
  if (aptGet(installation) === 0) return undefined
  // Old lists name versions that the mirror no longer has: refresh them once.
  if (aptGet(['update']) !== 0) return 'apt-get update failed'
  return aptGet(installation) === 0 ? undefined : `apt-get install ${names.join(' ')} failed`
}

function hasPackageLists(): boolean {
  try {
    return readdirSync('/var/lib/apt/lists').some((file) => file.includes('_Packages'))
  } catch {
    return false
  }
}

function aptGet(args: readonly string[]): number {
  const quiet = ['-q', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Dpkg::Use-Pty=0']
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync('apt-get', [...quiet, ...args], { stdio: ['ignore', 2, 2], env }).status ?? 1
}

function mayAccess(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}
