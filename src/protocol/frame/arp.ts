import { Reader, Writer } from '../../lib/bytes.ts'
import { ANY_ADDRESS, type Ipv4, ipv4FromU32 } from '../../lib/ipv4.ts'
import { type Mac, macFromBytes, macToBytes } from '../../lib/mac.ts'

/** ARP for IPv4 on Ethernet (RFC 826), the packet without its Ethernet header. */

const ETHERNET = 1
const IPV4 = 0x0800
const REQUEST = 1
const REPLY = 2

export interface ArpReply {
  readonly address: Ipv4
  readonly mac: Mac
}

/** An ARP Probe (RFC 5227 §1.1): who has this address? The sender's own is 0.0.0.0, so that no cache learns from it. */
export function buildArpProbe(sender: Mac, address: Ipv4): Uint8Array {
  const w = new Writer()
  w.u16(ETHERNET)
  w.u16(IPV4)
  w.u8(6)
  w.u8(4)
  w.u16(REQUEST)
  w.bytes(macToBytes(sender))
  w.u32(ANY_ADDRESS)
  w.bytes(new Uint8Array(6))
  w.u32(address)
  return w.finish()
}

/** Whose address it is, out of a reply; undefined for everything else. */
export function parseArpReply(packet: Uint8Array): ArpReply | undefined {
  const r = new Reader(packet)
  const isOurs = [r.u16() === ETHERNET, r.u16() === IPV4, r.u8() === 6, r.u8() === 4, r.u16() === REPLY]
  const mac = macFromBytes(r.bytes(6))
  const address = ipv4FromU32(r.u32())
  const isWhole = r.failedAt === undefined && isOurs.every(Boolean)
  return isWhole && mac !== undefined ? { address, mac } : undefined
}
