import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lease } from '../../test/helpers/state.ts'
import { ip, mac, pool } from '../../test/helpers/world.ts'
import { formatIpv4, type Ipv4, rangeContains } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { Lease, LeaseState, PickOptions } from '../model/lease.ts'
import { LeaseTable } from './lease-table.ts'

/** What the table says, in the plainest words: a list of leases, the newest first, and a look at each for every question. */
class PlainTable {
  leases: Lease[] = []

  put(lease: Lease): void {
    this.leases = [lease, ...this.leases.filter(({ address }) => address !== lease.address)]
  }

  restore(lease: Lease, before: Lease | undefined): void {
    if (!this.leases.includes(lease)) return
    this.leases = this.leases.filter((one) => one !== lease)
    if (before !== undefined) this.put(before)
  }

  move(by: number): void {
    this.leases = this.leases.map((one) => ({
      ...one,
      startedAt: one.startedAt + by,
      expiresAt: one.expiresAt + by,
    }))
  }

  ofClient(client: Mac): readonly Lease[] {
    return this.leases.filter((one) => one.mac === client)
  }

  ofAddress(address: Ipv4): Lease | undefined {
    return this.leases.find((one) => one.address === address)
  }

  /** Whether a free address, or undefined, is one of those that may be picked. */
  judge(picked: Ipv4 | undefined, pools: Pools, { now, taken, offeredBefore }: PickOptions): void {
    const can = (address: Ipv4): boolean =>
      pools.some((range) => rangeContains(range, address)) && !taken(address)
    const unused = ADDRESSES.filter((address) => can(address) && this.ofAddress(address) === undefined)
    if (unused.length > 0) {
      assert.ok(picked !== undefined && unused.includes(picked))
      return
    }
    const others = this.leases.filter(({ address }) => can(address))
    const ended = others.filter(({ expiresAt }) => expiresAt <= now).map(({ expiresAt }) => expiresAt)
    const chosen = picked === undefined ? undefined : this.ofAddress(picked)
    assert.ok(chosen === undefined || can(chosen.address))
    if (ended.length > 0) {
      assert.equal(chosen?.expiresAt, Math.min(...ended))
      return
    }
    const stale = others.filter(({ state, startedAt }) => state === 'offered' && startedAt <= offeredBefore)
    const oldest = stale.length === 0 ? undefined : Math.min(...stale.map(({ startedAt }) => startedAt))
    assert.equal(chosen?.startedAt, oldest)
  }
}

type Pools = ReturnType<typeof pool>

const ADDRESSES = Array.from({ length: 200 }, (_, n) => ip(`10.0.0.${n}`))
const CLIENTS = Array.from({ length: 12 }, (_, n) => mac(`02:00:00:00:00:${(n + 16).toString(16)}`))
const POOLS: readonly Pools[] = [
  pool('10.0.0.10-10.0.0.40'),
  [...pool('10.0.0.10-10.0.0.20'), ...pool('10.0.0.100-10.0.0.180')],
]
const TAKEN = new Set([ip('10.0.0.11'), ip('10.0.0.105')])
const STATES: readonly LeaseState[] = ['offered', 'bound', 'released', 'declined']
const CLIENT_IDS = [undefined, 'usual', 'ff0102'] as const

const address = fc.integer({ min: 5, max: 185 })
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      address,
      client: fc.nat(11),
      state: fc.nat(3),
      clientId: fc.nat(2),
      from: fc.nat(200),
      length: fc.integer({ min: -50, max: 200 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('undo' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), address }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('move' as const), by: fc.integer({ min: -9, max: 9 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('pick' as const), now: fc.nat(300), pools: fc.nat(19) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fill' as const), now: fc.nat(300) }) },
)

test('the table answers as a plain list does, whatever happens to it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const [table, plain] = [new LeaseTable(), new PlainTable()]
      let last: { readonly put: Lease; readonly before: Lease | undefined } | undefined
      const put = (one: Lease): void => {
        last = { put: one, before: plain.ofAddress(one.address) }
        table.put(one)
        plain.put(one)
      }
      const pick = (pools: Pools, now: number): Ipv4 | undefined => {
        const options = { now, offeredBefore: now - 10, taken: (one: Ipv4) => TAKEN.has(one) }
        const picked = table.pickFree('lab', pools, options)
        plain.judge(picked, pools, options)
        return picked
      }
      for (const one of steps) {
        if (one.kind === 'put') put(leaseOf(one))
        else if (one.kind === 'move') {
          last = undefined
          table.move(one.by)
          plain.move(one.by)
        } else if (one.kind === 'undo' && last !== undefined) {
          table.restore(last.put, last.before)
          plain.restore(last.put, last.before)
          last = undefined
        } else if (one.kind === 'forget') {
          const held = plain.ofAddress(ip(`10.0.0.${one.address}`))
          if (held !== undefined) {
            table.restore(held, undefined)
            plain.restore(held, undefined)
          }
        } else if (one.kind === 'pick') pick(POOLS[one.pools === 0 ? 1 : 0] ?? [], one.now)
        else if (one.kind === 'fill')
          // Until nothing is free: then other ways of searching begin.
          for (let n = 0; n < 40; n += 1) {
            const free = pick(POOLS[0] ?? [], one.now)
            if (free === undefined) break
            put(lease(formatIpv4(free), CLIENTS[n % 12] ?? '', { startedAt: one.now, expiresAt: 1000 }))
          }
        agree(table, plain)
      }
    }),
    { numRuns: 400, seed: 20261123 },
  )
})

function leaseOf(one: {
  readonly address: number
  readonly client: number
  readonly state: number
  readonly clientId: number
  readonly from: number
  readonly length: number
}): Lease {
  const client = CLIENTS[one.client] ?? ''
  const clientId = CLIENT_IDS[one.clientId]
  return lease(`10.0.0.${one.address}`, client, {
    state: STATES[one.state] ?? 'bound',
    startedAt: one.from,
    expiresAt: one.from + one.length,
    ...(clientId === undefined
      ? {}
      : { clientId: clientId === 'usual' ? `01${client.replaceAll(':', '')}` : clientId }),
  })
}

function agree(table: LeaseTable, plain: PlainTable): void {
  const sorted = (leases: Iterable<Lease>): readonly Lease[] =>
    [...leases].sort((a, b) => a.address - b.address)
  assert.deepEqual(sorted(table.all()), sorted(plain.leases))
  for (const client of CLIENTS) assert.deepEqual(table.ofClient('lab', client), plain.ofClient(client))
  for (const one of plain.leases) assert.deepEqual(table.ofAddress('lab', one.address), one)
}
