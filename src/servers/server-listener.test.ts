import assert from 'node:assert/strict'
import { test } from 'node:test'
import { macFromBytes, macToBytes } from '../lib/mac.ts'
import { decodeDhcp4 } from '../protocol/dhcp4/decode.ts'
import { wantsBroadcast } from '../protocol/dhcp4/message.ts'
import { messageType, vendorClass } from '../protocol/dhcp4/options.ts'
import { parseEthernetUdp } from '../protocol/frame/ipv4-udp.ts'
import { isOwnProbe, probeMac, probePackets } from './server-listener.ts'

test("O03: the probe's MAC is locally administered and an individual's, whatever chance gives", () => {
  for (const octet of [0, 1, 2, 3, 0x52, 0xff])
    assert.match(probeMac(Uint8Array.of(octet, 0xab, octet, 0xcd, 0xef, 1)), /^02:ab:..:cd:ef:01$/)
})

test('O03: the probe is two DISCOVERs, plain and as PXE firmware, from 0.0.0.0, answered by broadcast', () => {
  const mac = probeMac(Uint8Array.of(9, 8, 7, 6, 5, 4))
  const messages = probePackets(mac, { plain: 6, pxe: 7 }).map((packet) => {
    const udp = parseEthernetUdp(Uint8Array.from([...new Uint8Array(12), 8, 0, ...packet]))
    assert.ok(udp.ok)
    const { source, destination, sourcePort, destinationPort } = udp.value
    assert.deepEqual([source, destination, sourcePort, destinationPort], [0, 0xffffffff, 68, 67])
    assert.ok(isOwnProbe(udp.value.payload, macToBytes(mac)) && !isOwnProbe(udp.value.payload))
    const decoded = decodeDhcp4(udp.value.payload)
    assert.ok(decoded.ok)
    return decoded.value
  })
  assert.deepEqual(
    messages.map((message) => [
      message.op,
      messageType(message),
      message.xid,
      macFromBytes(message.chaddr),
      wantsBroadcast(message),
      vendorClass(message),
    ]),
    [
      ['request', 'DISCOVER', 6, '02:08:07:06:05:04', true, undefined],
      ['request', 'DISCOVER', 7, '02:08:07:06:05:04', true, 'PXEClient:Arch:00007:UNDI:003000'],
    ],
  )
})
