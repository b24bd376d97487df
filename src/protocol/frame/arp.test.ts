import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip, mac } from '../../../test/helpers/world.ts'
import { toHex } from '../../lib/text.ts'
import { buildArpProbe, parseArpReply } from './arp.ts'

const PROBE = '0001080006040001525400770001000000000000000000000a4d0064'

test('an ARP Probe asks from 0.0.0.0, with the hardware address of its sender', () => {
  assert.equal(toHex(buildArpProbe(mac('52:54:00:77:00:01'), ip('10.77.0.100'))), PROBE)
})

test('a reply says whose address it is; nothing else does', () => {
  const reply = Buffer.from(
    `00010800060400020200000000990a4d006452540077000100000000${'00'.repeat(18)}`,
    'hex',
  )
  assert.deepEqual(parseArpReply(reply), { address: ip('10.77.0.100'), mac: '02:00:00:00:00:99' })
  assert.equal(parseArpReply(Buffer.from(PROBE, 'hex')), undefined)
  for (let length = 0; length < 18; length += 1)
    assert.equal(parseArpReply(reply.subarray(0, length)), undefined)
  for (const [at, value] of [
    [0, 9],
    [1, 6],
    [2, 9],
    [4, 8],
    [5, 16],
    [7, 3],
  ] as const) {
    const other = Uint8Array.from(reply)
    other[at] = value
    assert.equal(parseArpReply(other), undefined, `octet ${at}`)
  }
})
