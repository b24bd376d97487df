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
    moveLeases: write,
    openAttempt: write,
    saveBoots: write,
    appendEvents: () => {},
    saveSeen: () => {},
    saveProgress: () => {},
    flush: write,
    close: write,
  }
  const health = new StoreHealth(assert.fail)
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

test('after a damaged database nothing is written any more, and that is told once and until the end', async () => {
  let refusal: Error | undefined = Object.assign(new Error('not a sound database'), { code: 'corrupt' })
  let writes = 0
  const write = async (): Promise<void> => {
    writes += 1
    if (refusal !== undefined) throw refusal
  }
  const told: Error[] = []
  const health = new StoreHealth((error) => told.push(error))
  const store = health.watch({
    saveLeases: write,
    moveLeases: write,
    openAttempt: write,
    saveBoots: write,
    appendEvents: () => {},
    saveSeen: () => {},
    saveProgress: () => {},
    flush: write,
    close: write,
  })
  const leases = [lease('10.0.0.5', '02:00:00:00:00:01')]
  await assert.rejects(store.saveLeases(leases), refusal)
  const damage = refusal
  refusal = undefined
  await assert.rejects(store.saveLeases(leases), damage)
  health.fail(new Error('3 events lost'))
  assert.deepEqual(health.item, { name: 'state', problem: 'not a sound database' })
  assert.deepEqual([writes, told], [1, [damage]])
})
