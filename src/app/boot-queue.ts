import type { LoadedFile } from '../boot/decision.ts'
import type { QueueView } from '../model/world.ts'

/** A machine that loads and moves nothing for so long has given up, or is through without our seeing it. */
const STALL_MS = 30_000
/** Whoever loads for longer than 8 GB take at 100 Mbit/s does not keep others waiting. */
const LONGEST_MS = 900_000
/** Whoever waits and does not ask for so many times in a row has gone. */
const MISSED_ASKS = 3
/** Who asks again within this time has a free place kept: more than the shortest wait of `boot/queue.ts`. */
const SOON_MS = 1500
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
  /** Milliseconds until it asks again, as it was told. */
  pause: number
}

interface Loading {
  since: number
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
    const found = placeIn(waiting, who, now + SOON_MS)
    return {
      loads,
      loading: loading.size - (loads ? 1 : 0),
      octets: octetsOf(loading, who),
      ahead: found.ahead,
      place: found.place,
      waiting: Math.max(waiting.size, found.place),
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
    else if (loading.size < MOST_LOADING) loading.set(who, { since: now, missing, moved: now })
    return waited === undefined ? undefined : now - waited.since
  }

  /** Lets it wait, and ask again after `seconds`; true when it is new, and there was room to remember it. */
  wait(network: string, who: string, seconds: number, now: number): boolean {
    const { waiting } = this.#line(network, now)
    const pause = seconds * 1000
    const before = waiting.get(who)
    if (before !== undefined) {
      before.asked = now
      before.pause = pause
      return false
    }
    if (waiting.size >= MOST_WAITING) return false
    waiting.set(who, { since: now, asked: now, pause })
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

  /** For the metrics, without those that have gone. */
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
      if (now < one.since) one.since = now
      if (now - one.moved >= STALL_MS || now - one.since >= LONGEST_MS) line.loading.delete(who)
    }
    for (const [who, one] of line.waiting) {
      if (now < one.asked) one.asked = now
      if (now - one.asked > MISSED_ASKS * one.pause + ASK_SLACK_MS) line.waiting.delete(who)
    }
    return line
  }
}

/** What all but `who` have not fetched yet. */
function octetsOf(loading: ReadonlyMap<string, Loading>, who: string): number {
  let octets = 0
  for (const [one, { missing }] of loading)
    if (one !== who) for (const size of missing.values()) octets += size
  return octets
}

/** Its place from 1, behind all when it is not there; and of those before it, how many ask until `soon`. */
function placeIn(
  waiting: ReadonlyMap<string, Waiting>,
  who: string,
  soon: number,
): { readonly place: number; readonly ahead: number } {
  let [place, ahead] = [1, 0]
  for (const [one, { asked, pause }] of waiting) {
    if (one === who) break
    place += 1
    if (asked + pause <= soon) ahead += 1
  }
  return { place, ahead }
}
