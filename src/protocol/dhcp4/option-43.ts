import { OPTION } from '../iana/options.ts'
import type { DhcpMessage, DhcpOption } from './message.ts'
import { encapsulated, textValue } from './option-values.ts'
import { vendorOptions } from './options.ts'

/** Encapsulated options of option 43 beside option 60 "PXEClient" (PXE 2.1, Table 2-1). */
const PXE_OPTION = {
  discoveryControl: 6,
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
  if (data === undefined) return undefined
  const [t1 = 0, t0 = 0, l1 = 0, l0 = 0, ...rest] = data
  return data.length < 4 || rest.length > 0 ? undefined : { type: t1 * 256 + t0, layer: l1 * 256 + l0 }
}

/**
 * Whether option 43 has one of PXE's encapsulated options 6 to 10. UEFI firmware takes a reply with option 60 "PXEClient"
 * and none of them for one of another protocol, BINL, and passes over its boot file (EDK2, PxeBcDhcp4.c).
 */
export function hasPxeOptions(message: DhcpMessage): boolean {
  const { discoveryControl, menuPrompt } = PXE_OPTION
  return vendorOptions(message)?.some(({ code }) => code >= discoveryControl && code <= menuPrompt) ?? false
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

/** Encapsulated option 9: menu entries with their boot server types. Text is ASCII, at most 255 octets. */
export function pxeBootMenu(
  entries: readonly { readonly type: number; readonly text: string }[],
): DhcpOption {
  const data = entries.flatMap(({ type, text }) => {
    const octets = textValue(text)
    return [type >> 8, type & 255, octets.length, ...octets]
  })
  return { code: PXE_OPTION.bootMenu, data: Uint8Array.from(data) }
}

/** Encapsulated option 10: what is shown, and for how many seconds before the first entry is taken; 0: at once. */
export function pxeMenuPrompt(seconds: number, text: string): DhcpOption {
  return { code: PXE_OPTION.menuPrompt, data: Uint8Array.from([seconds, ...textValue(text)]) }
}
