import assert from 'node:assert/strict'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { DEFAULT_HTTP_LIMITS } from '../model/http-limits.ts'
import { Connections } from './connections.ts'

function scene(connections: number, connectionsPerClient = 32) {
  const all = new Connections(() => ({ ...DEFAULT_HTTP_LIMITS, connections, connectionsPerClient }))
  return {
    all,
    open: (peer: string): Socket => {
      const socket = new Socket()
      all.open(socket, peer)
      return socket
    },
    /** The request of a connection is there; the function ends its answer. */
    ask: (socket: Socket): (() => void) => {
      const request = new IncomingMessage(socket)
      const response = new ServerResponse(request)
      all.asked(request, response)
      return () => response.emit('finish')
    },
  }
}

test('when all are taken, the one that has waited longest with its request makes room', () => {
  const { all, open, ask } = scene(4)
  const served = open('a')
  ask(served)
  const slow = [open('b'), open('b'), open('b')]
  const next = open('c')
  assert.deepEqual(
    [served, ...slow, next].map(({ destroyed }) => destroyed),
    [false, true, false, false, false],
  )
  assert.deepEqual(all.figures, { open: 4, evicted: 1, refused: 0 })
})

test('then the one that has been idle longest; an answer under way is never cut for a new client', () => {
  const { all, open, ask } = scene(2)
  const [one, other] = [open('a'), open('b')]
  const [, endOther] = [ask(one), ask(other)]
  assert.ok(open('c').destroyed, 'both are served')
  endOther()
  const next = open('c')
  assert.deepEqual([one.destroyed, other.destroyed, next.destroyed], [false, true, false])
  assert.deepEqual(all.figures, { open: 2, evicted: 1, refused: 1 })
})

test('of pipelined requests the last answer makes a connection idle', () => {
  const { open, ask } = scene(1)
  const piped = open('a')
  const [endFirst, endSecond] = [ask(piped), ask(piped)]
  endFirst()
  assert.ok(open('b').destroyed, 'the second is being answered')
  endSecond()
  assert.ok(!open('b').destroyed)
  assert.ok(piped.destroyed)
})

test('an address with many takes its own places once more than half are taken', () => {
  const { open, ask } = scene(10, 2)
  const greedy = Array.from({ length: 6 }, () => open('a'))
  for (const socket of greedy.slice(0, 5)) ask(socket)
  assert.ok(
    greedy.every(({ destroyed }) => !destroyed),
    'while there is room',
  )
  const other = open('b')
  const seventh = open('a')
  assert.ok(greedy[5]?.destroyed && !other.destroyed && !seventh.destroyed)
  ask(seventh)
  assert.ok(open('a').destroyed, 'all of its own are served')
  assert.ok(!open('c').destroyed)
})

test('R-13: those that send no head in time are cut, a hundred at once at most', async () => {
  const all = new Connections(() => ({ ...DEFAULT_HTTP_LIMITS, headers: 0.05 }))
  const sockets = Array.from({ length: 250 }, () => new Socket())
  for (const [index, socket] of sockets.entries()) all.open(socket, `client ${index}`)
  const asked = sockets[120] ?? assert.fail()
  const request = new IncomingMessage(asked)
  all.asked(request, new ServerResponse(request))
  const cut = (): number => sockets.filter(({ destroyed }) => destroyed).length
  const steps: number[] = []
  for (let before = 0; before < 249; before += steps.at(-1) ?? 0) {
    await turn()
    steps.push(cut() - before)
  }
  assert.ok(Math.max(...steps) <= 100, String(steps.filter((step) => step > 0)))
  assert.equal(asked.destroyed, false)
})
