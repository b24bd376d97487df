import type { Mac } from '../lib/mac.ts'
import { OldestFirst } from '../lib/oldest-first.ts'
import type { BootEvent } from '../model/event.ts'

/** Seconds a machine may take to fetch what it was just told to fetch; firmware and iPXE ask within one. */
const PATIENCE_S = 30
/** Machines that are waited for at the same time; of more, the oldest are forgotten. */
const MOST = 4096

interface Expected {
  /** The answer that told it: its machine, network and address are those of the silence. */
  readonly told: BootEvent
  /** What it was told to fetch: a URL, or the name of a file over TFTP. */
  readonly fetch: string
  /** Milliseconds since 1970. */
  since: number
}

/**
 * Notices machines that were told where to go next and never came: the one failure of a boot of which no packet tells.
 * A firewall, or a server address that the machine cannot reach, look like this from here.
 */
export class SilenceWatch {
  readonly #expected = new OldestFirst<Mac, Expected>()

  /** Takes every event of the timeline, in their order. */
  note(event: BootEvent): void {
    const { mac } = event
    if (mac === undefined || event.kind === 'boot.silent') return
    const fetch = toldToFetch(event)
    if (fetch === undefined) {
      if (shows(event)) this.#expected.delete(mac)
      return
    }
    this.#expected.set(mac, { told: event, fetch, since: event.time })
    this.#expected.trim(MOST)
  }

  /** The clock was set, by so many milliseconds: nobody's patience ended for that. */
  move(by: number): void {
    for (const [, expected] of this.#expected) expected.since += by
  }

  /** The silences that became too long, each once. `now` in milliseconds since 1970. */
  due(now: number): readonly BootEvent[] {
    const events: BootEvent[] = []
    for (const [mac, { told, fetch, since }] of this.#expected) {
      if (now - since < PATIENCE_S * 1000) continue
      this.#expected.delete(mac)
      const { node, network, address } = told
      events.push({
        ...{ time: now, kind: 'boot.silent', mac },
        ...(node === undefined ? {} : { node }),
        ...(network === undefined ? {} : { network }),
        ...(address === undefined ? {} : { address }),
        detail: { fetch, seconds: PATIENCE_S, hint: hint(fetch) },
      })
    }
    return events
  }
}

/** What an answer of ours told the machine to fetch next. */
function toldToFetch({ kind, detail }: BootEvent): string | undefined {
  if (kind === 'dhcp.ack') return typeof detail['boot'] === 'string' ? detail['boot'] : undefined
  if (kind !== 'http.script' || detail['standing'] === 'claimed') return undefined
  // What another server sends is not seen here.
  if (detail['files'] !== undefined) return undefined
  if (detail['script'] === 'identify') return 'its own script'
  return detail['script'] === 'boot' ? 'the kernel' : undefined
}

/** Whether the event shows that the machine went on, or that it is not booting any more. */
function shows({ kind, detail }: BootEvent): boolean {
  return detail['standing'] !== 'claimed' && /^(dhcp\.ack|tftp\.|https?\.|boot\.|files\.|report)/.test(kind)
}

function hint(fetch: string): string {
  const port = fetch.includes('://') || fetch.includes(' ') ? 'the TCP port of boot HTTP' : 'UDP port 69'
  return `a firewall before ${port}, or an address of ours that the machine cannot reach`
}
