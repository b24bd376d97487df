import type { LeaseTable } from '../address/lease-table.ts'
import type { ProxyAnswer } from '../boot/decide-proxy.ts'
import type { Lease } from '../model/lease.ts'
import type { LeaseAnswer } from '../model/lease-answer.ts'

/**
 * Takes into memory what an answer promises there alone: an offer is held, one that the client did not take is let go. What has
 * to be written besides comes back.
 */
export function takeOffer(answer: LeaseAnswer | ProxyAnswer, leases: LeaseTable): readonly Lease[] {
  if (answer.kind === 'offer' && answer.lease.state === 'offered') leases.put(answer.lease)
  if ('forget' in answer && answer.forget !== undefined) leases.restore(answer.forget, undefined)
  return 'writes' in answer ? (answer.writes ?? []) : []
}
