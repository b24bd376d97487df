import type { Ipv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { HeardServer, OfferedBoot } from '../model/host.ts'

/** Another DHCP server of a network, as its own answers and its clients' messages show it. */
export interface ForeignServer {
  readonly network: string
  readonly address: Ipv4
  /** Ours on that network. */
  readonly ours: Ipv4
  /** Absent while it is known by option 54 of its clients alone. */
  readonly kind?: HeardServer['kind']
  readonly mac?: Mac
  /** The address it offered us. */
  readonly offered?: Ipv4
  readonly boot?: OfferedBoot
  /** A client that chose it, the last one. */
  readonly client?: Mac
  /** Milliseconds since 1970. */
  readonly firstSeen: number
  readonly lastSeen: number
  /** Messages that showed it. */
  readonly count: number
}

type Place = Pick<ForeignServer, 'network' | 'address' | 'ours'>

/** Servers that are remembered; of more, the one not seen for longest is forgotten: option 54 is only a client's word. */
const MOST = 256
/** An event for the same server at most this often, in milliseconds, unless there is something new to say. */
const TELL_EVERY_MS = 3_600_000
/** How long a server counts as there, in milliseconds: three probes. */
const CURRENT_MS = 1_800_000

/** The DHCP servers beside us: those heard, and those that a client's REQUEST names in option 54 (RFC 2131 §4.3.2). */
export class ForeignServers {
  readonly #servers = new Map<string, ForeignServer>()
  readonly #told = new Map<string, { readonly what: string; readonly at: number }>()

  /** Notes that a client chose it. */
  chosen(place: Place, client: Mac, now: number): ForeignServer {
    return this.#put({ ...this.#seen(place, now), client })
  }

  /** Notes an answer of its own. */
  heard(place: Place, server: HeardServer, now: number): ForeignServer {
    const { boot: known, ...before } = this.#seen(place, now)
    const { mac, offered } = server
    const boot = newestBoot(known, server)
    return this.#put({
      ...before,
      kind: before.kind === 'dhcp' ? 'dhcp' : server.kind,
      ...(mac === undefined ? {} : { mac }),
      ...(offered === undefined ? {} : { offered }),
      ...(boot === undefined ? {} : { boot }),
    })
  }

  /** Whether it is time to tell of it: when there is something new, in short `what`, and once an hour. */
  isNews(server: ForeignServer, what: string, now: number): boolean {
    const told = this.#told.get(keyOf(server))
    return told === undefined || told.what !== what || now - told.at >= TELL_EVERY_MS
  }

  /** It was told of, with the same `what` as for `isNews`; `now` in milliseconds since 1970. */
  told(server: ForeignServer, what: string, now: number): void {
    this.#told.set(keyOf(server), { what, at: now })
  }

  /** What is known, the last seen first. */
  list(): readonly ForeignServer[] {
    return [...this.#servers.values()].reverse()
  }

  #seen({ network, address, ours }: Place, now: number): ForeignServer {
    const before = this.#servers.get(keyOf({ network, address }))
    return {
      ...before,
      ...{ network, address, ours, lastSeen: now },
      firstSeen: before?.firstSeen ?? now,
      count: (before?.count ?? 0) + 1,
    }
  }

  /** The last seen is the last of the map. */
  #put(server: ForeignServer): ForeignServer {
    const key = keyOf(server)
    this.#servers.delete(key)
    this.#servers.set(key, server)
    const oldest = this.#servers.size > MOST ? this.#servers.keys().next().value : undefined
    if (oldest !== undefined) {
      this.#servers.delete(oldest)
      this.#told.delete(oldest)
    }
    return server
  }
}

/** Whether it was seen lately enough to be there still. */
export function isCurrent({ lastSeen }: ForeignServer, now: number): boolean {
  return now - lastSeen < CURRENT_MS
}

/**
 * What it says about booting: as it answers our question as firmware; else as it answers other firmware. An answer to an
 * operating system says nothing of that.
 */
function newestBoot(known: OfferedBoot | undefined, { asked, boot }: HeardServer): OfferedBoot | undefined {
  if (asked === 'pxe') return boot
  const isOfFirmware = boot?.bootFile !== undefined || boot?.vendorClass !== undefined
  return known === undefined || (asked === undefined && isOfFirmware) ? boot : known
}

function keyOf({ network, address }: Pick<Place, 'network' | 'address'>): string {
  return `${network} ${address}`
}
