import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { runs } from '../../test/helpers/counts.ts'
import { BootQueue } from './boot-queue.ts'

const NET = 'rack'
const FILES = [
  { path: '/k', size: 100 },
  { path: '/i', size: 900 },
]

/** The rule of `boot/queue.ts`, with so many places; what it told the machine. */
function ask(queue: BootQueue, who: string, boots: number, now: number): 'loads' | number {
  const { loads, loading, ahead, place } = queue.view(NET, who, now)
  if (loads || loading + ahead < boots) {
    queue.admit(NET, who, FILES, now)
    return 'loads'
  }
  queue.wait(NET, who, 1, now)
  return place
}

function fetchAll(queue: BootQueue, who: string, now: number): void {
  for (const { path, size } of FILES) queue.moved(NET, who, { path, sent: size }, now)
}

describe('places', () => {
  test('a place is given on when both files are through, to who came first', () => {
    const queue = new BootQueue()
    assert.deepEqual(
      ['a', 'b', 'c'].map((who) => ask(queue, who, 1, 0)),
      ['loads', 1, 2],
    )
    queue.moved(NET, 'a', { path: '/k', sent: 100 }, 1000)
    assert.deepEqual(
      ['c', 'b'].map((who) => ask(queue, who, 1, 1000)),
      [2, 1],
    )
    queue.moved(NET, 'a', { path: '/i', sent: 900 }, 2000)
    assert.deepEqual(
      ['c', 'b', 'c'].map((who) => ask(queue, who, 1, 2000)),
      [2, 'loads', 1],
    )
    assert.deepEqual(queue.counts(NET, 2000), { loading: 1, waiting: 1 })
  })

  test('a file in parts counts when all of it went; another path moves nothing but the clock', () => {
    const queue = new BootQueue()
    ask(queue, 'a', 1, 0)
    queue.moved(NET, 'a', { path: '/k', sent: 100 }, 1)
    queue.moved(NET, 'a', { path: '/i', sent: 500 }, 2)
    queue.moved(NET, 'a', { path: '/other', sent: 5000 }, 3)
    assert.equal(queue.counts(NET, 3).loading, 1)
    queue.moved(NET, 'a', { path: '/i', sent: 400 }, 4)
    assert.equal(queue.counts(NET, 4).loading, 0)
  })

  test('whoever loads for 15 minutes, however it moves, keeps nobody waiting any longer', () => {
    const queue = new BootQueue()
    ask(queue, 'slow', 1, 0)
    for (let now = 1000; now < 900_000; now += 1000) {
      queue.moved(NET, 'slow', { path: '/i', sent: 0 }, now)
      assert.equal(ask(queue, 'slow', 1, now), 'loads', 'asking again makes it no longer')
      assert.equal(ask(queue, 'b', 1, now), 1)
    }
    queue.moved(NET, 'slow', { path: '/i', sent: 0 }, 900_000)
    assert.deepEqual([ask(queue, 'b', 1, 900_000), ask(queue, 'slow', 1, 900_000)], ['loads', 1])
  })

  test('nothing moved for 30 s: the place is free; a transfer that goes on keeps it', () => {
    const queue = new BootQueue()
    for (const who of ['a', 'b']) ask(queue, who, 2, 0)
    queue.moved(NET, 'b', { path: '/i', sent: 0 }, 20_000)
    assert.deepEqual(queue.counts(NET, 29_999), { loading: 2, waiting: 0 })
    assert.deepEqual(queue.counts(NET, 30_000), { loading: 1, waiting: 0 })
    assert.deepEqual(queue.counts(NET, 50_000), { loading: 0, waiting: 0 })
  })

  test('asking again keeps a place, but not longer than without', () => {
    const queue = new BootQueue()
    ask(queue, 'a', 1, 0)
    assert.equal(ask(queue, 'a', 1, 29_000), 'loads')
    assert.equal(ask(queue, 'b', 1, 30_000), 'loads')
  })

  test('three asks that do not come cost the place in the queue, two do not', () => {
    const queue = new BootQueue()
    for (const who of ['a', 'b', 'c']) ask(queue, who, 1, 0)
    assert.deepEqual(
      ['c', 'b'].map((who) => ask(queue, who, 1, 3000)),
      [2, 1],
    )
    assert.equal(ask(queue, 'c', 1, 10_000), 2)
    assert.equal(ask(queue, 'c', 1, 10_001), 1)
    assert.equal(ask(queue, 'b', 1, 10_001), 2)
  })

  test('a free place is kept for whoever came first and asks in a moment, not for one that sleeps', () => {
    const queue = new BootQueue()
    ask(queue, 'a', 1, 0)
    queue.wait(NET, 'first', 1, 0)
    queue.wait(NET, 'sleeper', 8, 0)
    queue.leave(NET, 'a')
    const about = (who: string, now: number): object => {
      const { ahead, place } = queue.view(NET, who, now)
      return { ahead, place }
    }
    assert.deepEqual(about('first', 100), { ahead: 0, place: 1 })
    assert.deepEqual(about('late', 100), { ahead: 1, place: 3 })
    assert.deepEqual(about('late', 6600), { ahead: 2, place: 3 })
    queue.leave(NET, 'first')
    assert.deepEqual(about('late', 100), { ahead: 0, place: 2 })
  })

  test('the time that it waited is told once, from its first ask', () => {
    const queue = new BootQueue()
    assert.equal(queue.admit(NET, 'a', FILES, 0), undefined)
    assert.equal(queue.wait(NET, 'b', 2, 100), true)
    assert.equal(queue.wait(NET, 'b', 2, 2100), false)
    assert.equal(queue.admit(NET, 'b', FILES, 4100), 4000)
    assert.equal(queue.admit(NET, 'b', FILES, 4200), undefined)
  })

  test('networks do not wait for each other', () => {
    const queue = new BootQueue()
    queue.admit('one', 'a', FILES, 0)
    assert.deepEqual(queue.view('two', 'b', 0), {
      loads: false,
      loading: 0,
      octets: 0,
      ahead: 0,
      place: 1,
      waiting: 1,
    })
  })

  test('a clock that is set back keeps nobody for ever', () => {
    const queue = new BootQueue()
    const late = 1e9
    ask(queue, 'a', 1, late)
    ask(queue, 'b', 1, late)
    assert.deepEqual(queue.counts(NET, 0), { loading: 1, waiting: 1 })
    assert.deepEqual(queue.counts(NET, 30_000), { loading: 0, waiting: 0 })
  })

  test('so many wait and no more: whoever is beyond has no place yet', () => {
    const queue = new BootQueue()
    for (let i = 0; i < 10_000; i += 1) assert.equal(queue.wait(NET, `m${i}`, 10, i / 1000), true)
    assert.equal(queue.wait(NET, 'late', 10, 10), false)
    const { ahead: _, ...late } = queue.view(NET, 'late', 10)
    assert.deepEqual(late, {
      loads: false,
      loading: 0,
      octets: 0,
      place: 10_001,
      waiting: 10_001,
    })
    queue.leave(NET, 'm5')
    assert.equal(queue.wait(NET, 'late', 10, 10), true)
  })
})

const MACHINES = 12

test('any order of asks, transfers and silence: never more than N load, first come first served, nobody is kept', () => {
  const step = fc.record({
    who: fc.nat({ max: MACHINES - 1 }),
    does: fc.constantFrom('ask' as const, 'ask' as const, 'fetch' as const, 'part' as const),
    after: fc.integer({ min: 0, max: 4000 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 4 }), (steps, boots) => {
      const queue = new BootQueue()
      /** Who waits, in the order of the first ask, with the time of the last. */
      let line: { readonly who: string; readonly asked: number }[] = []
      let now = 0
      for (const { who: index, does, after } of steps) {
        now += after
        const who = `m${index}`
        line = line.filter(({ asked }) => now - asked <= 7000)
        if (does === 'fetch') fetchAll(queue, who, now)
        if (does === 'part') queue.moved(NET, who, { path: '/i', sent: 0 }, now)
        if (does === 'ask') {
          const before = line.findIndex((one) => one.who === who)
          const answer = ask(queue, who, boots, now)
          if (answer === 'loads') line = line.filter((one) => one.who !== who)
          else {
            assert.equal(
              answer,
              before === -1 ? line.length + 1 : before + 1,
              'its place is that of its first ask',
            )
            const entry = { who, asked: now }
            line = before === -1 ? [...line, entry] : line.with(before, entry)
          }
        }
        const { loading, waiting } = queue.counts(NET, now)
        assert.ok(loading <= boots, `${loading} of ${boots} load`)
        assert.equal(waiting, line.length)
      }
      assert.deepEqual(queue.counts(NET, now + 60_000), { loading: 0, waiting: 0 })
    }),
    { numRuns: runs(200, 5000) },
  )
})

test('whoever goes on asking loads in the end, however many others come', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 8 }), (before, boots) => {
      const queue = new BootQueue()
      const loading: string[] = []
      const come = (who: string, now: number): boolean => {
        const answer = ask(queue, who, boots, now) === 'loads'
        if (answer && !loading.includes(who)) loading.push(who)
        return answer
      }
      for (let i = 0; i < before; i += 1) come(`first${i}`, 0)
      let served = come('me', 0)
      let rounds = 0
      for (; !served; rounds += 1) {
        const now = (rounds + 1) * 2000
        const through = loading.shift()
        if (through !== undefined) fetchAll(queue, through, now)
        for (let i = 0; i < 3; i += 1) come(`late${rounds}-${i}`, now)
        for (let i = 0; i < before; i += 1) if (!loading.includes(`first${i}`)) come(`first${i}`, now)
        served = come('me', now)
        assert.ok(rounds < 200, 'it waits for ever')
      }
      assert.ok(rounds <= 2 * before + 1, `${rounds} rounds behind ${before}`)
    }),
    { numRuns: runs(100, 2000) },
  )
})
