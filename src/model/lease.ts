import type { Ipv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'

/**
 * `offered`: held for an OFFER, in memory only. `bound`: promised by an ACK, durable. `released`: given back,
 * remembered so that the client gets the same address again. `declined`: a client found it in use; unused until it
 * expires. `conflict`: we found it in use, by `mac` or, behind a relay, by {@link UNKNOWN_MAC}; unused until it expires.
 */
export type LeaseState = 'offered' | 'bound' | 'released' | 'declined' | 'conflict'

/** Of a host whose answer came through a router. */
export const UNKNOWN_MAC = '00:00:00:00:00:00' as Mac

export interface Lease {
  readonly network: string
  readonly address: Ipv4
  readonly mac: Mac
  /** Option 61 as hex, when the client sent one. */
  readonly clientId?: string
  readonly state: LeaseState
  /** Milliseconds since 1970, by the server's clock. */
  readonly startedAt: number
  readonly expiresAt: number
}

/** The leases a decision may look at. Synchronous: the durable store has a copy in memory. */
export interface LeaseView {
  /** The leases of this client on this network, in whatever state, newest first. */
  ofClient(network: string, mac: Mac): readonly Lease[]
  /** Whether this client has a lease on this network, or had one; an offer is none. */
  hasLeased(network: string, mac: Mac): boolean
  /** The lease that occupies an address, in whatever state. */
  ofAddress(network: string, address: Ipv4): Lease | undefined
  /**
   * The address of these ranges to give to a new client: one never used, or else the one whose lease ended
   * longest ago, or else the oldest offer that nobody took; undefined when all are taken.
   */
  pickFree(
    network: string,
    pools: readonly { readonly first: Ipv4; readonly last: Ipv4 }[],
    options: PickOptions,
  ): Ipv4 | undefined
}

export interface PickOptions {
  /** Milliseconds since 1970. */
  readonly now: number
  /** Addresses that belong to somebody without a lease: reservations, the router, ourselves. */
  readonly taken: (address: Ipv4) => boolean
  /** Offers made before this, in milliseconds since 1970, may go to somebody else where nothing is free. */
  readonly offeredBefore: number
}

/** Option 61 as most clients send it: the hardware type of Ethernet and the MAC (RFC 2132 §9.14), as hex. */
export function usualClientId(mac: Mac): string {
  return `01${mac.replaceAll(':', '')}`
}
