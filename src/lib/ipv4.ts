import { err, ok, type Result } from './result.ts'

/** An IPv4 address as an unsigned 32-bit integer in network order: 192.0.2.1 is 0xc0000201. */
export type Ipv4 = number & { readonly __brand: 'Ipv4' }

export interface Subnet {
  /** The network address; host bits are zero. */
  readonly network: Ipv4
  /** Prefix length, 0 to 32. */
  readonly prefix: number
}

/** Both ends belong to the range. */
export interface Ipv4Range {
  readonly first: Ipv4
  readonly last: Ipv4
}

/** 0.0.0.0: no address, in a DHCP header, as the source of a packet, and as the gateway of a route that has none. */
export const ANY_ADDRESS = 0 as Ipv4

const DOT = 0x2e
const DIGIT_0 = 0x30
const DIGIT_9 = 0x39

/** Reads dotted decimal with four parts and no leading zeros; undefined for anything else. */
export function parseIpv4(text: string): Ipv4 | undefined {
  let [value, octet, digits, dots] = [0, 0, 0, 0]
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === DOT && digits > 0 && dots < 3) {
      value = value * 256 + octet
      ;[octet, digits, dots] = [0, 0, dots + 1]
      continue
    }
    const isLeadingZero = digits > 0 && octet === 0
    if (code < DIGIT_0 || code > DIGIT_9 || isLeadingZero) return undefined
    octet = octet * 10 + code - DIGIT_0
    digits += 1
    if (octet > 255) return undefined
  }
  return dots === 3 && digits > 0 ? ((value * 256 + octet) as Ipv4) : undefined
}

/** Dotted decimal, as `parseIpv4` reads it. */
export function formatIpv4(address: Ipv4): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`
}

/** An address from an unsigned 32-bit integer in network order. Throws outside 0 to 0xffffffff. */
export function ipv4FromU32(value: number): Ipv4 {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff)
    throw new RangeError(`not an IPv4 address: ${value}`)
  return value as Ipv4
}

/** The address in exactly four octets; undefined for any other number of octets. */
export function ipv4FromBytes(bytes: Uint8Array): Ipv4 | undefined {
  const [a, b, c, d, ...rest] = bytes
  if (a === undefined || b === undefined || c === undefined || d === undefined || rest.length > 0)
    return undefined
  return (((a << 24) | (b << 16) | (c << 8) | d) >>> 0) as Ipv4
}

/** The four octets of an address in network order. */
export function ipv4ToBytes(address: Ipv4): Uint8Array {
  return Uint8Array.of(address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255)
}

/** The network mask of a prefix length: 24 gives 255.255.255.0. */
export function maskOf(prefix: number): Ipv4 {
  return (prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0) as Ipv4
}

/** The address whose host bits are all one; of a /31 and a /32 that is a host's own (RFC 3021). */
export function broadcastOf(subnet: Subnet): Ipv4 {
  return ((subnet.network | ~maskOf(subnet.prefix)) >>> 0) as Ipv4
}

/** Whether it is the subnet's own address or its broadcast address, which no host has; a /31 has neither (RFC 3021). */
export function isSubnetEnd(subnet: Subnet, address: Ipv4): boolean {
  return subnet.prefix < 31 && (address === subnet.network || address === broadcastOf(subnet))
}

/** Whether the address has the subnet's prefix; the network and the broadcast address do, too (see `isSubnetEnd`). */
export function subnetContains(subnet: Subnet, address: Ipv4): boolean {
  return (address & maskOf(subnet.prefix)) >>> 0 === subnet.network
}

/** Both ends belong to the range. */
export function rangeContains(range: Ipv4Range, address: Ipv4): boolean {
  return address >= range.first && address <= range.last
}

/** Reads `10.77.0.0/24`. The error is one sentence for the operator. */
export function parseSubnet(text: string): Result<Subnet, string> {
  const [addressText, prefixText, ...rest] = text.split('/')
  const address = parseIpv4(addressText ?? '')
  const prefix = /^[0-9]{1,2}$/.test(prefixText ?? '') ? Number(prefixText) : -1
  if (address === undefined || prefix < 0 || prefix > 32 || rest.length > 0)
    return err(`expected a subnet such as 10.77.0.0/24, got "${text}"`)
  const network = ((address & maskOf(prefix)) >>> 0) as Ipv4
  if (network !== address)
    return err(`${text} has host bits set; the subnet is ${formatIpv4(network)}/${prefix}`)
  return ok({ network, prefix })
}

/** Network address and prefix length, `10.77.0.0/24`, as `parseSubnet` reads it. */
export function formatSubnet(subnet: Subnet): string {
  return `${formatIpv4(subnet.network)}/${subnet.prefix}`
}

/** Reads `10.77.0.100-10.77.0.199`, or one address alone. The error is one sentence for the operator. */
export function parseRange(text: string): Result<Ipv4Range, string> {
  const parts = text.split('-').map((part) => part.trim())
  const first = parseIpv4(parts[0] ?? '')
  const last = parts.length === 1 ? first : parseIpv4(parts[1] ?? '')
  if (first === undefined || last === undefined || parts.length > 2)
    return err(`expected a range such as 10.77.0.100-10.77.0.199, got "${text}"`)
  if (last < first) return err(`the range ${text} ends before it begins`)
  return ok({ first, last })
}

/** The address `offset` after this one; wraps at 255.255.255.255. */
export function addIpv4(address: Ipv4, offset: number): Ipv4 {
  return ((address + offset) >>> 0) as Ipv4
}
