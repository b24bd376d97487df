import type { FirmwareFile } from '../model/world.ts'
import type { ClientArch } from '../protocol/iana/arch.ts'

/**
 * Which first file fits which client: the only such table. Names in order of preference; the first that is on disk
 * is offered. `undionly.kpxe` drives the card through the ROM's own UNDI; `snponly.efi` through the firmware's
 * SNP, and only the card it came from. Native drivers (`ipxe.pxe`, `ipxe.efi`) are second: they fail on cards
 * newer than they are (ipxe/ipxe issues 923, 1391, 1562).
 */
const LOADERS: Readonly<Partial<Record<ClientArch, readonly string[]>>> = {
  'bios-x86': ['undionly.kpxe', 'ipxe.pxe'],
  'uefi-x64': ['snponly.efi', 'ipxe.efi'],
  'uefi-ebc': ['snponly.efi', 'ipxe.efi'],
}

/** For an iPXE without HTTP (option 175 lacks feature 0x13): a whole iPXE, since its own ROM has no UNDI to drive. */
const FULL_IPXE: Readonly<Partial<Record<ClientArch, readonly string[]>>> = {
  'bios-x86': ['ipxe.pxe'],
  'uefi-x64': ['ipxe.efi'],
  'uefi-ebc': ['ipxe.efi'],
}

export type LoaderChoice =
  | { readonly kind: 'found'; readonly file: FirmwareFile }
  | { readonly kind: 'no-loader-for-arch' }
  | { readonly kind: 'not-on-disk'; readonly names: readonly string[] }

/** The loader for a client architecture, out of the files that are there. */
export function selectLoader(
  arch: ClientArch,
  stage: 'rom' | 'ipxe',
  firmware: ReadonlyMap<string, FirmwareFile>,
): LoaderChoice {
  const names = (stage === 'ipxe' ? FULL_IPXE : LOADERS)[arch]
  if (names === undefined) return { kind: 'no-loader-for-arch' }
  const file = names.map((name) => firmware.get(name)).find((found) => found !== undefined)
  return file === undefined ? { kind: 'not-on-disk', names } : { kind: 'found', file }
}

/** Whether there is a loader for this architecture at all, on disk or not. */
export function hasLoader(arch: ClientArch | undefined): boolean {
  return arch !== undefined && LOADERS[arch] !== undefined
}

/** Every name the table can offer, which is also all that is published over TFTP and HTTP. */
export const LOADER_NAMES: readonly string[] = [
  ...new Set([...Object.values(LOADERS), ...Object.values(FULL_IPXE)].flat()),
]
