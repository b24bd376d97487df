/** An Ethernet address in lower case with colons, `52:54:00:12:34:56`. */
export type Mac = string & { readonly __brand: 'Mac' }

const COLONS_OR_DASHES = /^([0-9a-f]{2})([:-])(?:[0-9a-f]{2}\2){4}[0-9a-f]{2}$/i
const RAW = /^[0-9a-f]{12}$/i

/** Reads `52:54:00:12:34:56`, `52-54-00-12-34-56` or `525400123456`; undefined for anything else. */
export function parseMac(text: string): Mac | undefined {
  if (!COLONS_OR_DASHES.test(text) && !RAW.test(text)) return undefined
  const digits = text.replace(/[:-]/g, '').toLowerCase()
  return (digits.match(/../g) ?? []).join(':') as Mac
}

/** The first six octets of a hardware address as a MAC; undefined when there are fewer. */
export function macFromBytes(bytes: Uint8Array): Mac | undefined {
  if (bytes.length < 6) return undefined
  return Array.from(bytes.subarray(0, 6), (b) => b.toString(16).padStart(2, '0')).join(':') as Mac
}

/** The six octets of a MAC. */
export function macToBytes(mac: Mac): Uint8Array {
  return Uint8Array.from(mac.split(':'), (part) => Number.parseInt(part, 16))
}

/** The form used in paths, `52-54-00-12-34-56`; what iPXE prints for `${netX/mac:hexhyp}`. */
export function macWithDashes(mac: Mac): string {
  return mac.replaceAll(':', '-')
}

/** True for multicast and broadcast addresses, which no card has as its own (IEEE 802, I/G bit). */
export function isGroupMac(mac: Mac): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1
}
