import { type Ipv4, ipv4ToBytes } from '../../lib/ipv4.ts'
import { OPTION } from '../iana/options.ts'
import type { DhcpMessage, DhcpOption } from './message.ts'
import { encapsulated, textValue } from './option-values.ts'
import { vendorOptions } from './options.ts'

/** Encapsulated options of option 43 beside option 60 "PXEClient" (PXE 2.1, Table 2-1). */
export const PXE_OPTION = {
  mtftpAddress: 1,
  mtftpClientPort: 2,
  mtftpServerPort: 3,
  mtftpTimeout: 4,
  mtftpDelay: 5,
  discoveryControl: 6,
  discoveryMulticastAddress: 7,
  bootServers: 8,
  bootMenu: 9,
  menuPrompt: 10,
  bootItem: 71,
} as const

/** Bits of encapsulated option 6 (PXE 2.1, Table 2-1). */
export const DISCOVERY_CONTROL = {
  noBroadcast: 1,
  noMulticast: 2,
  onlyListedServers: 4,
  /** Take the boot file of this very packet: no menu, no discovery. */
  useThisBootFile: 8,
} as const

/** What the client chose in a PXE menu. */
export interface BootItem {
  /** The boot server type, 0 to 0xffff. */
  readonly type: number
  /** 0 is the boot file itself; bit 15 asks for credentials. */
  readonly layer: number
}

/** Encapsulated option 71 of a request to a boot server; undefined when absent or not four octets. */
export function pxeBootItem(message: DhcpMessage): BootItem | undefined {
  const data = vendorOptions(message)?.find(({ code }) => code === PXE_OPTION.bootItem)?.data
  const [t1 = 0, t0 = 0, l1 = 0, l0 = 0, ...rest] = data ?? []
  return data === undefined || data.length < 4 || rest.length > 0
    ? undefined
    : { type: t1 * 256 + t0, layer: l1 * 256 + l0 }
}

/** Option 43 with these encapsulated options and the END that some ROMs require. */
export function pxeVendorOptions(options: readonly DhcpOption[]): DhcpOption {
  const data = Uint8Array.from([...encapsulated(options), OPTION.end])
  return { code: OPTION.vendorSpecificInformation, data }
}

/** Encapsulated option 6: `DISCOVERY_CONTROL` bits. */
export function pxeDiscoveryControl(bits: number): DhcpOption {
  return { code: PXE_OPTION.discoveryControl, data: Uint8Array.of(bits) }
}

/** Encapsulated option 8. No addresses means that any server of this type may answer. */
export function pxeBootServers(
  servers: readonly { readonly type: number; readonly addresses: readonly Ipv4[] }[],
): DhcpOption {
  const data = servers.flatMap(({ type, addresses }) => [
    ...u16(type),
    addresses.length,
    ...addresses.flatMap((address) => [...ipv4ToBytes(address)]),
  ])
  return { code: PXE_OPTION.bootServers, data: Uint8Array.from(data) }
}

/** Encapsulated option 9. By convention type 0 is "boot from the local disk". */
export function pxeBootMenu(items: readonly { readonly type: number; readonly text: string }[]): DhcpOption {
  const data = items.flatMap(({ type, text }) => {
    const octets = textValue(text)
    return [...u16(type), octets.length, ...octets]
  })
  return { code: PXE_OPTION.bootMenu, data: Uint8Array.from(data) }
}

/** Encapsulated option 10: the seconds before the first item is taken (0 at once, 255 never) and the prompt. */
export function pxeMenuPrompt(seconds: number, text: string): DhcpOption {
  return { code: PXE_OPTION.menuPrompt, data: Uint8Array.from([seconds, ...textValue(text)]) }
}

/** Encapsulated option 71 for the ACK of a boot server, which repeats the client's choice. */
export function pxeBootItemOption({ type, layer }: BootItem): DhcpOption {
  return { code: PXE_OPTION.bootItem, data: Uint8Array.from([...u16(type), ...u16(layer)]) }
}

function u16(value: number): readonly [number, number] {
  return [(value >>> 8) & 255, value & 255]
}
