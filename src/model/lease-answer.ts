import type { Ipv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { Lease } from './lease.ts'

/** How to find out whether somebody uses an address, before it is offered. */
export interface PingCheck {
  /** On the network's own interface by ARP (RFC 5227 §2.1.1); behind a relay by an ICMP echo request. */
  readonly by: 'arp' | 'icmp'
  /** How long to wait for an answer. */
  readonly milliseconds: number
  /** Whose answer is no conflict: the client's, and those of its node's other cards. */
  readonly own: readonly Mac[]
}

/**
 * What to answer about an address. `writes` must be durable before the answer leaves (RFC 2131 §3.1 step 4); an
 * `offer`'s lease is held in memory alone; `forget` is an offer that the client did not take.
 */
export type LeaseAnswer =
  /** `seconds`: the lease time to tell. `check`: to be made first. */
  | {
      readonly kind: 'offer'
      readonly lease: Lease
      readonly seconds: number
      readonly check?: PingCheck
      /** What the client held and may not have any more. */
      readonly writes?: readonly Lease[]
    }
  | {
      readonly kind: 'ack'
      readonly lease: Lease
      readonly writes: readonly Lease[]
      readonly seconds: number
    }
  | { readonly kind: 'ack-inform'; readonly address: Ipv4 }
  /** A reservation, told for ever. */
  | { readonly kind: 'bootp'; readonly address: Ipv4 }
  | { readonly kind: 'nak'; readonly reason: string; readonly writes?: readonly Lease[] }
  | {
      readonly kind: 'silent'
      readonly reason: string
      readonly writes?: readonly Lease[]
      readonly forget?: Lease
    }
