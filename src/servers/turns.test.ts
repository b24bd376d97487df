import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Turns } from './turns.ts'

const MIB = 2 ** 20

/** A transfer of `pieces` pieces of a MiB each, of which the first begins it; notes its name for each. */
async function transfer(turns: Turns, name: string, pieces: number, told: string[]): Promise<void> {
  for (let piece = 0; piece < pieces; piece += 1) {
    await turns.take(piece === 0)
    told.push(name)
    turns.done(MIB)
  }
}

test('R-13: a turn of the event loop has two MiB of large transfers in it, however many there are', async () => {
  const turns = new Turns()
  const told: string[] = []
  const all = Promise.all(Array.from({ length: 100 }, (_, index) => transfer(turns, `${index}`, 1, told)))
  const counts: number[] = []
  while (told.length < 100) {
    counts.push(told.length)
    await turn()
  }
  await all
  const steps = counts.slice(1).map((count, index) => count - (counts[index] ?? 0))
  assert.ok(Math.max(...steps) <= 3, String(steps))
})

test('what begins and what goes on have their turns in turn, each in its order', async () => {
  const turns = new Turns()
  const told: string[] = []
  turns.take(false)
  turns.done(4 * MIB)
  const wait = async (name: string, isFirst: boolean): Promise<void> => {
    await turns.take(isFirst)
    told.push(name)
    turns.done(2 * MIB)
  }
  await Promise.all([wait('on 1', false), wait('on 2', false), wait('new 1', true), wait('new 2', true)])
  assert.deepEqual(told.toSorted(), ['new 1', 'new 2', 'on 1', 'on 2'])
  assert.ok(told.indexOf('new 1') < told.indexOf('on 2') && told.indexOf('on 1') < told.indexOf('new 2'))
})

test('three are at it at once; who waits for one that hangs goes on when another is done', async () => {
  const turns = new Turns()
  assert.deepEqual([turns.take(true), turns.take(true), turns.take(true)], [undefined, undefined, undefined])
  let isIn = false
  const fourth = turns.take(true)?.then(() => {
    isIn = true
  })
  await turn()
  assert.equal(isIn, false)
  turns.done(0)
  await fourth
})
