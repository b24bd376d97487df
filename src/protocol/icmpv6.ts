import { Reader, Writer } from '../lib/bytes.ts'
import { type Mac, macFromBytes } from '../lib/mac.ts'
import { err, ok, type Result } from '../lib/result.ts'

/** ICMPv6 types of neighbour discovery (RFC 4861 §4.1, §4.2). */
export const ROUTER_SOLICITATION = 133
export const ROUTER_ADVERTISEMENT = 134

export interface RouterSolicitation {
  /** The sender's link-layer address, when it gives one (option 1). */
  readonly sourceLinkLayer?: Uint8Array
}

export interface Icmpv6Error {
  readonly code: 'truncated' | 'not-router-solicitation' | 'bad-option'
  /** Offset in the message. */
  readonly at: number
}

/** RFC 4861 §4.6.1: source link-layer address; lengths count units of 8 octets. */
const OPTION_SOURCE_LINK_LAYER = 1
const OPTION_UNIT = 8

/** Reads a router solicitation, the ICMPv6 message without its IPv6 header (RFC 4861 §4.1, validity §6.1.1). */
export function decodeRouterSolicitation(message: Uint8Array): Result<RouterSolicitation, Icmpv6Error> {
  const reader = new Reader(message)
  const type = reader.u8()
  const code = reader.u8()
  reader.bytes(2) // checksum, which the kernel has verified
  reader.bytes(4) // reserved
  if (reader.failedAt !== undefined) return err({ code: 'truncated', at: reader.failedAt })
  if (type !== ROUTER_SOLICITATION || code !== 0) return err({ code: 'not-router-solicitation', at: 0 })
  let sourceLinkLayer: Uint8Array | undefined
  while (reader.remaining > 0) {
    const at = reader.at
    const option = reader.u8()
    const length = reader.u8() * OPTION_UNIT
    // RFC 4861 §4.6: a length of zero makes the whole packet invalid; it would also loop for ever here.
    if (length === 0) return err({ code: 'bad-option', at })
    const value = reader.bytes(length - 2)
    if (reader.failedAt !== undefined) return err({ code: 'truncated', at: reader.failedAt })
    if (option === OPTION_SOURCE_LINK_LAYER) sourceLinkLayer = value
  }
  return ok(sourceLinkLayer === undefined ? {} : { sourceLinkLayer })
}

/**
 * A router advertisement from something that is not a router (RFC 4861 §4.2): lifetime 0, no prefix, no flags,
 * every parameter "unspecified". It changes nobody's routing; it only ends the wait of a client that would
 * otherwise ask several times. The checksum is zero: the kernel fills it in on raw ICMPv6 sockets (RFC 3542 §3.1).
 */
export function encodeEmptyRouterAdvertisement(): Uint8Array {
  const writer = new Writer()
  writer.u8(ROUTER_ADVERTISEMENT)
  writer.u8(0) // code
  writer.u16(0) // checksum
  writer.u8(0) // current hop limit: unspecified
  writer.u8(0) // no M, no O flag, medium preference
  writer.u16(0) // router lifetime: not a default router
  writer.u32(0) // reachable time: unspecified
  writer.u32(0) // retransmission timer: unspecified
  return writer.finish()
}

/** A router solicitation without options (RFC 4861 §4.1); the kernel fills the checksum in. */
export function encodeRouterSolicitation(): Uint8Array {
  return Uint8Array.of(ROUTER_SOLICITATION, 0, 0, 0, 0, 0, 0, 0)
}

/**
 * The Ethernet address that a link-local address was made of (RFC 4291 appendix A: `fe80::` and the modified EUI-64);
 * undefined for any other of its 16 octets.
 */
export function macOfLinkLocal(address: Uint8Array): Mac | undefined {
  const [a = 0, b, c, d, e, f, g, h] = address.subarray(8)
  const isLinkLocal =
    address[0] === 0xfe && address[1] === 0x80 && address.subarray(2, 8).every((o) => o === 0)
  if (!isLinkLocal || d !== 0xff || e !== 0xfe) return undefined
  return macFromBytes(Uint8Array.of(a ^ 2, b ?? 0, c ?? 0, f ?? 0, g ?? 0, h ?? 0))
}
