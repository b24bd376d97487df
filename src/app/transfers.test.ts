import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeEvent } from '../render/event.ts'
import { STALL_S, type TransferOwner, Transfers } from './transfers.ts'

const OWNER: TransferOwner = {
  ...{ plane: 'http', network: 'provisioning', address: '10.77.0.11', node: 'node01', file: 'initrd.img' },
}
const SIZE = 80_000_000

test('a transfer that does not move stalls once, and tells when it goes on', () => {
  let now = 0
  const transfers = new Transfers(() => now)
  const told = (): readonly string[] => transfers.due(5).map(describeEvent)
  const handle = transfers.begin(OWNER, SIZE)
  now = 500
  handle.moved(8_000_000)
  now += STALL_S * 1000 - 1
  assert.deepEqual(told(), [])
  now += 1
  assert.deepEqual(told(), ['HTTP stalled initrd.img 8.0 MB of 80.0 MB nothing moved for 10 s'])
  now += 1000
  handle.moved(8_000_000)
  assert.deepEqual(told(), [])
  assert.deepEqual(
    transfers.list().map(({ sent, stalledMs }) => [sent, stalledMs]),
    [[8_000_000, STALL_S * 1000 + 1000]],
  )
  now += 1000
  handle.moved(9_000_000)
  const [resumed] = transfers.due(77)
  assert.equal(resumed?.time, 77)
  assert.equal(resumed?.node, 'node01')
  assert.ok(resumed !== undefined)
  assert.equal(describeEvent(resumed), 'HTTP goes on initrd.img 9.0 MB of 80.0 MB nothing moved for 12 s')
  assert.equal(transfers.stallsOf('http'), 1)
  handle.end()
  now += 60_000
  assert.deepEqual([told(), transfers.list()], [[], []])
})

test('the rate is that of the last seconds', () => {
  let now = 0
  const transfers = new Transfers(() => now)
  const handle = transfers.begin(OWNER, SIZE)
  let sent = 0
  const advance = (seconds: number, perSecond: number): number => {
    let rate = 0
    for (let i = 0; i < seconds * 2; i += 1) {
      now += 500
      sent += perSecond / 2
      rate = handle.moved(sent)
    }
    return rate
  }
  assert.equal(advance(6, 10_000_000), 10_000_000)
  assert.equal(advance(6, 1_000_000), 1_000_000)
})

test('who stalls again and again is told of ten times', () => {
  let now = 0
  const transfers = new Transfers(() => now)
  const handle = transfers.begin(OWNER, SIZE)
  let events = 0
  for (let i = 1; i <= 50; i += 1) {
    now += STALL_S * 1000
    events += transfers.due(0).length
    handle.moved(i)
  }
  events += transfers.due(0).length
  assert.deepEqual([events, transfers.stallsOf('http')], [20, 50])
})
