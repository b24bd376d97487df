import type { Ipv4 } from '../lib/ipv4.ts'
import type { Lease } from '../model/lease.ts'

interface Waiting {
  /** What the disk has of this address. */
  durable: Lease | undefined
  writes: number
}

/** What the disk has of the addresses whose leases are being written: what memory goes back to when it refuses. */
export class UnwrittenLeases {
  readonly #waiting = new Map<Ipv4, Waiting>()

  /** A lease is on its way to the disk; `before` is what memory had of its address. */
  begin(address: Ipv4, before: Lease | undefined): void {
    const waiting = this.#waiting.get(address)
    if (waiting === undefined) this.#waiting.set(address, { durable: before, writes: 1 })
    else waiting.writes += 1
  }

  /** It is there. */
  written(lease: Lease): void {
    const waiting = this.#end(lease.address)
    if (waiting !== undefined) waiting.durable = lease
  }

  /** The disk refused it; what it has instead. */
  refused({ address }: Lease): Lease | undefined {
    return this.#end(address)?.durable
  }

  #end(address: Ipv4): Waiting | undefined {
    const waiting = this.#waiting.get(address)
    if (waiting !== undefined) {
      waiting.writes -= 1
      if (waiting.writes === 0) this.#waiting.delete(address)
    }
    return waiting
  }
}
