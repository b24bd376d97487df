import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ip, NODE01 } from '../../test/helpers/world.ts'
import { type Mac, macFromNumber } from '../lib/mac.ts'
import { RecognisedMachines } from './recognised.ts'

const PORT = { relay: ip('10.77.0.254'), circuitId: '65746837' }
const DISCOVER = { isFirmware: false, begins: true }
const REQUEST = { isFirmware: false, begins: false }
const FIRMWARE = { isFirmware: true, begins: true }

describe('a machine whose only DHCP is iPXE without a UUID', () => {
  test('has left the port and the identifier that its next DISCOVER does not show', () => {
    const recognised = new RecognisedMachines()
    recognised.noteShown(NODE01, { port: PORT, clientId: '00aabb', arch: 'uefi-arm64' }, DISCOVER)
    recognised.noteShown(NODE01, { arch: 'uefi-arm64' }, REQUEST)
    assert.deepEqual(recognised.shownBy(NODE01), { port: PORT, clientId: '00aabb', arch: 'uefi-arm64' })
    assert.ok(recognised.noteShown(NODE01, { arch: 'uefi-arm64' }, DISCOVER))
    assert.deepEqual(recognised.shownBy(NODE01), { arch: 'uefi-arm64' })
  })
})

test('of a boot that firmware began with a UUID, a loader that shows none takes the port alone', () => {
  const recognised = new RecognisedMachines()
  recognised.noteShown(NODE01, { uuid: 'u1', port: PORT, clientId: '00aabb' }, FIRMWARE)
  recognised.noteShown(NODE01, {}, DISCOVER)
  assert.deepEqual(recognised.shownBy(NODE01), { uuid: 'u1', clientId: '00aabb' })
})

test('firmware without a UUID replaces all but the UUIDs, which are from before', () => {
  const recognised = new RecognisedMachines()
  recognised.noteShown(NODE01, { uuid: 'u1', port: PORT, clientId: '00aabb' }, FIRMWARE)
  recognised.noteShown(NODE01, { uuid: 'u2' }, DISCOVER)
  assert.deepEqual(recognised.shownBy(NODE01), { uuid: 'u2', otherUuids: ['u1'] })
  recognised.noteShown(NODE01, {}, FIRMWARE)
  assert.deepEqual(recognised.shownBy(NODE01), { earlier: { uuid: 'u2', otherUuids: ['u1'] } })
})

test('strangers, however many, do not make a machine be forgotten that a node describes', () => {
  const recognised = new RecognisedMachines()
  recognised.noteShown(NODE01, { uuid: 'u2' }, FIRMWARE)
  const stranger = (i: number): Mac => macFromNumber(0x020000000000 + i) ?? assert.fail()
  for (let i = 0; i < 20_010; i += 1) {
    recognised.noteStanding(stranger(i), false)
    recognised.note(stranger(i), { node: 'node02', by: 'uuid', key: { uuid: 'u2' } })
    recognised.noteShown(stranger(i), { uuid: 'u2' }, FIRMWARE)
  }
  assert.deepEqual(recognised.shownBy(NODE01), { uuid: 'u2' })
  assert.equal(recognised.shownBy(stranger(10)), undefined, 'the first of them')
  assert.deepEqual(recognised.shownBy(stranger(20_009)), { uuid: 'u2' })
  assert.equal([...recognised.claimants('node02')].length, 19_999)
})
