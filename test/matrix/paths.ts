/** What the firmware matrix is made of: a path of firmware, loader and what it boots. */

/** Where a machine comes from: the lab's own, or another processor's. */
export type Hardware =
  | { readonly kind: 'bios'; readonly plainPxe?: true }
  | {
      readonly kind: 'uefi'
      readonly secureBoot?: true
      /** Its firmware trusts whoever signed the shim of `signedIpxe`, as it trusts Microsoft. */
      readonly trustsSigner?: true
      readonly boots?: 'http' | 'ipv4'
      readonly tls?: true
    }
  | { readonly kind: 'arm64'; readonly http?: true }
  | { readonly kind: 'ia32' }

/** Where loaders are taken from: trees of unpacked packages, `own`: what is installed here, `signedIpxe`: helpers/signed-ipxe.ts. */
export type Origin =
  | 'own'
  | 'ipxe2'
  | 'signedIpxe'
  | 'signed12'
  | 'signed13'
  | 'signedSid'
  | 'arm64'
  | 'pxelinux'

/** A loader's file, and the name it is served by. */
export interface LoaderFile {
  readonly from: Origin
  readonly path: string
  readonly as: string
}

/** `reports`: Linux is in service. `refused`: the event that tells of a loader that was not started. */
export type PathEnd = 'reports' | 'refused'

export interface BootPath {
  readonly name: string
  readonly firmware: string
  /** What is asked of the network, and by what. */
  readonly way: string
  readonly boots: string
  readonly hardware: Hardware
  readonly files: readonly LoaderFile[]
  /** Of the node, besides name, MAC and profile. */
  readonly node?: string
  readonly profile: 'linux' | 'linux-arm64' | 'uki'
  readonly ends: PathEnd
  /** Left out by `--fast`. */
  readonly isSlow?: true
}

/** One path as it went. */
export interface PathRow {
  readonly name: string
  readonly firmware: string
  readonly way: string
  readonly boots: string
  readonly result: 'ok' | 'failed'
  /** From the power button to the report, or to the event. */
  readonly seconds: number
  /** The last words of a machine that failed. */
  readonly trouble?: string
}

const SHIM = 'usr/lib/shim/shimx64.efi.signed'
const GRUB = 'usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed'
const signed = (from: Origin): readonly LoaderFile[] => [
  { from, path: SHIM, as: 'shimx64.efi' },
  { from, path: GRUB, as: 'grubx64.efi' },
]
const signedIpxe: readonly LoaderFile[] = [
  { from: 'signedIpxe', path: 'snponly-shim.efi', as: 'snponly-shim.efi' },
  { from: 'signedIpxe', path: 'snponly.efi', as: 'snponly.efi' },
  { from: 'signed13', path: SHIM, as: 'shimx64.efi' },
]
const own = (as: string): LoaderFile => ({ from: 'own', path: `usr/lib/ipxe/${as}`, as })
const IPXE_2: LoaderFile = { from: 'ipxe2', path: 'usr/lib/ipxe/snponly.efi', as: 'snponly.efi' }
const IPXE_ARM64: LoaderFile = { from: 'ipxe2', path: 'usr/lib/ipxe/ipxe-arm64.efi', as: 'ipxe-arm64.efi' }
const BIOS = 'BIOS (SeaBIOS)'
const OVMF = 'UEFI x64 (OVMF)'
const SECURE = 'UEFI x64, Secure Boot'
const ARM64 = 'UEFI arm64 (AAVMF)'
const SHIM_NODE = 'loader: shimx64.efi'
const IPXE_SHIM_NODE = 'loader: snponly-shim.efi'
const LINUX = { boots: 'Linux', profile: 'linux', ends: 'reports' } as const
const LINUX_ARM64 = { boots: 'Linux arm64', profile: 'linux-arm64', ends: 'reports', isSlow: true } as const

export const BOOT_PATHS: readonly BootPath[] = [
  {
    ...{ ...LINUX, name: 'bios-rom', firmware: BIOS, way: "the card's iPXE ROM: script over HTTP" },
    ...{ hardware: { kind: 'bios' }, files: [] },
  },
  {
    ...{ ...LINUX, name: 'bios-plain', firmware: BIOS, way: 'plain PXE: undionly.kpxe over TFTP' },
    ...{ hardware: { kind: 'bios', plainPxe: true }, files: [own('undionly.kpxe')] },
  },
  {
    ...{ ...LINUX, name: 'bios-pxelinux', firmware: BIOS, way: 'plain PXE: PXELINUX, all over TFTP' },
    ...{ hardware: { kind: 'bios', plainPxe: true }, node: 'loader: pxelinux.0' },
    files: [
      { from: 'pxelinux', path: 'usr/lib/PXELINUX/pxelinux.0', as: 'pxelinux.0' },
      { from: 'pxelinux', path: 'usr/lib/syslinux/modules/bios/ldlinux.c32', as: 'ldlinux.c32' },
    ],
  },
  {
    ...{ ...LINUX, name: 'uefi-pxe', firmware: OVMF, way: 'PXE: iPXE 1.0 (snponly.efi) over TFTP' },
    ...{ hardware: { kind: 'uefi' }, files: [own('snponly.efi')] },
  },
  {
    ...{
      ...LINUX,
      name: 'uefi-pxe-autoexec',
      firmware: OVMF,
      way: 'PXE: iPXE 2.0 and autoexec.ipxe over TFTP',
    },
    ...{ hardware: { kind: 'uefi' }, files: [IPXE_2] },
  },
  {
    ...{ ...LINUX, name: 'uefi-http', firmware: OVMF, way: 'HTTP boot: iPXE 1.0 (snponly.efi)' },
    ...{ hardware: { kind: 'uefi', boots: 'http' }, files: [own('snponly.efi')] },
  },
  {
    ...{ ...LINUX, name: 'uefi-http-autoexec', firmware: OVMF, way: 'HTTP boot: iPXE 2.0 and autoexec.ipxe' },
    ...{ hardware: { kind: 'uefi', boots: 'http' }, files: [IPXE_2] },
  },
  {
    ...{
      name: 'uefi-http-uki',
      firmware: OVMF,
      way: 'HTTP boot: the UKI itself (direct: true)',
      boots: 'UKI',
    },
    ...{ hardware: { kind: 'uefi', boots: 'http' }, files: [], profile: 'uki', ends: 'reports' },
  },
  {
    ...{ ...LINUX, name: 'uefi-https', firmware: OVMF, way: 'HTTPS boot: iPXE 2.0 changed by `tls trust`' },
    ...{ hardware: { kind: 'uefi', boots: 'http', tls: true }, files: [IPXE_2] },
    node: 'https: [firmware, scripts]',
  },
  {
    ...{
      ...LINUX,
      name: 'secure-pxe-12',
      firmware: SECURE,
      way: "PXE: shim, Debian 12's GRUB 2.06, all over TFTP",
    },
    ...{ hardware: { kind: 'uefi', secureBoot: true }, files: signed('signed12'), node: SHIM_NODE },
  },
  {
    ...{
      ...LINUX,
      name: 'secure-pxe-13',
      firmware: SECURE,
      way: "PXE: shim, Debian 13's GRUB 2.12, Linux over HTTP",
    },
    ...{ hardware: { kind: 'uefi', secureBoot: true }, files: signed('signed13'), node: SHIM_NODE },
  },
  {
    ...{ ...LINUX, name: 'secure-http-13', firmware: SECURE, way: "HTTP boot: shim, Debian 13's GRUB 2.12" },
    ...{
      hardware: { kind: 'uefi', secureBoot: true, boots: 'http' },
      files: signed('signed13'),
      node: SHIM_NODE,
    },
  },
  {
    ...{
      ...LINUX,
      name: 'secure-http-sid',
      firmware: SECURE,
      way: "HTTP boot: shim, Debian sid's GRUB 2.14",
    },
    ...{
      hardware: { kind: 'uefi', secureBoot: true, boots: 'http' },
      files: signed('signedSid'),
      node: SHIM_NODE,
    },
  },
  {
    ...{
      ...LINUX,
      name: 'secure-pxe-ipxe',
      firmware: SECURE,
      way: "PXE: a shim and iPXE 2.0 signed by the test, autoexec.ipxe, Debian's shim",
    },
    ...{
      hardware: { kind: 'uefi', secureBoot: true, trustsSigner: true },
      files: signedIpxe,
      node: IPXE_SHIM_NODE,
    },
  },
  {
    ...{
      ...LINUX,
      name: 'secure-http-ipxe',
      firmware: SECURE,
      way: "HTTP boot: a shim and iPXE 2.0 signed by the test, autoexec.ipxe, Debian's shim",
    },
    ...{
      hardware: { kind: 'uefi', secureBoot: true, trustsSigner: true, boots: 'http' },
      files: signedIpxe,
      node: IPXE_SHIM_NODE,
    },
  },
  {
    ...{
      name: 'secure-refused',
      firmware: SECURE,
      way: 'PXE: unsigned iPXE (snponly.efi)',
      profile: 'linux',
    },
    ...{ boots: 'nothing: boot.refused on the timeline', ends: 'refused', files: [own('snponly.efi')] },
    hardware: { kind: 'uefi', secureBoot: true, boots: 'ipv4' },
  },
  {
    ...{
      ...LINUX,
      name: 'ia32',
      firmware: 'UEFI ia32 (OVMF32)',
      way: "PXE: an operator's GRUB, Linux over HTTP",
    },
    ...{ hardware: { kind: 'ia32' }, files: [], node: 'loader: grub-ia32.efi', isSlow: true },
  },
  {
    ...{
      ...LINUX_ARM64,
      name: 'arm64-pxe',
      firmware: ARM64,
      way: 'PXE: iPXE 2.0 and autoexec.ipxe over TFTP',
    },
    ...{ hardware: { kind: 'arm64' }, files: [IPXE_ARM64] },
  },
  {
    ...{ ...LINUX_ARM64, name: 'arm64-http', firmware: ARM64, way: 'HTTP boot: iPXE 2.0 and autoexec.ipxe' },
    ...{ hardware: { kind: 'arm64', http: true }, files: [IPXE_ARM64] },
  },
  {
    ...{
      ...LINUX_ARM64,
      name: 'arm64-signed',
      firmware: ARM64,
      way: "PXE: shim, Debian 13's GRUB 2.12, Linux over HTTP",
    },
    ...{ hardware: { kind: 'arm64' }, node: 'loader: shimaa64.efi' },
    files: [
      { from: 'arm64', path: 'usr/lib/shim/shimaa64.efi.signed', as: 'shimaa64.efi' },
      { from: 'arm64', path: 'usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed', as: 'grubaa64.efi' },
    ],
  },
]
