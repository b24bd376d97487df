import { formatIpv4, type Ipv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { BootEvent } from '../model/event.ts'

/** Another DHCP server of a network, as its clients' messages show it. */
export interface ForeignServer {
  readonly network: string
  readonly address: Ipv4
  /** A client that chose it, the last one. */
  readonly client: Mac
  /** Milliseconds since 1970. */
  readonly firstSeen: number
  readonly lastSeen: number
  /** Messages that named it. */
  readonly count: number
}

/** Servers that are remembered; of more, the one not seen for longest is forgotten: option 54 is only a client's word. */
const MOST = 256
/** An event for the same server at most this often, in milliseconds. */
const TELL_EVERY_MS = 3_600_000

/** The DHCP servers beside us: a client's REQUEST names the server it chose in option 54 (RFC 2131 §4.3.2). */
export class ForeignServers {
  readonly #servers = new Map<string, ForeignServer>()
  readonly #told = new Map<string, number>()

  /** Notes that a client chose another server. The event tells of it, if it is time to. */
  note(
    { network, address, client }: Pick<ForeignServer, 'network' | 'address' | 'client'>,
    now: number,
  ): BootEvent | undefined {
    const key = `${network} ${address}`
    const before = this.#servers.get(key)
    this.#servers.delete(key)
    this.#servers.set(key, {
      ...{ network, address, client, lastSeen: now },
      firstSeen: before?.firstSeen ?? now,
      count: (before?.count ?? 0) + 1,
    })
    const oldest = this.#servers.size > MOST ? this.#servers.keys().next().value : undefined
    if (oldest !== undefined) {
      this.#servers.delete(oldest)
      this.#told.delete(oldest)
    }
    const told = this.#told.get(key)
    if (told !== undefined && now - told < TELL_EVERY_MS) return undefined
    this.#told.set(key, now)
    const detail = { server: formatIpv4(address), because: 'a client named it in option 54' }
    return { time: now, kind: 'dhcp.foreign', mac: client, network, detail }
  }

  /** What is known, the last seen first. */
  list(): readonly ForeignServer[] {
    return [...this.#servers.values()].reverse()
  }
}
