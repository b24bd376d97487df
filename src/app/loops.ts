import { archesOfLoader } from '../boot/loaders.ts'
import type { Mac } from '../lib/mac.ts'
import { OldestFirst } from '../lib/oldest-first.ts'
import type { BootEvent } from '../model/event.ts'
import type { LoopView } from '../model/world.ts'

/** More fetches of a loader than this within the window, without a script request, are a loop. */
const MOST_FETCHES = 3
const WINDOW_MS = 120_000
/** How long a machine gets the other loader: the one that looped would loop at the next boot too. */
const REMEMBER_MS = 24 * 60 * 60_000
/** Machines remembered at the same time; of more, the oldest are forgotten. */
const MOST_MACHINES = 4096

interface Fetches {
  readonly loader: string
  /** Milliseconds since 1970, oldest first. */
  readonly times: readonly number[]
}

interface Loop {
  readonly loader: string
  readonly since: number
}

/**
 * Notices machines that fetch their first loader again and again and never ask for a script: a loader that finds no
 * network card, or that gets itself from DHCP. Such a machine then gets the other loader of the table.
 */
export class LoopWatch implements LoopView {
  readonly #fetches = new OldestFirst<Mac, Fetches>()
  readonly #loops = new OldestFirst<Mac, Loop>()
  #due: BootEvent[] = []

  /** Takes every event of the timeline; the machine must be its own word, a claimed one is left out. */
  note(event: BootEvent): void {
    const { mac, kind, time, detail } = event
    if (mac === undefined || detail['standing'] === 'claimed') return
    if (kind === 'http.script' || kind === 'tftp.script') this.#fetches.delete(mac)
    const file = detail['file']
    if (!isFetch(kind) || typeof file !== 'string' || archesOfLoader(file).length === 0) return
    const before = this.#fetches.get(mac)
    const times = before?.loader === file ? before.times : []
    const recent = [...times.filter((one) => time - one < WINDOW_MS), time]
    if (recent.length <= MOST_FETCHES) {
      remember(this.#fetches, mac, { loader: file, times: recent })
      return
    }
    this.#fetches.delete(mac)
    remember(this.#loops, mac, { loader: file, since: time })
    this.#due.push(loopEvent(event, file, recent.length))
  }

  /** The loops noticed since the last call, each once. */
  due(): readonly BootEvent[] {
    const events = this.#due
    this.#due = []
    return events
  }

  /** @inheritDoc */
  loaderOf(mac: Mac, now: number): string | undefined {
    const loop = this.#loops.get(mac)
    return loop === undefined || now - loop.since >= REMEMBER_MS ? undefined : loop.loader
  }

  /** @inheritDoc */
  fetchedBy(mac: Mac, now: number): string | undefined {
    const fetches = this.#fetches.get(mac)
    const last = fetches?.times.at(-1)
    return last === undefined || now - last >= WINDOW_MS ? undefined : fetches?.loader
  }
}

function isFetch(kind: BootEvent['kind']): boolean {
  return kind === 'tftp.done' || kind === 'http.done'
}

function loopEvent({ time, mac, node, network, address }: BootEvent, file: string, times: number): BootEvent {
  return {
    ...{ time, kind: 'boot.loop' },
    ...(mac === undefined ? {} : { mac }),
    ...(node === undefined ? {} : { node }),
    ...(network === undefined ? {} : { network }),
    ...(address === undefined ? {} : { address }),
    detail: { file, times, seconds: WINDOW_MS / 1000, hint: hint(node) },
  }
}

function hint(node: string | undefined): string {
  const whose = node === undefined ? 'a node for this machine with loader:' : `loader: of ${node}`
  return `fetched without asking for a script; it gets another loader now, and ${whose} names one for good`
}

function remember<T>(map: OldestFirst<Mac, T>, mac: Mac, value: T): void {
  map.set(mac, value)
  map.trim(MOST_MACHINES)
}
