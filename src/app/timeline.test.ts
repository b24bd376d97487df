import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryStore } from '../../test/helpers/memory.ts'
import { NOW } from '../../test/helpers/world.ts'
import type { BootEvent } from '../model/event.ts'
import { Timeline } from './timeline.ts'

const ACK: BootEvent = { time: NOW, kind: 'dhcp.ack', detail: {} }
const PROGRESS: BootEvent = { time: NOW, kind: 'http.progress', detail: {} }

test('events are numbered, stored and told; progress is told alone', () => {
  const store = new MemoryStore()
  const timeline = new Timeline(store, 0)
  const told: (number | undefined)[] = []
  const stop = timeline.follow((event) => told.push(event.id))
  for (const event of [ACK, PROGRESS, ACK]) timeline.emit(event)
  stop()
  timeline.emit(ACK)
  assert.deepEqual(told, [1, undefined, 2])
  assert.deepEqual(
    store.events.map(({ id }) => id),
    [1, 2, 3],
  )
  assert.deepEqual(
    timeline.recent(1).map(({ id }) => id),
    [2, 3],
  )
  assert.equal(timeline.lastId, 3)
})

test('ids go on above those of the last start', () => {
  const timeline = new Timeline(new MemoryStore(), 41)
  timeline.emit(ACK)
  assert.ok(timeline.lastId > 41)
})

test('memory is bounded; the newest events stay', () => {
  const timeline = new Timeline(new MemoryStore(), 0)
  for (let i = 0; i < 10_000; i += 1) timeline.emit(ACK)
  const ids = timeline.recent(0).map(({ id }) => id)
  assert.ok(ids.length >= 2000 && ids.length <= 4000, `${ids.length} events`)
  assert.equal(ids.at(-1), 10_000)
})
