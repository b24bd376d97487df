import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseEthernetUdp, type UdpFrame } from '../../src/protocol/frame/ipv4-udp.ts'
import { type Capture, readPcap } from '../../src/protocol/pcap.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures')
const DHCP_PORTS = [67, 68, 4011]

export interface Vector {
  readonly name: string
  readonly bytes: Uint8Array
  /** `address:port`. */
  readonly source: string
  readonly destination: string
}

/** The worked packets: P1 to P31 DHCPv4, T1 to T8 TFTP, S1 and S2 DHCPv6. */
export function vectors(): readonly Vector[] {
  const rows: Record<string, { hex: string; len: number; src: string; dst: string }> = JSON.parse(
    readFileSync(join(FIXTURES, 'vectors/packets.json'), 'utf8'),
  )
  return Object.entries(rows).map(([name, row]) => {
    const bytes = new Uint8Array(Buffer.from(row.hex, 'hex'))
    assert.equal(bytes.length, row.len, `${name} has the length it claims`)
    return { name, bytes, source: row.src, destination: row.dst }
  })
}

/** The worked packet of this name. */
export function vector(name: string): Vector {
  const found = vectors().find((row) => row.name === name)
  assert.ok(found, `no vector ${name}`)
  return found
}

/** The names of all captures, without `.pcap`. */
export function captureNames(): readonly string[] {
  const files = readdirSync(join(FIXTURES, 'pcap')).filter((file) => file.endsWith('.pcap'))
  return files.map((file) => basename(file, '.pcap')).sort()
}

export function capture(name: string): Capture {
  const read = readPcap(readFileSync(join(FIXTURES, `pcap/${name}.pcap`)))
  assert.ok(read.ok, `${name}.pcap is readable`)
  return read.value
}

export interface DhcpPacket {
  /** Counts from 1, as Wireshark does. */
  readonly number: number
  /** Microseconds since the first packet of the capture. */
  readonly sinceStart: number
  readonly frame: UdpFrame
}

/** The datagrams of a capture to or from a DHCP or PXE boot server port. */
export function dhcpPackets(name: string): readonly DhcpPacket[] {
  const { packets } = capture(name)
  const start = packets[0]?.timeMicros ?? 0
  return packets.flatMap((packet, index) => {
    const frame = parseEthernetUdp(packet.bytes)
    if (!frame.ok || !DHCP_PORTS.includes(frame.value.destinationPort)) return []
    return { number: index + 1, sinceStart: packet.timeMicros - start, frame: frame.value }
  })
}

/** Every DHCPv4 message we have: vectors and captures. */
export function dhcpMessages(): readonly { readonly name: string; readonly bytes: Uint8Array }[] {
  const captured = captureNames().flatMap((name) =>
    dhcpPackets(name).map(({ number, frame }) => ({
      name: `${name}#${number}`,
      bytes: new Uint8Array(frame.payload),
    })),
  )
  return [...vectors().filter(({ name }) => name.startsWith('P')), ...captured]
}
