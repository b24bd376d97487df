import type { Ipv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import { OldestFirst } from '../lib/oldest-first.ts'

/** So many machines at most; then the one that was not heard of for the longest time is forgotten. */
const MOST = 10_000

/**
 * The addresses that machines say they have, on networks where another server gives them. They are for names in the timeline
 * and for attempts alone, and in memory alone.
 */
export class ClaimedAddresses {
  readonly #machines = new OldestFirst<Mac, { readonly address: Ipv4; readonly until: number }>()
  readonly #addresses = new Map<Ipv4, Mac>()

  /** `until` in milliseconds since 1970. */
  note(mac: Mac, address: Ipv4, until: number): void {
    this.#forget(mac)
    const other = this.#addresses.get(address)
    if (other !== undefined) this.#forget(other)
    this.#machines.set(mac, { address, until })
    this.#addresses.set(address, mac)
    for (const [oldest] of this.#machines) {
      if (this.#machines.size <= MOST) return
      this.#forget(oldest)
    }
  }

  /** Who says to have this address; `now` in milliseconds since 1970. */
  at(address: Ipv4, now: number): Mac | undefined {
    const mac = this.#addresses.get(address)
    return mac !== undefined && this.has(mac, now) ? mac : undefined
  }

  /** Whether its claim still holds; `now` in milliseconds since 1970. */
  has(mac: Mac, now: number): boolean {
    const claim = this.#machines.get(mac)
    return claim !== undefined && claim.until > now
  }

  #forget(mac: Mac): void {
    const claim = this.#machines.get(mac)
    if (claim === undefined) return
    this.#machines.delete(mac)
    if (this.#addresses.get(claim.address) === mac) this.#addresses.delete(claim.address)
  }
}
