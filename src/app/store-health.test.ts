import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lease } from '../../test/helpers/state.ts'
import type { StateStore } from '../model/ports.ts'
import { StoreHealth } from './store-health.ts'

test('a refused write is told until the next one succeeds, and the writer learns of it too', async () => {
  let refusal: Error | undefined
  const write = async (): Promise<void> => {
    if (refusal !== undefined) throw refusal
  }
  const disk: StateStore = {
    saveLeases: write,
    openAttempt: write,
    appendEvents: () => {},
    saveSeen: () => {},
    saveProgress: () => {},
    flush: write,
    close: write,
  }
  const health = new StoreHealth()
  const store = health.watch(disk)
  const leases = [lease('10.0.0.5', '02:00:00:00:00:01')]
  await store.saveLeases(leases)
  assert.deepEqual(health.item, { name: 'state' })
  refusal = new Error('no space is left')
  await assert.rejects(store.saveLeases(leases), refusal)
  assert.deepEqual(health.item, { name: 'state', problem: 'no space is left' })
  refusal = undefined
  await store.saveLeases(leases)
  assert.deepEqual(health.item, { name: 'state' })
  health.fail(new Error('3 events lost'))
  assert.deepEqual(health.item, { name: 'state', problem: '3 events lost' })
})
