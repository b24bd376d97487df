import { addIpv4, type Ipv4, type Ipv4Range, rangeContains } from '../lib/ipv4.ts'
import type { Lease, PickOptions } from '../model/lease.ts'
import type { LeaseBlock } from '../model/lease-block.ts'
import { LeaseSlots } from './lease-slots.ts'
import { SlotHeap } from './slot-heap.ts'
import { NONE } from './slot-index.ts'

type Taken = PickOptions['taken']

/**
 * The leases of one network, and which address is the next to be given. That costs about the same for a pool that is empty,
 * nearly full or full, whatever its size: strangers who ask for every address hold nobody up.
 */
export class NetworkLeases {
  readonly slots: LeaseSlots
  /** By their end. Here and below, those that nobody else can get are taken out as they turn up, until the pools change. */
  readonly #leases = new SlotHeap((slot) => this.slots.endOf(slot))
  /** By their begin. */
  readonly #offers = new SlotHeap((slot) => this.slots.startOf(slot))
  #pools: readonly Ipv4Range[] = []
  /** Where the next search for an unused address begins: its place in the pools. */
  #cursor = 0
  /** The addresses that became unused since a search found none; undefined while a search may find one. */
  #returned: Set<Ipv4> | undefined

  constructor(network: string) {
    this.slots = new LeaseSlots(network)
  }

  /** Replaces what was known of this address. */
  put(lease: Lease): void {
    this.#sort(this.slots.put(lease))
  }

  /** Puts number `index` of a block. */
  putPacked(block: LeaseBlock, index: number): void {
    this.#sort(this.slots.putPacked(block, index))
  }

  /** Frees a slot that has a lease; its address is unused from now on. */
  remove(slot: number): void {
    this.#returned?.add(this.slots.addressOf(slot))
    this.slots.remove(slot)
    this.#offers.remove(slot)
    this.#leases.remove(slot)
  }

  /** `LeaseView.pickFree`. */
  pick(pools: readonly Ipv4Range[], { now, taken, offeredBefore }: PickOptions): Ipv4 | undefined {
    // A reload makes new pools, and new reservations with them.
    if (pools !== this.#pools) this.#usePools(pools)
    return (
      this.#unused(taken) ??
      this.#first(this.#leases, (slot) => this.slots.endOf(slot) <= now, taken) ??
      this.#first(this.#offers, (slot) => this.slots.startOf(slot) <= offeredBefore, taken)
    )
  }

  #sort(slot: number): void {
    this.#leases.place(slot)
    if (this.slots.stateOf(slot) === 'offered') this.#offers.place(slot)
    else this.#offers.remove(slot)
  }

  #usePools(pools: readonly Ipv4Range[]): void {
    this.#pools = pools
    this.#returned = undefined
    for (const slot of this.slots.all()) this.#sort(slot)
  }

  #unused(taken: Taken): Ipv4 | undefined {
    if (this.#returned !== undefined) return this.#returnedAddress(this.#returned, taken)
    const total = this.#pools.reduce((sum, pool) => sum + pool.last - pool.first + 1, 0)
    for (let step = 0; step < total; step += 1) {
      const index = (this.#cursor + step) % total
      const address = addressAt(this.#pools, index)
      if (address === undefined || this.slots.at(address) !== NONE || taken(address)) continue
      this.#cursor = (index + 1) % total
      return address
    }
    this.#returned = new Set()
    return undefined
  }

  /** It stays in the list until somebody has it. */
  #returnedAddress(returned: Set<Ipv4>, taken: Taken): Ipv4 | undefined {
    for (const address of returned) {
      if (this.slots.at(address) === NONE && this.#inPools(address) && !taken(address)) return address
      returned.delete(address)
    }
    return undefined
  }

  /** The first address of these that somebody else can get; undefined when it is not due yet. */
  #first(slots: SlotHeap, isDue: (slot: number) => boolean, taken: Taken): Ipv4 | undefined {
    for (let slot = slots.first; slot !== NONE && isDue(slot); slot = slots.first) {
      const address = this.slots.addressOf(slot)
      if (this.#inPools(address) && !taken(address)) return address
      slots.remove(slot)
    }
    return undefined
  }

  #inPools(address: Ipv4): boolean {
    return this.#pools.some((pool) => rangeContains(pool, address))
  }
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
