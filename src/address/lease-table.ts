import type { Ipv4, Ipv4Range } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { Lease, LeaseView, PickOptions } from '../model/lease.ts'
import { COLUMN, type LeaseBlock } from '../model/lease-block.ts'
import { NetworkLeases } from './network-leases.ts'
import { NONE } from './slot-index.ts'

/**
 * The leases in memory: every durable one, and the offers that are only held. One address has one lease. What it tells are
 * copies: no lease is an object while nobody asks for it.
 */
export class LeaseTable implements LeaseView {
  readonly #networks = new Map<string, NetworkLeases>()

  constructor(leases: Iterable<Lease> = []) {
    for (const lease of leases) this.put(lease)
  }

  static ofBlock(block: LeaseBlock): LeaseTable {
    const table = new LeaseTable()
    const networks = block.networks.map((name) => table.#network(name))
    for (let index = 0; index < block.length; index += 1)
      networks[block.numbers[index * COLUMN.count + COLUMN.network] ?? 0]?.putPacked(block, index)
    return table
  }

  ofClient(network: string, mac: Mac): readonly Lease[] {
    return this.#networks.get(network)?.slots.ofClient(mac) ?? []
  }

  hasLeased(network: string, mac: Mac): boolean {
    return this.#networks.get(network)?.slots.hasLeased(mac) ?? false
  }

  ofAddress(network: string, address: Ipv4): Lease | undefined {
    const slots = this.#networks.get(network)?.slots
    const slot = slots?.at(address) ?? NONE
    return slot === NONE ? undefined : slots?.leaseOf(slot)
  }

  /** Every lease, in no order. */
  *all(): IterableIterator<Lease> {
    for (const { slots } of this.#networks.values()) for (const slot of slots.all()) yield slots.leaseOf(slot)
  }

  /** Replaces what was known of this address. */
  put(lease: Lease): void {
    this.#network(lease.network).put(lease)
  }

  /** Undoes a `put`, unless the address changed hands since: it goes back to `before`, or to nobody. */
  restore(lease: Lease, before: Lease | undefined): void {
    const leases = this.#network(lease.network)
    const slot = leases.slots.at(lease.address)
    if (slot === NONE || !isSame(leases.slots.leaseOf(slot), lease)) return
    leases.remove(slot)
    if (before !== undefined) this.put(before)
  }

  /** Moves every lease in time, by milliseconds: the clock was set, and each keeps the time it has left. */
  move(by: number): void {
    for (const { slots } of this.#networks.values()) slots.move(by)
  }

  pickFree(network: string, pools: readonly Ipv4Range[], options: PickOptions): Ipv4 | undefined {
    return this.#network(network).pick(pools, options)
  }

  #network(name: string): NetworkLeases {
    const known = this.#networks.get(name)
    if (known !== undefined) return known
    const fresh = new NetworkLeases(name)
    this.#networks.set(name, fresh)
    return fresh
  }
}

/** The same lease of the same client: two in a row differ in their end. */
function isSame(a: Lease, b: Lease): boolean {
  return a.mac === b.mac && a.state === b.state && a.startedAt === b.startedAt && a.expiresAt === b.expiresAt
}
