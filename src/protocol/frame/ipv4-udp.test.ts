import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { capture, captureNames } from '../../../test/helpers/dhcp-fixtures.ts'
import { formatIpv4, type Ipv4, ipv4FromU32, parseIpv4 } from '../../lib/ipv4.ts'
import { fromHex, toHex } from '../../lib/text.ts'
import { buildIpv4Udp, type FrameError, internetChecksum, parseEthernetUdp } from './ipv4-udp.ts'

const ETHERNET = 'ffffffffffff525400123456'

function ip(text: string): Ipv4 {
  const address = parseIpv4(text)
  assert.ok(address !== undefined)
  return address
}

function bytes(text: string): Uint8Array {
  const octets = fromHex(text.replaceAll(' ', ''))
  assert.ok(octets, text)
  return octets
}

const parts = {
  source: ip('192.0.2.2'),
  destination: ip('192.0.2.50'),
  sourcePort: 67,
  destinationPort: 68,
  payload: bytes('68656c6c6f'),
}

/** The sum over header or pseudo-header and datagram, checksum included, is all ones when right (RFC 1071 §1). */
function checksumsHold(packet: Uint8Array): boolean {
  const udp = packet.subarray(20)
  const pseudo = Uint8Array.from([...packet.subarray(12, 20), 0, 17, ...packet.subarray(24, 26)])
  return (
    internetChecksum(packet.subarray(0, 20)) === 0 &&
    internetChecksum(Uint8Array.from([...pseudo, ...udp])) === 0
  )
}

test('the Internet checksum (RFC 1071 §3)', () => {
  assert.equal(internetChecksum(bytes('0001 f203 f4f5 f6f7')), ~0xddf2 & 0xffff)
  assert.equal(internetChecksum(bytes('ff')), 0x00ff)
  assert.equal(internetChecksum(new Uint8Array()), 0xffff)
})

describe('buildIpv4Udp', () => {
  test('octet for octet (RFC 791 §3.1, RFC 768)', () => {
    const header = '4500 0021 0000 4000 40 11 b697 c0000202 c0000232'
    assert.equal(toHex(buildIpv4Udp(parts)), toHex(bytes(`${header} 0043 0044 000d 3746 68656c6c6f`)))
  })
  test('time to live and identification', () => {
    const packet = buildIpv4Udp({ ...parts, ttl: 1, id: 0xabcd })
    assert.equal(packet[8], 1)
    assert.equal(toHex(packet.subarray(4, 6)), 'abcd')
    assert.ok(checksumsHold(packet))
  })
  test('a checksum of zero is sent as all ones', () => {
    // The payload is chosen so that the sum is 0xffff.
    const without = buildIpv4Udp({ ...parts, payload: bytes('0000') })
    const packet = buildIpv4Udp({ ...parts, payload: without.slice(26, 28) })
    assert.equal(toHex(packet.subarray(26, 28)), 'ffff')
  })
  test('refuses what does not fit', () => {
    assert.throws(() => buildIpv4Udp({ ...parts, payload: new Uint8Array(65_508) }), RangeError)
    assert.throws(() => buildIpv4Udp({ ...parts, destinationPort: 65_536 }), RangeError)
    assert.equal(buildIpv4Udp({ ...parts, payload: new Uint8Array(65_507) }).length, 65_535)
  })
  test('any datagram has good checksums and parses to its parts', () => {
    const datagram = fc.record({
      source: fc.nat(0xffffffff).map(ipv4FromU32),
      destination: fc.nat(0xffffffff).map(ipv4FromU32),
      sourcePort: fc.nat(0xffff),
      destinationPort: fc.nat(0xffff),
      payload: fc.uint8Array({ maxLength: 600 }),
    })
    fc.assert(
      fc.property(datagram, (sent) => {
        const packet = buildIpv4Udp(sent)
        assert.ok(checksumsHold(packet))
        const frame = parseEthernetUdp(Uint8Array.from([...bytes(`${ETHERNET}0800`), ...packet, 0, 0, 0]))
        assert.ok(frame.ok)
        const { sourceMac, destinationMac, ...received } = frame.value
        assert.deepEqual(received, { ...sent })
        assert.deepEqual([sourceMac, destinationMac], ['52:54:00:12:34:56', 'ff:ff:ff:ff:ff:ff'])
      }),
      { seed: 7 },
    )
  })
})

describe('parseEthernetUdp', () => {
  const packet = toHex(buildIpv4Udp(parts))
  const edited = (at: number, octets: string): string =>
    `${ETHERNET}0800${packet.slice(0, at * 2)}${octets}${packet.slice(at * 2 + octets.length)}`

  test('an 802.1Q tag is passed over', () => {
    const frame = parseEthernetUdp(bytes(`${ETHERNET} 8100 6064 0800 ${packet}`))
    assert.ok(frame.ok)
    assert.equal(formatIpv4(frame.value.source), '192.0.2.2')
    assert.equal(toHex(frame.value.payload), '68656c6c6f')
  })
  test('IPv4 options are passed over', () => {
    const options = `46${packet.slice(2, 4)}0025${packet.slice(8, 40)}01010100${packet.slice(40)}`
    const frame = parseEthernetUdp(bytes(`${ETHERNET}0800${options}`))
    assert.ok(frame.ok)
    assert.equal(toHex(frame.value.payload), '68656c6c6f')
  })

  const rows: readonly (readonly [string, string, FrameError])[] = [
    ['nothing', '', { code: 'too-short', at: 0 }],
    ['addresses alone', ETHERNET, { code: 'too-short', at: 12 }],
    ['a tag alone', `${ETHERNET}8100`, { code: 'too-short', at: 14 }],
    ['ARP', `${ETHERNET}0806${'00'.repeat(28)}`, { code: 'not-ipv4', at: 12 }],
    ['IPv6', `${ETHERNET}86dd${'00'.repeat(40)}`, { code: 'not-ipv4', at: 12 }],
    ['two tags', `${ETHERNET}810000018100000208004500`, { code: 'not-ipv4', at: 16 }],
    ['half an IPv4 header', `${ETHERNET}0800${packet.slice(0, 20)}`, { code: 'too-short', at: 24 }],
    ['version 6', edited(0, '65'), { code: 'not-ipv4', at: 14 }],
    ['a header of 16 octets', edited(0, '44'), { code: 'bad-length', at: 14 }],
    ['a total length below the header', edited(2, '0010'), { code: 'bad-length', at: 14 }],
    ['a total length beyond the frame', edited(2, '0022'), { code: 'too-short', at: 47 }],
    ['TCP', edited(9, '06'), { code: 'not-udp', at: 23 }],
    ['the first fragment', edited(6, '2000'), { code: 'fragment', at: 20 }],
    ['the last fragment', edited(6, '0001'), { code: 'fragment', at: 20 }],
    ['a UDP length below 8', edited(24, '0007'), { code: 'bad-length', at: 38 }],
    ['a UDP length beyond the datagram', edited(24, '000e'), { code: 'bad-length', at: 38 }],
    ['half a UDP header', edited(2, '0018'), { code: 'too-short', at: 38 }],
  ]
  for (const [name, frame, error] of rows)
    test(`refuses ${name}`, () => assert.deepEqual(parseEthernetUdp(bytes(frame)), { ok: false, error }))

  test('no prefix of a captured frame throws', () => {
    for (const name of captureNames())
      for (const { bytes: frame } of capture(name).packets)
        for (let length = 0; length < Math.min(frame.length, 64); length += 1) {
          const read = parseEthernetUdp(frame.subarray(0, length))
          assert.ok(!read.ok || length >= 42, 'three headers take 42 octets')
        }
  })
  test('random frames never throw', () => {
    const tail = fc.uint8Array({ maxLength: 80 })
    fc.assert(
      fc.property(
        tail,
        (octets) => void parseEthernetUdp(Uint8Array.from([...bytes(`${ETHERNET}0800`), ...octets])),
      ),
      { seed: 8, numRuns: 500 },
    )
  })
})
