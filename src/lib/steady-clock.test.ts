import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SteadyClock } from './steady-clock.ts'

const START = 1_795_406_400_000

/** A machine whose clock can be set, and its steady clock, looked at once a second. */
class Machine {
  wall = START
  monotonic = 5000
  readonly clock = new SteadyClock(() => ({ wall: this.wall, monotonic: this.monotonic }))
  readonly jumps: number[] = []

  /** Lets seconds pass, at which the wall clock goes at this rate. */
  pass(seconds: number, rate = 1): this {
    for (let n = 0; n < seconds; n += 1) {
      const before = this.clock.now()
      this.wall += 1000 * rate
      this.monotonic += 1000
      assert.ok(this.clock.now() > before, 'between two looks time goes on')
      assert.ok(
        Math.abs(this.clock.now() - before - 1000) <= 50,
        'and at its pace, five per cent at most besides',
      )
      const by = this.clock.resync()
      if (by !== 0) this.jumps.push(by)
    }
    return this
  }

  get error(): number {
    return this.clock.now() - this.wall
  }
}

test('a clock that nobody sets is followed', () => {
  const machine = new Machine().pass(3600)
  assert.deepEqual([machine.error, machine.jumps], [0, []])
})

test('before the next look a jump is not seen, then it is, once', () => {
  for (const by of [3_600_000, -3_600_000, 86_400_000, -86_400_000, 315_000_000_000, -315_000_000_000]) {
    const machine = new Machine().pass(10)
    machine.wall += by
    assert.equal(machine.clock.now(), START + 10_000)
    machine.pass(100)
    assert.deepEqual([machine.error, machine.jumps], [0, [by]])
  }
})

test('a small correction is followed slowly and without a jump', () => {
  for (const by of [9000, -9000]) {
    const machine = new Machine()
    machine.wall += by
    machine.pass(10)
    assert.ok(Math.abs(machine.error) > 8000)
    machine.pass(600)
    assert.ok(Math.abs(machine.error) < 1, `${machine.error}`)
    assert.deepEqual(machine.jumps, [])
  }
})

test('a wall clock that drifts is followed without a jump', () => {
  for (const rate of [1.001, 0.999, 1.03, 0.97]) {
    const machine = new Machine().pass(36_000, rate)
    assert.ok(Math.abs(machine.error) < 500, `${rate}: ${machine.error}`)
    assert.deepEqual(machine.jumps, [])
  }
})
