import type { Ipv4 } from '../lib/ipv4.ts'
import type { Network } from '../model/config.ts'
import type { HeardServer } from '../model/host.ts'

/** Whether `dhcp: server` may start on a network now. Times in milliseconds of a clock that only goes forward. */
export type StartVerdict =
  | { readonly kind: 'go' }
  | { readonly kind: 'wait' }
  /** These answer there, and the configuration does not name them. */
  | { readonly kind: 'refused'; readonly servers: readonly Ipv4[] }

type Asking = Pick<Network, 'dhcp' | 'probe' | 'besides'>

const ASK_EVERY_MS = 600_000
/** The same question once more: the first may be lost while a switch port wakes up. */
const REPEAT_AFTER_MS = 1500
/** A server that does not try the address out first answers within a few milliseconds; so long a start waits. */
const FIRST_WAIT_MS = 300
/** dnsmasq pings an address for 3 s before it offers it (src/dnsmasq.h, PING_WAIT); such an answer still ends a start. */
const SETTLE_MS = 5000
/** Servers that are remembered; a flood of forged answers cannot make the list longer. */
const MOST = 64

/** When a network is asked for other servers, and what their answers mean for the start of ours. Without a clock. */
export class StartGate {
  #askedAt: number | undefined
  #repeated = true
  /** By address, when it was heard last. */
  readonly #heard = new Map<Ipv4, number>()
  /** The question by whose answers the running server was let through. */
  #admittedBy: number | undefined
  #refusedFor: readonly Ipv4[] = []

  /** Whether to ask now; it is taken for done. One question in ten minutes, sent twice. */
  shouldAsk({ dhcp, probe }: Asking, now: number): boolean {
    if (!probe || (dhcp !== 'server' && dhcp !== 'proxy')) return false
    if (this.#askedAt !== undefined && now - this.#askedAt < ASK_EVERY_MS) {
      if (this.#repeated || now - this.#askedAt < REPEAT_AFTER_MS) return false
      this.#repeated = true
      return true
    }
    this.#askedAt = now
    this.#repeated = false
    return true
  }

  /** A server was heard, answering whomever. */
  heard({ address, kind }: Pick<HeardServer, 'address' | 'kind'>, now: number): void {
    if (kind === 'proxy') return
    this.#heard.delete(address)
    this.#heard.set(address, now)
    const oldest = this.#heard.size > MOST ? this.#heard.keys().next().value : undefined
    if (oldest !== undefined) this.#heard.delete(oldest)
  }

  /**
   * A server that runs goes on whoever appears later. One that was refused starts when the configuration names the others,
   * or when nobody answers the next question.
   */
  verdict({ dhcp, probe, besides }: Asking, now: number): StartVerdict {
    if (dhcp !== 'server' || !probe) {
      this.#admittedBy = undefined
      this.#refusedFor = []
      return { kind: 'go' }
    }
    if (this.#admittedBy !== undefined && now - this.#admittedBy >= SETTLE_MS) return { kind: 'go' }
    if (this.#askedAt === undefined) return { kind: 'wait' }
    const askedAt = this.#askedAt
    const others = [...this.#heard].flatMap(([address, at]) =>
      at >= askedAt && !besides.includes(address) ? [address] : [],
    )
    const before = this.#refusedFor.filter((address) => !besides.includes(address))
    if (others.length > 0 || (before.length > 0 && now - askedAt < SETTLE_MS)) {
      this.#admittedBy = undefined
      this.#refusedFor = others.length > 0 ? others : before
      return { kind: 'refused', servers: this.#refusedFor }
    }
    if (now - askedAt < FIRST_WAIT_MS) return { kind: 'wait' }
    this.#refusedFor = []
    this.#admittedBy ??= askedAt
    return { kind: 'go' }
  }
}

/** Why a network stays down, and what to do. */
export function describeRefusal(servers: readonly string[]): string {
  const named = servers.join(', ')
  const [others, them] =
    servers.length === 1 ? ['another DHCP server answers', 'it'] : ['other DHCP servers answer', 'them']
  return `refused: ${others} here, ${named}: stop ${them}, set dhcp: proxy, or name ${them} in besides: [${named}]; asked again every ten minutes, and at the next start`
}
