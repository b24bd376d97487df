import { type Ipv4, type Ipv4Range, type Subnet, subnetContains } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { Lease, LeaseView, PickOptions } from '../model/lease.ts'
import { COLUMN, type LeaseBlock } from '../model/lease-block.ts'
import { NetworkLeases } from './network-leases.ts'
import { NONE } from './slot-index.ts'

/** A network of the configuration. The subnets of two never overlap. */
interface Home {
  readonly name: string
  readonly subnet: Subnet
}

/** What {@link LeaseTable.settle} changed, without the offers. */
export interface Settled {
  /** As they were: their network has nothing at these addresses now. */
  readonly gone: readonly Lease[]
  /** As they are, those of the same clients that were released among them: at most one of each network and address. */
  readonly leases: readonly Lease[]
}

/**
 * The leases in memory: every durable one, and the offers that are only held. One address has one lease. What it tells are
 * copies: no lease is an object while nobody asks for it.
 */
export class LeaseTable implements LeaseView {
  readonly #networks = new Map<string, NetworkLeases>()

  constructor(leases: Iterable<Lease> = []) {
    for (const lease of leases) this.put(lease)
  }

  /** The leases that the store packed; of two with one address the later one stays. */
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

  /**
   * Brings every lease to the network whose subnet has its address, after networks were renamed or exchanged subnets; where
   * none has it, it stays. Of two leases of one address the one that ends last stays, of two of one client there the newer is
   * bound. Offers are let go: their probes look for them where they were.
   */
  settle(homes: readonly Home[]): Settled {
    const strays = this.#strays(homes)
    const touched = new Map<Ipv4, string>()
    for (const { lease } of strays) this.#forget(lease)
    for (const { lease, home } of strays) {
      const there = this.ofAddress(home, lease.address)
      const loses = there !== undefined && there.state !== 'offered' && there.expiresAt >= lease.expiresAt
      if (lease.state === 'offered' || loses) continue
      this.put({ ...lease, network: home })
      const released = lease.state === 'bound' ? this.#bindOne(home, lease.mac) : []
      for (const { address } of [lease, ...released]) touched.set(address, home)
    }
    return {
      gone: strays.map(({ lease }) => lease).filter(({ state }) => state !== 'offered'),
      leases: [...touched].flatMap(([address, home]) => this.ofAddress(home, address) ?? []),
    }
  }

  /** The leases of another network than has their address, oldest first. */
  #strays(homes: readonly Home[]): readonly { readonly lease: Lease; readonly home: string }[] {
    const subnets = new Map(homes.map(({ name, subnet }) => [name, subnet]))
    const strays: { readonly lease: Lease; readonly home: string }[] = []
    for (const [network, { slots }] of this.#networks) {
      const own = subnets.get(network)
      for (const slot of slots.all()) {
        const address = slots.addressOf(slot)
        if (own !== undefined && subnetContains(own, address)) continue
        const home = homes.find(({ subnet }) => subnetContains(subnet, address))?.name
        if (home !== undefined) strays.push({ lease: slots.leaseOf(slot), home })
      }
    }
    return strays.sort((a, b) => a.lease.startedAt - b.lease.startedAt)
  }

  #forget({ network, address }: Lease): void {
    const leases = this.#network(network)
    leases.remove(leases.slots.at(address))
    if (leases.slots.all().next().done === true) this.#networks.delete(network)
  }

  /** As for every new lease: what the client was bound to before is free again, and is the answer. */
  #bindOne(network: string, mac: Mac): readonly Lease[] {
    const oldestFirst = [...this.ofClient(network, mac)].sort((a, b) => a.startedAt - b.startedAt)
    const newest = oldestFirst.findLast(({ state }) => state === 'bound')
    const released: Lease[] = []
    for (const lease of oldestFirst) {
      const isOver = lease.state === 'bound' && lease !== newest
      this.put(isOver ? { ...lease, state: 'released', expiresAt: newest?.startedAt ?? 0 } : lease)
      if (isOver) released.push(lease)
    }
    return released
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
