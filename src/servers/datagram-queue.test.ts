import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { ANY_ADDRESS } from '../lib/ipv4.ts'
import { DatagramQueue, type DropReason } from './datagram-queue.ts'
import type { Datagram } from './socket.ts'

/** A queue before a kernel where `waiting` waits; `cost` is the time that one message takes. */
function queueBefore(waiting: Datagram[], cost = 0) {
  const handled: number[] = []
  const drops: DropReason[] = []
  const clock = { now: 1_000_000 }
  const queue = new DatagramQueue({
    receive: () => waiting.splice(0, 32),
    handle: ({ port }) => {
      handled.push(port)
      clock.now += cost
    },
    onDrop: (reason) => drops.push(reason),
    now: () => clock.now,
  })
  return { queue, handled, drops, clock }
}

const message = (port: number, receivedAt = 1_000_000): Datagram => ({
  bytes: new Uint8Array(),
  address: ANY_ADDRESS,
  port,
  receivedAt,
})

test('what waits behind the first message is handled in its order', () => {
  const { queue, handled, drops } = queueBefore([message(2), message(3)])
  queue.arrived(message(1))
  assert.deepEqual([handled, drops], [[1, 2, 3], []])
})

test('a long turn is broken off, and goes on after the others had theirs', async () => {
  const { queue, handled } = queueBefore([message(2), message(3), message(4)], 3)
  queue.arrived(message(1))
  assert.deepEqual(handled, [1, 2])
  queue.arrived(message(5))
  assert.deepEqual(handled, [1, 2])
  while (handled.length < 5) await turn()
  assert.deepEqual(handled, [1, 2, 3, 4, 5])
})

test('of more messages than fit the oldest are dropped, and counted', async () => {
  const { queue, handled, drops } = queueBefore(
    Array.from({ length: 1500 }, (_, n) => message(n + 2, 1_009_000)),
    5,
  )
  queue.arrived(message(1))
  while (handled.length + drops.length < 1501) await turn()
  assert.ok(drops.length > 400 && drops.every((reason) => reason === 'the queue is full'))
  assert.equal(handled.at(-1), 1501)
  assert.deepEqual(
    handled,
    [...handled].sort((a, b) => a - b),
  )
})

test('R-12: a message older than four seconds is not answered', () => {
  const { queue, handled, drops } = queueBefore([message(2, 996_000), message(3)])
  queue.arrived(message(1, 995_999))
  assert.deepEqual(handled, [2, 3])
  assert.deepEqual(drops, ['waited too long'])
})

test('a closed queue handles nothing more', async () => {
  const { queue, handled } = queueBefore([message(2), message(3)], 9)
  queue.arrived(message(1))
  queue.close()
  await turn()
  assert.deepEqual(handled, [1])
})
