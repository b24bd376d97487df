import { Reader, Writer } from '../../lib/bytes.ts'
import { type Ipv4, ipv4FromU32 } from '../../lib/ipv4.ts'
import { internetChecksum } from './ipv4-udp.ts'

const ECHO_REPLY = 0
const ECHO = 8
const ICMP = 1
/** Some hosts and filters want data; it is of no other use. */
const DATA = new Uint8Array(8)

/** An ICMP echo request (RFC 792) without its IPv4 header; `identifier` and `sequence` come back in the reply. */
export function buildIcmpEcho(identifier: number, sequence: number): Uint8Array {
  const w = new Writer()
  w.u8(ECHO)
  w.u8(0)
  w.u16(0)
  w.u16(identifier)
  w.u16(sequence)
  w.bytes(DATA)
  const message = w.finish()
  new DataView(message.buffer).setUint16(2, internetChecksum(message))
  return message
}

/** Who sent an echo reply with this identifier, out of an IPv4 packet; undefined for everything else. */
export function parseIcmpEchoReply(packet: Uint8Array, identifier: number): Ipv4 | undefined {
  const r = new Reader(packet)
  const headerLength = (r.u8() & 15) * 4
  r.bytes(8)
  const protocol = r.u8()
  r.u16()
  const source = ipv4FromU32(r.u32())
  r.bytes(Math.max(0, headerLength - 16))
  const [type, code] = [r.u8(), r.u8()]
  r.u16()
  const isOurs = protocol === ICMP && type === ECHO_REPLY && code === 0 && r.u16() === identifier
  return isOurs && r.failedAt === undefined ? source : undefined
}
