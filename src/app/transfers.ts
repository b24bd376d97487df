import type { Mac } from '../lib/mac.ts'
import type { BootEvent } from '../model/event.ts'
import type { NodePlane } from '../model/http.ts'

/** Whose transfer it is. Names and addresses are safe to print. */
export interface TransferOwner {
  readonly plane: NodePlane
  readonly network: string
  /** Dotted decimal. */
  readonly address: string
  readonly mac?: Mac
  readonly node?: string
  readonly file: string
}

/** A transfer under way. Octets; milliseconds; `rate` in octets a second over the last seconds. */
export interface TransferReport extends TransferOwner {
  readonly sent: number
  readonly size: number
  readonly rate: number
  readonly milliseconds: number
  /** How long nothing has moved, once that is worth telling. */
  readonly stalledMs?: number
}

/** What the two planes tell of one transfer. */
export interface TransferHandle {
  /** So many octets went out, of all; returns the rate in octets a second. */
  moved(sent: number): number
  end(): void
}

/** Seconds without an octet after which a transfer has stalled; iPXE gives up after 30. */
export const STALL_S = 10
/** Transfers that are watched at once. Those beyond go on, unwatched. */
const MOST = 8192
/** Stalls and their ends of one transfer that are told. */
const MOST_TOLD = 10
/** Milliseconds over which the rate is taken, at least. */
const WINDOW_MS = 2000

interface Watched {
  readonly owner: TransferOwner
  readonly size: number
  readonly begunAt: number
  sent: number
  movedAt: number
  /** Two older readings: the rate is counted from the first. */
  marks: readonly [Mark, Mark]
  isStalled: boolean
  told: number
}

interface Mark {
  readonly at: number
  readonly sent: number
}

/** Every transfer of both planes while it lasts: how far it is, how fast, and whether it has stalled. */
export class Transfers {
  readonly #clock: () => number
  readonly #watched = new Set<Watched>()
  readonly #resumed: BootEvent[] = []
  readonly #stalls = new Map<NodePlane, number>()

  /** `clock` counts milliseconds and is never set. */
  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** `size` in octets. */
  begin(owner: TransferOwner, size: number): TransferHandle {
    const now = this.#clock()
    const start = { at: now, sent: 0 }
    const one: Watched = {
      ...{ owner, size, begunAt: now, sent: 0, movedAt: now },
      ...{ marks: [start, start], isStalled: false, told: 0 },
    }
    if (this.#watched.size < MOST) this.#watched.add(one)
    return { moved: (sent) => this.#moved(one, sent), end: () => void this.#watched.delete(one) }
  }

  /** Stalls that began and ended since the last look, for the timeline; `time` is that of the events. */
  due(time: number): readonly BootEvent[] {
    const now = this.#clock()
    const events = this.#resumed.splice(0).map((event) => ({ ...event, time }))
    for (const one of this.#watched) {
      if (one.isStalled || now - one.movedAt < STALL_S * 1000) continue
      one.isStalled = true
      const { plane } = one.owner
      this.#stalls.set(plane, (this.#stalls.get(plane) ?? 0) + 1)
      if (one.told < MOST_TOLD) events.push(eventOf(one, 'stalled', { time, idleMs: now - one.movedAt }))
      one.told += 1
    }
    return events
  }

  /** Of those that are watched, the oldest first. */
  list(): readonly TransferReport[] {
    const now = this.#clock()
    return [...this.#watched].map((one) => ({
      ...one.owner,
      ...{
        sent: one.sent,
        size: one.size,
        rate: rateAt(one, now),
        milliseconds: Math.round(now - one.begunAt),
      },
      ...(one.isStalled ? { stalledMs: Math.round(now - one.movedAt) } : {}),
    }))
  }

  /** Stalls since the start. */
  stallsOf(plane: NodePlane): number {
    return this.#stalls.get(plane) ?? 0
  }

  #moved(one: Watched, sent: number): number {
    const now = this.#clock()
    if (one.isStalled && sent > one.sent) {
      one.isStalled = false
      if (one.told <= MOST_TOLD && this.#watched.has(one))
        this.#resumed.push(eventOf({ ...one, sent }, 'resumed', { time: 0, idleMs: now - one.movedAt }))
    }
    if (sent > one.sent) one.movedAt = now
    one.sent = sent
    const [, newer] = one.marks
    if (now - newer.at >= WINDOW_MS) one.marks = [newer, { at: now, sent }]
    return rateAt(one, now)
  }
}

function rateAt({ marks: [mark], sent }: Watched, now: number): number {
  return now <= mark.at ? 0 : Math.round(((sent - mark.sent) * 1000) / (now - mark.at))
}

function eventOf(
  { owner, sent, size }: Watched,
  what: 'stalled' | 'resumed',
  { time, idleMs }: { readonly time: number; readonly idleMs: number },
): BootEvent {
  const { plane, file, ...who } = owner
  const seconds = Math.round(idleMs / 1000)
  const kind = plane === 'tftp' ? 'tftp' : 'http'
  return { ...who, time, kind: `${kind}.${what}`, detail: { file, sent, size, idle: `${seconds} s` } }
}
