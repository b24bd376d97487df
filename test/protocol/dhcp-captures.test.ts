import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import { describeDhcp4 } from '../../src/protocol/dhcp4/describe.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import { LINKTYPE_ETHERNET } from '../../src/protocol/pcap.ts'
import { capture, captureNames, type DhcpPacket, dhcpPackets } from '../helpers/dhcp-fixtures.ts'
import { assertGolden } from '../helpers/golden.ts'

/** Captures of boots that use no DHCPv4 at all. */
const WITHOUT_DHCP4 = ['uefi-edk2-pxev6']

describe('captured boots', () => {
  test('the captures are there', () => {
    assert.equal(captureNames().length, 28)
    for (const name of captureNames()) {
      assert.equal(capture(name).linkType, LINKTYPE_ETHERNET, name)
      assert.equal(capture(name).truncatedAt, undefined, name)
    }
  })

  for (const name of captureNames()) {
    test(`${name} reads as its golden text`, () => {
      const packets = dhcpPackets(name)
      assert.equal(packets.length === 0, WITHOUT_DHCP4.includes(name))
      const others = capture(name).packets.length - packets.length
      const summary = `${packets.length} DHCP packets, ${others} others\n`
      assertGolden(`pcap/${name}.txt`, [summary, ...packets.map(packetText)].join('\n'))
    })

    test(`${name} encodes to the same octets`, () => {
      for (const { number, frame } of dhcpPackets(name)) {
        const message = decodeDhcp4(frame.payload)
        assert.ok(message.ok, `packet ${number}`)
        assert.deepEqual(message.value.notes, [], `packet ${number}`)
        const encoded = encodeDhcp4(message.value, { minLength: frame.payload.length })
        assert.deepEqual(encoded, new Uint8Array(frame.payload), `packet ${number}`)
      }
    })
  }
})

function packetText({ number, sinceStart, frame }: DhcpPacket): string {
  const from = `${formatIpv4(frame.source)}:${frame.sourcePort} (${frame.sourceMac})`
  const to = `${formatIpv4(frame.destination)}:${frame.destinationPort} (${frame.destinationMac})`
  const message = decodeDhcp4(frame.payload)
  const text = message.ok ? describeDhcp4(message.value) : `${message.error.code} at ${message.error.at}\n`
  return `packet ${number}, ${(sinceStart / 1000).toFixed(3)} ms\n${from} > ${to}\n${text}`
}
