import { RateLimit } from './rate.ts'

/** Events of one machine: at once (two boots and some patience), then a second. */
const OF_A_MACHINE = { burst: 30, perSecond: 0.1, most: 20_000 } as const
/** Events of all machines of one network that have neither a description nor a lease: at once (forty boots), then a second. */
const OF_STRANGERS = { burst: 300, perSecond: 4, most: 256 } as const

export interface Noticed {
  /** A MAC address, or for TFTP the address the request came from. */
  readonly who: string
  readonly network: string
  /** It is described, or has a lease. */
  readonly isKnown: boolean
}

/**
 * Keeps a crowd that nobody knows, and a client that never stops asking, out of the log, the timeline and the
 * list of machines. What they get for an answer is not decided here.
 */
export class Attention {
  readonly #machines = new RateLimit(OF_A_MACHINE)
  readonly #strangers = new RateLimit(OF_STRANGERS)
  readonly #untold = new Map<string, number>()

  /** How many events of this network one event should tell of, this one included; 0 when it should not be told now. */
  note({ who, network, isKnown }: Noticed, now: number): number {
    const untold = (this.#untold.get(network) ?? 0) + 1
    const told = this.#machines.take(who, now) && (isKnown || this.#strangers.take(network, now))
    this.#untold.set(network, told ? 0 : untold)
    return told ? untold : 0
  }
}
