import { addIpv4, type Ipv4, type Ipv4Range } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { Lease, LeaseView, PickOptions } from '../model/lease.ts'

interface NetworkLeases {
  readonly byAddress: Map<Ipv4, Lease>
  /** Newest first. */
  readonly byMac: Map<Mac, readonly Lease[]>
  /** Where the next search for an unused address begins. */
  cursor: number
}

/** The leases in memory: every durable one, and the offers that are only held. One address has one lease. */
export class LeaseTable implements LeaseView {
  readonly #networks = new Map<string, NetworkLeases>()

  constructor(leases: Iterable<Lease> = []) {
    for (const lease of leases) this.put(lease)
  }

  ofClient(network: string, mac: Mac): readonly Lease[] {
    return this.#networks.get(network)?.byMac.get(mac) ?? []
  }

  ofAddress(network: string, address: Ipv4): Lease | undefined {
    return this.#networks.get(network)?.byAddress.get(address)
  }

  /** Every lease, in no order. */
  *all(): IterableIterator<Lease> {
    for (const { byAddress } of this.#networks.values()) yield* byAddress.values()
  }

  /** Replaces what was known of this address. */
  put(lease: Lease): void {
    const leases = this.#network(lease.network)
    const before = leases.byAddress.get(lease.address)
    if (before !== undefined) forget(leases, before)
    leases.byAddress.set(lease.address, lease)
    leases.byMac.set(lease.mac, [lease, ...(leases.byMac.get(lease.mac) ?? [])])
  }

  /** Undoes a `put`, unless the address changed hands since: it goes back to `before`, or to nobody. */
  restore(lease: Lease, before: Lease | undefined): void {
    const leases = this.#network(lease.network)
    if (leases.byAddress.get(lease.address) !== lease) return
    forget(leases, lease)
    if (before !== undefined) this.put(before)
  }

  /** Moves every lease in time, by milliseconds: the clock was set, and each keeps the time it has left. */
  move(by: number): void {
    for (const { byAddress, byMac } of this.#networks.values())
      for (const [mac, leases] of byMac) {
        const moved = leases.map((lease) => ({
          ...lease,
          startedAt: lease.startedAt + by,
          expiresAt: lease.expiresAt + by,
        }))
        byMac.set(mac, moved)
        for (const lease of moved) byAddress.set(lease.address, lease)
      }
  }

  pickFree(
    network: string,
    pools: readonly Ipv4Range[],
    { now, taken, offeredBefore }: PickOptions,
  ): Ipv4 | undefined {
    const leases = this.#network(network)
    const total = pools.reduce((sum, pool) => sum + pool.last - pool.first + 1, 0)
    let oldest: Lease | undefined
    let stale: Lease | undefined
    for (let step = 0; step < total; step += 1) {
      const index = (leases.cursor + step) % total
      const address = addressAt(pools, index)
      if (address === undefined || taken(address)) continue
      const lease = leases.byAddress.get(address)
      if (lease === undefined) {
        leases.cursor = (index + 1) % total
        return address
      }
      const ended = lease.state === 'released' || lease.expiresAt <= now
      if (ended && (oldest === undefined || lease.expiresAt < oldest.expiresAt)) oldest = lease
      if (lease.state === 'offered' && lease.startedAt <= (stale?.startedAt ?? offeredBefore)) stale = lease
    }
    return (oldest ?? stale)?.address
  }

  #network(name: string): NetworkLeases {
    const known = this.#networks.get(name)
    if (known !== undefined) return known
    const fresh: NetworkLeases = { byAddress: new Map(), byMac: new Map(), cursor: 0 }
    this.#networks.set(name, fresh)
    return fresh
  }
}

function forget({ byAddress, byMac }: NetworkLeases, lease: Lease): void {
  byAddress.delete(lease.address)
  const others = (byMac.get(lease.mac) ?? []).filter((other) => other.address !== lease.address)
  if (others.length === 0) byMac.delete(lease.mac)
  else byMac.set(lease.mac, others)
}

function addressAt(pools: readonly Ipv4Range[], index: number): Ipv4 | undefined {
  let rest = index
  for (const pool of pools) {
    const size = pool.last - pool.first + 1
    if (rest < size) return addIpv4(pool.first, rest)
    rest -= size
  }
  return undefined
}
