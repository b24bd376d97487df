import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Drops } from './drops.ts'

test('every drop counts, a flood of them is told in few events that add up', () => {
  const drops = new Drops()
  let told = 0
  let events = 0
  for (let i = 0; i < 10_000; i += 1) {
    const count = drops.note('provisioning', 1000 + i)
    told += count
    events += count > 0 ? 1 : 0
  }
  assert.deepEqual(drops.totals(), { provisioning: 10_000 })
  // 20 at once, then one in each of the 10 seconds; the last second's drops wait for the next event.
  assert.ok(events >= 29 && events <= 30, `${events} events`)
  assert.ok(told >= 9000 && told <= 10_000, `${told} told`)
  assert.equal(told + drops.note('provisioning', 60_000), 10_001)
  assert.equal(drops.note('other', 0), 1, 'another network has its own count')
})
