import type { LoadedFile } from '../boot/decision.ts'
import type { QueueView } from '../model/world.ts'

/** A machine that loads and moves nothing for so long has given up, or is through without our seeing it. */
const STALL_MS = 30_000
/** Whoever waits and does not ask for so many times in a row has gone. */
const MISSED_ASKS = 3
/** What a poll may take beside its wait: DHCP is not asked again, TCP may repeat a SYN after one second and three. */
const ASK_SLACK_MS = 4000
/** Machines of one network that wait; more are told to wait and have no place yet. */
const MOST_WAITING = 10_000
/** Machines of one network that load, where `boots: false` lets any number. */
const MOST_LOADING = 10_000

interface Waiting {
  readonly since: number
  /** When it asked last. */
  asked: number
  /** For how long after that it is expected. */
  patience: number
}

interface Loading {
  /** Octets still to come, by the path of the file. */
  missing: Map<string, number>
  /** When it came, or when its last octet was seen to go. */
  moved: number
}

interface Line {
  readonly loading: Map<string, Loading>
  /** In the order of the first ask. */
  readonly waiting: Map<string, Waiting>
}

/**
 * The machines of each network that load an image, and those that wait for them, each by its MAC or else its address.
 * All times are milliseconds of one clock; one that goes back starts the waits of everybody anew.
 */
export class BootQueue {
  readonly #lines = new Map<string, Line>()

  /** What `who` would find if it asked now. */
  view(network: string, who: string, now: number): QueueView {
    const { loading, waiting } = this.#line(network, now)
    const loads = loading.has(who)
    const ahead = placeIn(waiting, who)
    return {
      loads,
      loading: loading.size - (loads ? 1 : 0),
      place: ahead ?? waiting.size + 1,
      waiting: waiting.size + (ahead === undefined ? 1 : 0),
    }
  }

  /**
   * Lets it load these files; the milliseconds that it waited, undefined when it did not. One that loads already begins
   * anew, within the time it had: nobody keeps a place by asking.
   */
  admit(network: string, who: string, files: readonly LoadedFile[], now: number): number | undefined {
    const { loading, waiting } = this.#line(network, now)
    const waited = waiting.get(who)
    waiting.delete(who)
    const missing = new Map(files.map(({ path, size }) => [path, size]))
    const before = loading.get(who)
    if (before !== undefined) before.missing = missing
    else if (loading.size < MOST_LOADING) loading.set(who, { missing, moved: now })
    return waited === undefined ? undefined : now - waited.since
  }

  /** Lets it wait, and ask again after `seconds`; true when it is new, and there was room to remember it. */
  wait(network: string, who: string, seconds: number, now: number): boolean {
    const { waiting } = this.#line(network, now)
    const patience = MISSED_ASKS * seconds * 1000 + ASK_SLACK_MS
    const before = waiting.get(who)
    if (before !== undefined) {
      before.asked = now
      before.patience = patience
      return false
    }
    if (waiting.size >= MOST_WAITING) return false
    waiting.set(who, { since: now, asked: now, patience })
    return true
  }

  /** Octets of a file went out to it; `sent` is what is through for good, 0 while a transfer runs. */
  moved(
    network: string,
    who: string,
    { path, sent }: { readonly path: string; readonly sent: number },
    now: number,
  ): void {
    const line = this.#lines.get(network)
    const one = line?.loading.get(who)
    if (line === undefined || one === undefined) return
    one.moved = now
    const left = (one.missing.get(path) ?? 0) - sent
    if (left > 0) one.missing.set(path, left)
    else if (sent > 0) one.missing.delete(path)
    if (one.missing.size === 0) line.loading.delete(who)
  }

  /** It does something else now. */
  leave(network: string, who: string): void {
    const line = this.#lines.get(network)
    line?.loading.delete(who)
    line?.waiting.delete(who)
  }

  counts(network: string, now: number): { readonly loading: number; readonly waiting: number } {
    const { loading, waiting } = this.#line(network, now)
    return { loading: loading.size, waiting: waiting.size }
  }

  /** Without those that have gone. */
  #line(network: string, now: number): Line {
    const line = this.#lines.get(network) ?? { loading: new Map(), waiting: new Map() }
    this.#lines.set(network, line)
    for (const [who, one] of line.loading) {
      if (now < one.moved) one.moved = now
      if (now - one.moved >= STALL_MS) line.loading.delete(who)
    }
    for (const [who, one] of line.waiting) {
      if (now < one.asked) one.asked = now
      if (now - one.asked > one.patience) line.waiting.delete(who)
    }
    return line
  }
}

/** From 1; undefined for one that is not there. */
function placeIn(waiting: ReadonlyMap<string, Waiting>, who: string): number | undefined {
  let place = 0
  for (const one of waiting.keys()) {
    place += 1
    if (one === who) return place
  }
  return undefined
}
