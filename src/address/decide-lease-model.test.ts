import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runs } from '../../test/helpers/counts.ts'
import { OTHER, THEM, US } from '../../test/helpers/lease-rows.ts'
import {
  ip,
  mac,
  NODE01,
  NODE02,
  NODE02_SECOND,
  STRANGER,
  type WorldBuilder,
  world,
} from '../../test/helpers/world.ts'
import { formatIpv4, type Ipv4, rangeContains } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { Lease } from '../model/lease.ts'
import type { LeaseAnswer } from '../model/lease-answer.ts'
import type { LeaseAsk } from '../model/lease-request.ts'
import { decideLease, OFFER_HOLD_MS } from './decide-lease.ts'
import { QUARANTINE_MS } from './ping-check.ts'

test('model: whatever clients ask, no two have one address, and none leaves pool and reservation', () => {
  const clients = [NODE01, NODE02, NODE02_SECOND, STRANGER, OTHER, mac('02:00:00:00:00:01')]
  const addresses = [
    '10.77.0.0',
    '10.77.0.1',
    '10.77.0.11',
    '10.77.0.12',
    '10.77.0.13',
    '10.77.0.255',
    '10.9.9.9',
  ]
  const asked = fc.constantFrom(...[...addresses, '10.77.0.100', '10.77.0.101', '10.77.0.102'].map(ip))
  const server = fc.constantFrom(US, THEM)
  const ask: fc.Arbitrary<LeaseAsk> = fc.oneof(
    fc.constant<LeaseAsk>({ kind: 'discover' }),
    fc.record({ kind: fc.constant('discover'), requested: asked }),
    fc.record({ kind: fc.constant('select'), requested: asked, server }),
    fc.record({ kind: fc.constant('reboot'), requested: asked }),
    fc.record({ kind: fc.constant('renew'), current: asked }),
    fc.record({ kind: fc.constant('release'), current: asked, server }),
    fc.record({ kind: fc.constant('decline'), declined: asked, server }),
    fc.record({ kind: fc.constant('inform'), current: asked }),
  )
  const move = fc.record({
    client: fc.constantFrom(...clients),
    ask,
    // A client that takes what it was offered, as real ones do.
    follows: fc.boolean(),
    wait: fc.constantFrom(0, 1000, OFFER_HOLD_MS + 1, 3_600_001, QUARANTINE_MS + 1),
  })
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const there = world()
        .labNodes()
        .network({ pools: [{ first: ip('10.77.0.100'), last: ip('10.77.0.102') }] })
      for (const { client, ask: first, follows, wait } of moves) {
        there.after(wait)
        const answer = apply(there, client, first)
        if (follows && answer.kind === 'offer') {
          const ack = apply(there, client, { kind: 'select', requested: answer.lease.address, server: US })
          assert.equal(ack.kind, 'ack', 'what was offered can be had')
        }
        if (answer.kind === 'ack') {
          const again = decideLease(
            { ask: { kind: 'discover' }, mac: client },
            there.addresses(client),
          ).answer
          assert.ok(again.kind === 'offer')
          const reserved = there.addresses(client).node?.address
          if (reserved === undefined) assert.equal(again.lease.address, answer.lease.address)
        }
        checkTable(there, clients)
      }
    }),
    { seed: 20261123, numRuns: runs(20_000, 400_000) },
  )
})

/** What `app/answer-dhcp.ts` does with an answer when the disk is willing. */
function apply(there: WorldBuilder, client: Mac, ask: LeaseAsk): LeaseAnswer {
  const { answer } = decideLease({ ask, mac: client }, there.addresses(client))
  if (answer.kind === 'offer') {
    checkAddress(there, client, answer.lease.address)
    const holder = there.leases.ofAddress('provisioning', answer.lease.address)
    assert.ok(holder === undefined || holder.mac === client || !isActive(holder, there.now))
    if (answer.lease.state === 'offered') there.leases.put(answer.lease)
  }
  if (answer.kind === 'silent' && answer.forget !== undefined) there.leases.restore(answer.forget, undefined)
  for (const lease of answer.kind === 'ack' || answer.kind === 'silent' ? (answer.writes ?? []) : []) {
    const holder = there.leases.ofAddress('provisioning', lease.address)
    assert.ok(holder === undefined || holder.mac === client || !isActive(holder, there.now), 'not taken away')
    if (lease.state === 'bound') checkAddress(there, client, lease.address)
    there.leases.put(lease)
  }
  return answer
}

function checkAddress(there: WorldBuilder, client: Mac, address: Ipv4): void {
  const { network, node, reservations } = there.addresses(client)
  const pooled = network.pools.some((range) => rangeContains(range, address)) && !reservations.has(address)
  assert.ok(pooled || node?.address === address, `${formatIpv4(address)} is not for ${client}`)
}

function checkTable(there: WorldBuilder, clients: readonly Mac[]): void {
  const active = [...there.leases.all()].filter(
    (lease) => lease.state === 'bound' && isActive(lease, there.now),
  )
  assert.equal(new Set(active.map((lease) => lease.address)).size, active.length, 'one client an address')
  assert.equal(new Set(active.map((lease) => lease.mac)).size, active.length, 'one address a client')
  const listed = clients.flatMap((client) => there.leases.ofClient('provisioning', client))
  assert.equal(listed.length, [...there.leases.all()].length, 'both indexes agree')
}

function isActive(lease: Lease, now: number): boolean {
  return lease.state !== 'released' && lease.expiresAt > now
}
