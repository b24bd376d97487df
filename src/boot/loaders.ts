import type { Config, LoaderOverride } from '../model/config.ts'
import type { FirmwareFile } from '../model/world.ts'
import type { ClientArch } from '../protocol/iana/arch.ts'

/** The loaders of architectures that run the same files. */
interface LoaderRow {
  /** The one whose name an override needs; the others follow it. */
  readonly arches: readonly [ClientArch, ...ClientArch[]]
  /** Drive the card through the firmware: `undionly` through the ROM's UNDI, `snponly` through SNP. */
  readonly viaFirmware: readonly string[]
  /** Bring drivers of their own. */
  readonly native: readonly string[]
  /** Where one gets such a file. */
  readonly source: string
}

const OWN_SUITE = '`centra-pxe firmware fetch` brings it'
const NEWER_SUITE = '`centra-pxe firmware fetch --suite sid` brings it'

/**
 * Which first file fits which client: the only such table. Names in order of preference, those through the firmware's
 * driver first: native drivers fail on cards newer than they are (ipxe/ipxe issues 923, 1391, 1562). Names with a
 * processor are those of Debian's iPXE 2.0. 7 and 9 are both x64 (RFC 4578 erratum), 5 is a BIOS.
 */
const LOADERS: readonly LoaderRow[] = [
  {
    arches: ['bios-x86', 'intel-lean', 'bios-x86-http'],
    viaFirmware: ['undionly.kpxe'],
    native: ['ipxe.pxe'],
    source: OWN_SUITE,
  },
  {
    arches: ['uefi-x64', 'uefi-ebc', 'uefi-x64-http', 'uefi-ebc-http'],
    viaFirmware: ['snponly.efi', 'snponly-amd64.efi'],
    native: ['ipxe.efi', 'ipxe-amd64.efi'],
    source: OWN_SUITE,
  },
  uefi(['uefi-arm64', 'uefi-arm64-http'], 'arm64', NEWER_SUITE),
  uefi(['uefi-riscv64', 'uefi-riscv64-http'], 'riscv64', NEWER_SUITE),
  uefi(['uefi-loong64', 'uefi-loong64-http'], 'loong64', NEWER_SUITE),
  uefi(['uefi-ia32', 'uefi-ia32-http'], 'i386', selfMade('i386')),
  uefi(['uefi-arm32', 'uefi-arm32-http'], 'arm32', selfMade('arm32')),
  uefi(['uefi-riscv32', 'uefi-riscv32-http'], 'riscv32', selfMade('riscv32')),
]

function uefi(arches: LoaderRow['arches'], build: string, source: string): LoaderRow {
  return { arches, viaFirmware: [`snponly-${build}.efi`], native: [`ipxe-${build}.efi`], source }
}

function selfMade(build: string): string {
  return `no Debian package has one: build bin-${build}-efi/ipxe.efi of iPXE`
}

/** The file that starts a Raspberry Pi, by generation: 3 asks for `bootcode.bin` first, 4 and 5 for `config.txt`. */
export const PI_START: readonly string[] = ['config.txt', 'bootcode.bin', 'boot.img']

/** What a Raspberry Pi asks for besides, by names that its ROM fixes: UEFI for it, or the Raspberry Pi OS kernel. */
const PI_FILES: readonly string[] = [
  ...['boot.sig', 'start.elf', 'fixup.dat', 'start4.elf', 'fixup4.dat', 'RPI_EFI.fd', 'cmdline.txt'],
  ...['kernel8.img', 'kernel_2712.img', 'bcm2710-rpi-3-b.dtb', 'bcm2710-rpi-3-b-plus.dtb'],
  ...['bcm2711-rpi-4-b.dtb', 'bcm2711-rpi-400.dtb', 'bcm2711-rpi-cm4.dtb', 'bcm2712-rpi-5-b.dtb'],
]

/** Signed by Microsoft, for whoever names one in `loader:`; each loads the next one from beside itself. */
export const FIRST_SIGNED: readonly string[] = ['shimx64.efi', 'shimaa64.efi']
/** The one of FIRST_SIGNED that runs on an architecture. */
export function shimOf(arch: ClientArch | undefined): string | undefined {
  const main = arch === undefined ? undefined : rowOf(arch)?.arches[0]
  if (main === 'uefi-x64') return 'shimx64.efi'
  return main === 'uefi-arm64' ? 'shimaa64.efi' : undefined
}

/** How iPXE's project names its shim: after the iPXE that it starts, `snponly-shim.efi`, `ipxe-shimx64.efi` (ipxe/shim, README). */
const PROJECT_SHIM = /-shim(?:x64|aa64)?\.efi$/i

/** Whether firmware takes a file of this name for Microsoft's signature, and not for that of whoever built what comes next. */
export function isShim(name: string): boolean {
  return FIRST_SIGNED.includes(name) || PROJECT_SHIM.test(name)
}

/**
 * The shim of iPXE's project that this file is: it starts an iPXE of the project and no kernel. The project's own archive has it as
 * `shimx64.efi`, with links to that (ipxe src/util/gensrvimg); a copy of a link is of the same size.
 */
export function projectShim(
  { size }: FirmwareFile,
  firmware: ReadonlyMap<string, FirmwareFile>,
): FirmwareFile | undefined {
  return [...firmware.values()].find((one) => PROJECT_SHIM.test(one.name) && one.size === size)
}

const SIGNED_FILES: readonly string[] = [...FIRST_SIGNED, 'grubx64.efi', 'grubaa64.efi']

/** What PXELINUX loads from beside itself, for whoever names `pxelinux.0` or `lpxelinux.0` in `loader:`. */
const PXELINUX_FILES: readonly string[] = ['ldlinux.c32']

/** What iPXE 2.0 runs before anything else: an operator's own, where there is one, and else our script. */
export const AUTOEXEC = 'autoexec.ipxe'

/** Every name the table can offer. */
export const LOADER_NAMES: readonly string[] = LOADERS.flatMap((row) => [...row.viaFirmware, ...row.native])

/** All that is published over TFTP and HTTP: the table's names, and those of the overrides. */
export function publishedNames(overrides: readonly LoaderOverride[]): readonly string[] {
  const named = overrides
    .flatMap((one) => (typeof one === 'string' ? [one] : Object.values(one)))
    .flatMap((name) => [name, name.replace(PROJECT_SHIM, '.efi')])
  return [
    ...new Set([
      ...LOADER_NAMES,
      ...PI_START,
      ...PI_FILES,
      ...SIGNED_FILES,
      ...PXELINUX_FILES,
      AUTOEXEC,
      ...named,
    ]),
  ]
}

/** All `loader:` of a configuration. */
export function loaderOverrides({
  nodes,
  profiles,
  networks,
}: Pick<Config, 'nodes' | 'profiles' | 'networks'>): readonly LoaderOverride[] {
  return [...nodes, ...profiles.values(), ...networks].flatMap(({ loader }) =>
    loader === undefined ? [] : [loader],
  )
}

/** The architectures whose firmware runs a file of this name; none for a name that is not the table's. */
export function archesOfLoader(name: string): readonly ClientArch[] {
  return LOADERS.find((row) => row.viaFirmware.includes(name) || row.native.includes(name))?.arches ?? []
}

export interface LoaderWish {
  readonly arch: ClientArch
  /** An `ipxe` that needs another iPXE has no UNDI to lend: only native drivers will do. */
  readonly stage: 'rom' | 'ipxe'
  /** A loader this client fetched again and again to no end: taken last. */
  readonly avoid?: string
}

export type LoaderChoice =
  | { readonly kind: 'found'; readonly file: FirmwareFile }
  | { readonly kind: 'no-loader-for-arch' }
  | { readonly kind: 'not-on-disk'; readonly names: readonly string[]; readonly source: string }

/** The table's loader for a client, out of the files that are there. */
export function selectLoader(
  { arch, stage, avoid }: LoaderWish,
  firmware: ReadonlyMap<string, FirmwareFile>,
): LoaderChoice {
  const row = rowOf(arch)
  if (row === undefined) return { kind: 'no-loader-for-arch' }
  const { viaFirmware, native, source } = row
  const [first, second] = viaFirmware.includes(avoid ?? '') ? [native, viaFirmware] : [viaFirmware, native]
  const wanted = stage === 'ipxe' ? native : [...first, ...second]
  const names = avoid === undefined ? wanted : [...wanted.filter((name) => name !== avoid), avoid]
  const file = names.map((name) => firmware.get(name)).find((found) => found !== undefined)
  return file === undefined ? { kind: 'not-on-disk', names: wanted, source } : { kind: 'found', file }
}

/**
 * The file that an override names for an architecture. A name without architecture counts where it can run: a
 * loader of the table for its own architectures, another `.efi` for UEFI, a `.kpxe` or `.pxe` for BIOS.
 */
export function overrideFor(override: LoaderOverride, { arch, stage }: LoaderWish): string | undefined {
  const main = rowOf(arch)?.arches[0] ?? arch
  const name = typeof override === 'string' ? override : (override[arch] ?? override[main])
  if (name === undefined) return undefined
  if (stage === 'ipxe' && LOADERS.some((row) => row.viaFirmware.includes(name))) return undefined
  return typeof override !== 'string' || runsOn(name, arch) ? name : undefined
}

function runsOn(name: string, arch: ClientArch): boolean {
  const arches = archesOfLoader(name)
  if (arches.length > 0) return arches.includes(arch)
  if (name.endsWith('.efi')) return arch.startsWith('uefi-')
  return !/\.(k?kpxe|pxe|lkrn|0)$/.test(name) || rowOf(arch) === rowOf('bios-x86')
}

/** The architecture that stands for all that run the same files: `uefi-x64` also for `uefi-x64-http`. */
export function mainArch(arch: ClientArch): ClientArch {
  return rowOf(arch)?.arches[0] ?? arch
}

function rowOf(arch: ClientArch): LoaderRow | undefined {
  return LOADERS.find((row) => row.arches.includes(arch))
}
