import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runs } from '../../test/helpers/counts.ts'
import { MemoryStore, running } from '../../test/helpers/memory.ts'
import { ip, mac, NOW, STRANGER, type WorldBuilder, world } from '../../test/helpers/world.ts'
import { decideLease } from '../address/decide-lease.ts'
import type { Ipv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import { SteadyClock } from '../lib/steady-clock.ts'
import type { Lease } from '../model/lease.ts'
import { LeaseClock } from './lease-clock.ts'

const OTHER = mac('52:54:00:dd:ee:ff')
const HOUR = 3_600_000
const DAY = 24 * HOUR
const YEAR = 365 * DAY

test('a step moves every lease with it, in memory and on disk, and is told', async () => {
  const there = world().lease('10.77.0.100', STRANGER).lease('10.77.0.101', OTHER, { state: 'offered' })
  const store = new MemoryStore()
  const { running: server } = running(there, store)
  const before = new Map([...there.leases.all()].map((lease) => [lease.address, lease]))
  const clock = new LeaseClock({ resync: () => YEAR }, server)
  assert.equal(clock.look(), YEAR)
  for (const lease of there.leases.all())
    assert.deepEqual(lease, moved(before.get(lease.address) ?? assert.fail(), YEAR))
  await Promise.resolve()
  assert.deepEqual(store.leases, [moved(before.get(ip('10.77.0.100')) ?? assert.fail(), YEAR)])
  assert.deepEqual(store.told, [
    'the clock was set forward=31536000 s while the server runs: every lease keeps the time it has left',
  ])
})

test('what the disk refused is written at a later look', async () => {
  const there = world().lease('10.77.0.100', STRANGER)
  const store = new MemoryStore()
  const steps = [-DAY, 0, 0, 0]
  const clock = new LeaseClock({ resync: () => steps.shift() ?? 0 }, running(there, store).running)
  store.disk = () => Promise.reject(new Error('full'))
  clock.look()
  await settled()
  clock.look()
  await settled()
  assert.equal(store.leases.length, 0)
  store.disk = () => Promise.resolve()
  clock.look()
  await settled()
  assert.deepEqual(store.leases, [...there.leases.all()])
  clock.look()
  await settled()
  assert.equal(store.leases.length, 1)
})

test('a clock that is behind the newest lease at the start: no lease ends for that, and none becomes endless', () => {
  const there = world()
    .lease('10.77.0.100', STRANGER)
    .after(-10 * YEAR)
  new LeaseClock({ resync: () => 0 }, running(there, new MemoryStore()).running).start()
  const [lease] = there.leases.all()
  assert.deepEqual([lease?.startedAt, lease?.expiresAt], [there.now, there.now + HOUR])
})

test('a clock that is ahead of the newest lease at the start: a server that was down', () => {
  const there = world().lease('10.77.0.100', STRANGER)
  const [before] = [...there.leases.all()]
  const store = new MemoryStore()
  new LeaseClock({ resync: () => 0 }, running(there.after(DAY), store).running).start()
  assert.deepEqual([[...there.leases.all()], store.events], [[before], []])
})

/**
 * Clients count their leases with clocks of their own; the server's is set back and forth and the server is killed and
 * started again, from what is on disk.
 */
test('model: however the clock is set, no address has two clients whose leases run, and leases end', async () => {
  const clients = Array.from({ length: 6 }, (_, n) => mac(`02:00:00:00:00:0${n}`))
  const jump = fc.constantFrom(...[HOUR, DAY, 10 * YEAR, 20_000].flatMap((by) => [by, -by]))
  const move = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('ask' as const), client: fc.constantFrom(...clients) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('pass' as const),
        ms: fc.constantFrom(1000, 600_000, 1_500_000),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('jump' as const), by: jump, look: fc.boolean() }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('restart' as const),
        by: fc.constantFrom(0, 0, -HOUR, -10 * YEAR),
      }),
    },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(move, { maxLength: 60 }), async (moves) => {
      const model = new Model()
      for (const step of moves) {
        if (step.kind === 'ask') model.ask(step.client)
        else if (step.kind === 'pass') model.pass(step.ms)
        else if (step.kind === 'jump') model.jump(step.by, step.look)
        else await model.restart(step.by)
        await settled()
      }
      // Whatever the clock says, some time later every address is free again.
      model.pass(5 * DAY)
      for (const lease of model.there.leases.all()) assert.ok(lease.expiresAt <= model.there.now)
    }),
    { seed: 20261123, numRuns: runs(1000, 20_000) },
  )
})

class Model {
  there: WorldBuilder = small()
  #machine = { wall: NOW, monotonic: 0 }
  #clock = new SteadyClock(() => this.#machine)
  #store = new MemoryStore()
  #leaseClock = this.#start([])
  /** Who believes to have an address, and until when, in true time. */
  readonly #held = new Map<Ipv4, { readonly mac: Mac; readonly until: number }>()
  #start(leases: readonly Lease[]): LeaseClock {
    this.there = small()
    for (const lease of leases) this.there.leases.put(lease)
    this.there.now = this.#clock.now()
    const { running: server } = running(this.there, this.#store)
    const leaseClock = new LeaseClock(this.#clock, { ...server, now: () => this.#clock.now() })
    leaseClock.start()
    return leaseClock
  }

  ask(client: Mac): void {
    this.there.now = this.#clock.now()
    const time = this.#machine.monotonic
    const asks = (ask: Parameters<typeof decideLease>[0]['ask']) =>
      decideLease({ ask, mac: client }, this.there.addresses(client)).answer
    const offer = asks({ kind: 'discover' })
    if (offer.kind !== 'offer') return
    if (offer.lease.state === 'offered') this.there.leases.put(offer.lease)
    const ack = asks({ kind: 'select', requested: offer.lease.address, server: ip('10.77.0.1') })
    assert.ok(ack.kind === 'ack', 'what was offered can be had')
    for (const lease of ack.writes) this.there.leases.put(lease)
    void this.#store.saveLeases(ack.writes)
    const held = this.#held.get(ack.lease.address)
    if (held !== undefined && held.mac !== client)
      assert.ok(held.until <= time, 'given while another client has it')
    for (const [address, { mac: owner }] of this.#held) if (owner === client) this.#held.delete(address)
    this.#held.set(ack.lease.address, { mac: client, until: time + HOUR })
  }

  pass(ms: number): void {
    for (let rest = ms; rest > 0; rest -= 600_000) {
      const step = Math.min(rest, 600_000)
      this.#machine = { wall: this.#machine.wall + step, monotonic: this.#machine.monotonic + step }
      this.#leaseClock.look()
    }
    this.there.now = this.#clock.now()
  }

  /** `look`: whether the server notices before the next packet. */
  jump(by: number, look: boolean): void {
    this.#machine = { ...this.#machine, wall: this.#machine.wall + by }
    if (look) this.#leaseClock.look()
  }

  /** Killed, and started again at once, with a clock that was set back by this meanwhile. */
  async restart(by: number): Promise<void> {
    this.#leaseClock.look()
    await settled()
    const disk = new Map(this.#store.leases.map((lease) => [lease.address, lease]))
    this.#machine = { ...this.#machine, wall: this.#machine.wall + by }
    this.#clock = new SteadyClock(() => this.#machine)
    this.#store = new MemoryStore()
    this.#store.leases.push(...disk.values())
    this.#leaseClock = this.#start([...disk.values()])
  }
}

function small(): WorldBuilder {
  return world().network({ pools: [{ first: ip('10.77.0.100'), last: ip('10.77.0.103') }] })
}

function moved(lease: Lease, by: number): Lease {
  return { ...lease, startedAt: lease.startedAt + by, expiresAt: lease.expiresAt + by }
}

/** Lets the writes of a memory store end. */
async function settled(): Promise<void> {
  for (let n = 0; n < 5; n += 1) await Promise.resolve()
}
