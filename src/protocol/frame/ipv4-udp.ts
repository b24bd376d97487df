import { Reader, Writer } from '../../lib/bytes.ts'
import { type Ipv4, ipv4FromU32 } from '../../lib/ipv4.ts'
import { type Mac, macFromBytes } from '../../lib/mac.ts'
import { err, ok, type Result } from '../../lib/result.ts'

const ETHERTYPE = { ipv4: 0x0800, vlan: 0x8100 } as const
const UDP = 17
const IPV4_HEADER = 20
const UDP_HEADER = 8
const DONT_FRAGMENT = 0x4000
/** The "more fragments" flag and the fragment offset (RFC 791 §3.1). */
const FRAGMENT_BITS = 0x3fff

export interface Ipv4UdpParts {
  readonly source: Ipv4
  readonly destination: Ipv4
  readonly sourcePort: number
  readonly destinationPort: number
  readonly payload: Uint8Array
  /** Time to live in hops; 64 unless told. */
  readonly ttl?: number
  /** The identification field; 0 unless told, which RFC 6864 §4.1 allows for datagrams that are never fragmented. */
  readonly id?: number
}

export interface UdpFrame {
  readonly sourceMac: Mac
  readonly destinationMac: Mac
  readonly source: Ipv4
  readonly destination: Ipv4
  readonly sourcePort: number
  readonly destinationPort: number
  /** A view into the frame. */
  readonly payload: Uint8Array
}

export interface FrameError {
  readonly code: 'too-short' | 'not-ipv4' | 'not-udp' | 'fragment' | 'bad-length'
  /** The offset in the frame. */
  readonly at: number
}

/** An IPv4 datagram (RFC 791) with a UDP datagram (RFC 768), both checksums filled in, marked "don't fragment". */
export function buildIpv4Udp(parts: Ipv4UdpParts): Uint8Array {
  const udp = udpDatagram(parts)
  const w = new Writer()
  w.u16(0x4500)
  w.u16(IPV4_HEADER + udp.length)
  w.u16(parts.id ?? 0)
  w.u16(DONT_FRAGMENT)
  w.u8(parts.ttl ?? 64)
  w.u8(UDP)
  w.u16(0)
  w.u32(parts.source)
  w.u32(parts.destination)
  const header = w.finish()
  new DataView(header.buffer).setUint16(10, internetChecksum(header))
  return concat(header, udp)
}

/**
 * The UDP datagram of an Ethernet frame, with or without one 802.1Q tag. Checksums are not verified: frames captured
 * on the sending host carry unfinished ones, because the network card fills them in.
 */
export function parseEthernetUdp(frame: Uint8Array): Result<UdpFrame, FrameError> {
  const r = new Reader(frame)
  const destinationMac = macFromBytes(r.bytes(6))
  const sourceMac = macFromBytes(r.bytes(6))
  let etherType = r.u16()
  if (etherType === ETHERTYPE.vlan) {
    r.u16()
    etherType = r.u16()
  }
  if (r.failedAt !== undefined || destinationMac === undefined || sourceMac === undefined)
    return err({ code: 'too-short', at: frame.length })
  if (etherType !== ETHERTYPE.ipv4) return err({ code: 'not-ipv4', at: r.at - 2 })
  const datagram = parseIpv4Udp(frame.subarray(r.at), r.at)
  return datagram.ok ? ok({ sourceMac, destinationMac, ...datagram.value }) : datagram
}

/** The Internet checksum: the ones' complement of the ones' complement sum of 16-bit words (RFC 1071). */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return ~sum & 0xffff
}

function udpDatagram(parts: Ipv4UdpParts): Uint8Array {
  const length = UDP_HEADER + parts.payload.length
  if (length > 0xffff - IPV4_HEADER)
    throw new RangeError(`${parts.payload.length} octets do not fit a datagram`)
  const w = new Writer()
  w.u16(parts.sourcePort)
  w.u16(parts.destinationPort)
  w.u16(length)
  w.u16(0)
  w.bytes(parts.payload)
  const datagram = w.finish()
  const checksum = internetChecksum(concat(pseudoHeader(parts, length), datagram))
  // A computed zero is sent as all ones, because zero says "no checksum" (RFC 768).
  new DataView(datagram.buffer).setUint16(6, checksum === 0 ? 0xffff : checksum)
  return datagram
}

function pseudoHeader(parts: Ipv4UdpParts, length: number): Uint8Array {
  const w = new Writer()
  w.u32(parts.source)
  w.u32(parts.destination)
  w.u16(UDP)
  w.u16(length)
  return w.finish()
}

function parseIpv4Udp(
  packet: Uint8Array,
  at: number,
): Result<Omit<UdpFrame, 'sourceMac' | 'destinationMac'>, FrameError> {
  const r = new Reader(packet)
  const versionAndLength = r.u8()
  r.u8()
  const totalLength = r.u16()
  r.u16()
  const fragment = r.u16()
  r.u8()
  const protocol = r.u8()
  r.u16()
  const source = ipv4FromU32(r.u32())
  const destination = ipv4FromU32(r.u32())
  const headerLength = (versionAndLength & 15) * 4
  if (r.failedAt !== undefined) return err({ code: 'too-short', at: at + packet.length })
  if (versionAndLength >>> 4 !== 4) return err({ code: 'not-ipv4', at })
  if (headerLength < IPV4_HEADER || totalLength < headerLength) return err({ code: 'bad-length', at })
  if (totalLength > packet.length) return err({ code: 'too-short', at: at + packet.length })
  if (protocol !== UDP) return err({ code: 'not-udp', at: at + 9 })
  if ((fragment & FRAGMENT_BITS) !== 0) return err({ code: 'fragment', at: at + 6 })
  const udp = parseUdp(packet.subarray(headerLength, totalLength), at + headerLength)
  return udp.ok ? ok({ source, destination, ...udp.value }) : udp
}

function parseUdp(
  datagram: Uint8Array,
  at: number,
): Result<Pick<UdpFrame, 'sourcePort' | 'destinationPort' | 'payload'>, FrameError> {
  const r = new Reader(datagram)
  const sourcePort = r.u16()
  const destinationPort = r.u16()
  const length = r.u16()
  r.u16()
  if (r.failedAt !== undefined) return err({ code: 'too-short', at: at + datagram.length })
  if (length < UDP_HEADER || length > datagram.length) return err({ code: 'bad-length', at: at + 4 })
  return ok({ sourcePort, destinationPort, payload: datagram.subarray(UDP_HEADER, length) })
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length)
  joined.set(a)
  joined.set(b, a.length)
  return joined
}
