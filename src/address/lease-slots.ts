import type { Ipv4 } from '../lib/ipv4.ts'
import { type Mac, macFromNumber, macToNumber } from '../lib/mac.ts'
import { type Lease, type LeaseState, usualClientId } from '../model/lease.ts'
import { COLUMN, type LeaseBlock } from '../model/lease-block.ts'
import { NONE, SlotIndex } from './slot-index.ts'

const CODES: Readonly<Record<LeaseState, number>> = {
  ...{ offered: 1, bound: 2, released: 3 },
  ...{ declined: 4, conflict: 5 },
}
const STATES = new Map(Object.entries(CODES).map(([state, code]) => [code, state as LeaseState]))
const FREE = 0
/** Added to the code of the state: option 61 is the hardware type and the MAC. */
const USUAL_CLIENT_ID = 16
const FIRST_CAPACITY = 64

interface Columns {
  readonly address: number
  readonly mac: number
  readonly code: number
  readonly startedAt: number
  readonly expiresAt: number
  /** Unless it is the usual one. */
  readonly clientId: string | undefined
}

/**
 * The leases of one network as numbers in columns, each lease in a slot: 100 000 of them take 6 MB, and as many objects,
 * texts and entries of Maps 70 (Node 24). One address has one lease.
 */
export class LeaseSlots {
  readonly #network: string
  #addresses = new Uint32Array(FIRST_CAPACITY)
  #macs = new Float64Array(FIRST_CAPACITY)
  #codes = new Uint8Array(FIRST_CAPACITY)
  #starts = new Float64Array(FIRST_CAPACITY)
  #ends = new Float64Array(FIRST_CAPACITY)
  /** The next older lease of the same client; of a free slot, the next free one. */
  #older = new Int32Array(FIRST_CAPACITY)
  readonly #clientIds = new Map<number, string>()
  readonly #byAddress = new SlotIndex((slot) => this.#addresses[slot] ?? 0)
  /** The newest lease of each client. */
  readonly #byMac = new SlotIndex((slot) => this.#macs[slot] ?? 0)
  #length = 0
  #free = NONE

  constructor(network: string) {
    this.#network = network
  }

  /** {@link NONE} for an address without a lease. */
  at(address: Ipv4): number {
    return this.#byAddress.get(address)
  }

  /** Of a slot with a lease, as all below; of a free one it means nothing. */
  addressOf(slot: number): Ipv4 {
    return (this.#addresses[slot] ?? 0) as Ipv4
  }

  /** Milliseconds since 1970. */
  startOf(slot: number): number {
    return this.#starts[slot] ?? 0
  }

  /** Milliseconds since 1970. */
  endOf(slot: number): number {
    return this.#ends[slot] ?? 0
  }

  /** Throws a RangeError for a free slot. */
  stateOf(slot: number): LeaseState {
    const state = STATES.get((this.#codes[slot] ?? FREE) % USUAL_CLIENT_ID)
    if (state === undefined) throw new RangeError(`slot ${slot} is free`)
    return state
  }

  /** A copy. Throws a RangeError for a free slot. */
  leaseOf(slot: number): Lease {
    const mac = macFromNumber(this.#macs[slot] ?? 0)
    if (mac === undefined) throw new RangeError(`slot ${slot} has no MAC address`)
    return this.#lease(slot, mac)
  }

  /** Newest first. */
  ofClient(mac: Mac): readonly Lease[] {
    const leases: Lease[] = []
    let slot = this.#byMac.get(macToNumber(mac))
    for (; slot !== NONE; slot = this.#older[slot] ?? NONE) leases.push(this.#lease(slot, mac))
    return leases
  }

  /** Whether this client has more than offers. */
  hasLeased(mac: Mac): boolean {
    let slot = this.#byMac.get(macToNumber(mac))
    for (; slot !== NONE; slot = this.#older[slot] ?? NONE) if (this.stateOf(slot) !== 'offered') return true
    return false
  }

  /** Every slot that has a lease. */
  *all(): IterableIterator<number> {
    for (let slot = 0; slot < this.#length; slot += 1) if (this.#codes[slot] !== FREE) yield slot
  }

  /** Replaces what was known of this address. The answer is the slot. */
  put({ address, mac, clientId, state, startedAt, expiresAt }: Lease): number {
    const isUsual = clientId !== undefined && clientId === usualClientId(mac)
    return this.#write({
      ...{ address, mac: macToNumber(mac), startedAt, expiresAt },
      code: CODES[state] + (isUsual ? USUAL_CLIENT_ID : 0),
      clientId: isUsual ? undefined : clientId,
    })
  }

  /** The same, for number `index` of a block. */
  putPacked({ numbers, states, clientIds }: LeaseBlock, index: number): number {
    const number = (column: number): number => numbers[index * COLUMN.count + column] ?? 0
    const state = states[number(COLUMN.state)]
    if (state === undefined) throw new RangeError(`lease ${index} has no state`)
    return this.#write({
      address: number(COLUMN.address),
      mac: number(COLUMN.mac),
      startedAt: number(COLUMN.startedAt),
      expiresAt: number(COLUMN.expiresAt),
      code: CODES[state] + number(COLUMN.hasUsualId) * USUAL_CLIENT_ID,
      clientId: clientIds.get(index),
    })
  }

  /** Frees a slot that has a lease; the next new address may get it. */
  remove(slot: number): void {
    this.#unlink(slot)
    this.#byAddress.delete(this.#addresses[slot] ?? 0)
    this.#codes[slot] = FREE
    this.#older[slot] = this.#free
    this.#free = slot
  }

  /** Moves every lease in time, by milliseconds. */
  move(by: number): void {
    for (let slot = 0; slot < this.#length; slot += 1) {
      this.#starts[slot] = this.startOf(slot) + by
      this.#ends[slot] = this.endOf(slot) + by
    }
  }

  #lease(slot: number, mac: Mac): Lease {
    const isUsual = (this.#codes[slot] ?? FREE) >= USUAL_CLIENT_ID
    const clientId = isUsual ? usualClientId(mac) : this.#clientIds.get(slot)
    return {
      network: this.#network,
      address: this.addressOf(slot),
      mac,
      ...(clientId === undefined ? {} : { clientId }),
      state: this.stateOf(slot),
      startedAt: this.startOf(slot),
      expiresAt: this.endOf(slot),
    }
  }

  #write({ address, mac, code, startedAt, expiresAt, clientId }: Columns): number {
    let slot = this.#byAddress.get(address)
    if (slot === NONE) slot = this.#take()
    else this.#unlink(slot)
    this.#addresses[slot] = address
    this.#macs[slot] = mac
    this.#codes[slot] = code
    this.#starts[slot] = startedAt
    this.#ends[slot] = expiresAt
    this.#older[slot] = this.#byMac.get(mac)
    if (clientId !== undefined) this.#clientIds.set(slot, clientId)
    this.#byMac.set(mac, slot)
    this.#byAddress.set(address, slot)
    return slot
  }

  /** A free slot. */
  #take(): number {
    const slot = this.#free
    if (slot !== NONE) {
      this.#free = this.#older[slot] ?? NONE
      return slot
    }
    if (this.#length === this.#codes.length) this.#grow()
    this.#length += 1
    return this.#length - 1
  }

  /** Takes a slot out of the list of its client. */
  #unlink(slot: number): void {
    const mac = this.#macs[slot] ?? 0
    const older = this.#older[slot] ?? NONE
    this.#clientIds.delete(slot)
    let newer = this.#byMac.get(mac)
    if (newer === slot) {
      if (older === NONE) this.#byMac.delete(mac)
      else this.#byMac.set(mac, older)
      return
    }
    while (newer !== NONE && this.#older[newer] !== slot) newer = this.#older[newer] ?? NONE
    if (newer !== NONE) this.#older[newer] = older
  }

  #grow(): void {
    const capacity = this.#codes.length * 2
    this.#addresses = larger(this.#addresses, new Uint32Array(capacity))
    this.#macs = larger(this.#macs, new Float64Array(capacity))
    this.#codes = larger(this.#codes, new Uint8Array(capacity))
    this.#starts = larger(this.#starts, new Float64Array(capacity))
    this.#ends = larger(this.#ends, new Float64Array(capacity))
    this.#older = larger(this.#older, new Int32Array(capacity))
  }
}

function larger<T extends { set(values: T): void }>(before: T, empty: T): T {
  empty.set(before)
  return empty
}
