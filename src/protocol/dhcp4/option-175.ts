import type { DhcpOption } from './message.ts'
import { readOptionArea } from './option-area.ts'

/** Encapsulated options of option 175 that tell what an iPXE can do (iPXE, `src/include/ipxe/features.h`). */
const IPXE_FEATURES = [
  { code: 0x10, name: 'pxe-extensions' },
  { code: 0x11, name: 'iscsi' },
  { code: 0x12, name: 'aoe' },
  { code: 0x13, name: 'http' },
  { code: 0x14, name: 'https' },
  { code: 0x15, name: 'tftp' },
  { code: 0x16, name: 'ftp' },
  { code: 0x17, name: 'dns' },
  { code: 0x18, name: 'bzimage' },
  { code: 0x19, name: 'multiboot' },
  { code: 0x1a, name: 'slam' },
  { code: 0x1b, name: 'srp' },
  { code: 0x20, name: 'nbi' },
  { code: 0x21, name: 'pxe' },
  { code: 0x22, name: 'elf' },
  { code: 0x23, name: 'comboot' },
  { code: 0x24, name: 'efi' },
  { code: 0x25, name: 'fcoe' },
  { code: 0x26, name: 'vlan' },
  { code: 0x27, name: 'menu' },
  { code: 0x28, name: 'sdi' },
  { code: 0x29, name: 'nfs' },
] as const

export type IpxeFeatureName = (typeof IPXE_FEATURES)[number]['name']

/** Other encapsulated options of option 175 (iPXE, `src/include/ipxe/dhcp.h`). */
export const IPXE_SETTING = {
  /** Signed octet; the client takes the offer with the highest. */
  priority: 0x01,
  keepSan: 0x08,
  skipSanBoot: 0x09,
  /** `01`: do not wait for a proxyDHCP offer, which saves two seconds a DHCP pass. */
  noPxeDhcp: 0xb0,
  busId: 0xb1,
  version: 0xeb,
} as const

export interface IpxeFeatures {
  readonly http: boolean
  readonly https: boolean
  readonly tftp: boolean
  readonly dns: boolean
  readonly vlan: boolean
  readonly menu: boolean
  /** Whether it boots Linux kernels on BIOS, EFI images, and PXE network boot programs. */
  readonly bzimage: boolean
  readonly efi: boolean
  readonly pxe: boolean
  /** All features told, in the client's order. */
  readonly names: readonly IpxeFeatureName[]
  /** `1.21.1`; undefined when not told. */
  readonly version: string | undefined
  /** The PCI identity of the network card; undefined when not told. */
  readonly pci: { readonly vendor: number; readonly device: number } | undefined
}

/** Reads the value of option 175; undefined when it is no sequence of encapsulated options. */
export function parseIpxeFeatures(value: Uint8Array): IpxeFeatures | undefined {
  const area = readOptionArea(value)
  if (area.stop === 'truncated-option' || area.options.length === 0) return undefined
  const names = area.options.flatMap((option) => featureOf(option) ?? [])
  return {
    http: names.includes('http'),
    https: names.includes('https'),
    tftp: names.includes('tftp'),
    dns: names.includes('dns'),
    vlan: names.includes('vlan'),
    menu: names.includes('menu'),
    bzimage: names.includes('bzimage'),
    efi: names.includes('efi'),
    pxe: names.includes('pxe'),
    names,
    version: versionOf(area.options),
    pci: pciOf(area.options),
  }
}

/** The name of a feature's encapsulated option; undefined for settings and unknown codes. */
export function ipxeFeatureName(code: number): IpxeFeatureName | undefined {
  return IPXE_FEATURES.find((row) => row.code === code)?.name
}

/** A feature is told by its version, so zero is the same as silence. */
function featureOf({ code, data }: DhcpOption): IpxeFeatureName | undefined {
  return data.some((octet) => octet !== 0) ? ipxeFeatureName(code) : undefined
}

function versionOf(options: readonly DhcpOption[]): string | undefined {
  const data = options.find(({ code }) => code === IPXE_SETTING.version)?.data
  return data?.length === 3 ? data.join('.') : undefined
}

/** Bus type 1 is PCI; vendor and device follow, two octets each. */
function pciOf(options: readonly DhcpOption[]): IpxeFeatures['pci'] {
  const [type, v1 = 0, v0 = 0, d1 = 0, d0] =
    options.find(({ code }) => code === IPXE_SETTING.busId)?.data ?? []
  return type === 1 && d0 !== undefined ? { vendor: v1 * 256 + v0, device: d1 * 256 + d0 } : undefined
}
