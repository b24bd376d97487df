import type { Ipv4 } from '../../src/lib/ipv4.ts'
import type { Mac } from '../../src/lib/mac.ts'
import type { AddressProber, ProbeOutcome } from '../../src/model/ports.ts'
import { ip, type WorldBuilder } from './world.ts'

/** How long an answer takes on it, in milliseconds. */
const ANSWER_MS = 3

/** Hosts that answer for their addresses, on the world's clock: a probe of an address that nobody has takes its whole time. */
export class VirtualLan implements AddressProber {
  readonly asked: string[] = []
  readonly #there: WorldBuilder
  readonly #hosts = new Map<Ipv4, Mac | undefined>()

  constructor(there: WorldBuilder) {
    this.#there = there
  }

  /** Without a MAC the host is behind a router. */
  host(address: string, mac?: Mac): this {
    this.#hosts.set(ip(address), mac)
    return this
  }

  gone(address: string): this {
    this.#hosts.delete(ip(address))
    return this
  }

  async probe(
    address: Ipv4,
    { own, milliseconds }: Parameters<AddressProber['probe']>[1],
  ): Promise<ProbeOutcome> {
    this.asked.push(`${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`)
    const mac = this.#hosts.get(address)
    const isConflict = this.#hosts.has(address) && (mac === undefined || !own.includes(mac))
    this.#there.after(isConflict ? ANSWER_MS : milliseconds)
    if (!isConflict) return { kind: 'free' }
    return mac === undefined ? { kind: 'conflict' } : { kind: 'conflict', mac }
  }
}
