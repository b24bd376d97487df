import { RateLimit } from './rate.ts'

/** Events about dropped messages: at once, then a second, of one network. The rest is counted. */
const EVENTS = { burst: 20, perSecond: 1, most: 256 } as const

/** Counts the messages that got no answer because they were not understood, and keeps a flood of them out of the log. */
export class Drops {
  readonly #rate = new RateLimit(EVENTS)
  readonly #total = new Map<string, number>()
  readonly #untold = new Map<string, number>()

  /** How many drops of this network an event should tell of, this one included; 0 when it should not be told now. */
  note(network: string, now: number): number {
    this.#total.set(network, (this.#total.get(network) ?? 0) + 1)
    const untold = (this.#untold.get(network) ?? 0) + 1
    const told = this.#rate.take(network, now)
    this.#untold.set(network, told ? 0 : untold)
    return told ? untold : 0
  }

  /** All drops since the start, by network. */
  totals(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#total)
  }
}
