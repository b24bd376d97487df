import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decideLease, OFFER_HOLD_MS } from '../../src/address/decide-lease.ts'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import type { Mac } from '../../src/lib/mac.ts'
import type { Lease } from '../../src/model/lease.ts'
import type { LeaseAnswer } from '../../src/model/lease-answer.ts'
import type { LeaseAsk } from '../../src/model/lease-request.ts'
import { ip, mac, STRANGER, told, type WorldBuilder, world } from './world.ts'

/** A client that nobody describes, ours, and another server. */
export const OTHER = mac('52:54:00:dd:ee:ff')
export const US = ip('10.77.0.1')
export const THEM = ip('10.77.0.9')

/** A decision and its reasons: `answer` as `describeAnswer` tells it, `steps` as `told` does; `mac` is the stranger's by default. */
export interface Row {
  readonly name: string
  readonly in: WorldBuilder
  readonly mac?: Mac
  readonly ask: LeaseAsk
  readonly answer: string
  readonly steps: readonly string[]
}

/** What clients ask. */
export const discover = (requested?: string): LeaseAsk =>
  requested === undefined ? { kind: 'discover' } : { kind: 'discover', requested: ip(requested) }
export const select = (requested: string, server = US): LeaseAsk => ({
  kind: 'select',
  requested: ip(requested),
  server,
})
export const reboot = (requested: string): LeaseAsk => ({ kind: 'reboot', requested: ip(requested) })
export const renew = (current: string): LeaseAsk => ({ kind: 'renew', current: ip(current) })
/** The step of every REQUEST that chooses us. */
export const OURS = 'lease.server packet: this server'
/** Leases that ended, and offers of so many milliseconds ago. */
export const ended = { expiresAt: world().now - 60_000 }
export const offered = (ago: number): Partial<Lease> => ({
  state: 'offered',
  startedAt: world().now - ago,
  expiresAt: world().now - ago + OFFER_HOLD_MS,
})
/** A pool of two addresses. */
export const small = (): WorldBuilder =>
  world().network({ pools: [{ first: ip('10.77.0.100'), last: ip('10.77.0.101') }] })

/** A test for each row, below a title. */
export function testRows(title: string, rows: readonly Row[]): void {
  describe(title, () => {
    for (const row of rows)
      test(row.name, () => {
        const client = row.mac ?? STRANGER
        const { answer, trace } = decideLease({ ask: row.ask, mac: client }, row.in.addresses(client))
        assert.equal(describeAnswer(answer, row.in.now), row.answer)
        assert.deepEqual(told(trace), row.steps)
      })
  })
}

/** The answer in a line: addresses, seconds from now, what is written. */
function describeAnswer(answer: LeaseAnswer, now: number): string {
  const seconds = (lease: Lease): number => (lease.expiresAt - now) / 1000
  const shown = (lease: Lease): string =>
    `${lease.state} ${formatIpv4(lease.address)} for ${seconds(lease)} s`
  const writes = (leases: readonly Lease[] = []): string =>
    leases.length === 0 ? '' : `, writes ${leases.map(shown).join(', ')}`
  switch (answer.kind) {
    case 'offer':
      return `offer ${formatIpv4(answer.lease.address)} ${answer.lease.state} for ${seconds(answer.lease)} s${writes(answer.writes)}`
    case 'ack':
      return `ack ${formatIpv4(answer.lease.address)}, writes ${answer.writes.map(shown).join(', ')}`
    case 'ack-inform':
      return `ack-inform ${formatIpv4(answer.address)}`
    case 'bootp':
      return `bootp ${formatIpv4(answer.address)}`
    case 'nak':
      return `nak: ${answer.reason}${writes(answer.writes)}`
    case 'silent':
      return [
        `silent: ${answer.reason}`,
        ...(answer.forget === undefined ? [] : [`forgets ${formatIpv4(answer.forget.address)}`]),
        ...(answer.writes === undefined ? [] : [`writes ${answer.writes.map(shown).join(', ')}`]),
      ].join(', ')
    default:
      return answer satisfies never
  }
}
