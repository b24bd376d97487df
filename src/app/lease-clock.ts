import type { SteadyClock } from '../lib/steady-clock.ts'
import type { Lease } from '../model/lease.ts'
import type { Running } from './running.ts'

/** The clock may be this far behind the newest lease, in milliseconds: another server's machine may have written it. */
const BEHIND_MS = 10_000

/**
 * Keeps the promise of every lease when the machine's clock is set. A client counts its lease from the ACK with a clock of
 * its own; so a lease keeps the time it has left, and its times move with the clock, in memory at once and on disk soon.
 */
export class LeaseClock {
  readonly #clock: Pick<SteadyClock, 'resync'>
  readonly #running: Pick<Running, 'leases' | 'store' | 'timeline' | 'now'>
  /** A symbol stands for the write that is under way. */
  #state: 'written' | 'unwritten' | symbol = 'written'

  constructor(
    clock: Pick<SteadyClock, 'resync'>,
    running: Pick<Running, 'leases' | 'store' | 'timeline' | 'now'>,
  ) {
    this.#clock = clock
    this.#running = running
  }

  /**
   * To be called once before the first packet. A clock that shows a time before the newest lease was set back while no
   * server ran, or lost its battery: how long that was nobody knows, and no lease ends for it.
   */
  start(): void {
    const { leases, now } = this.#running
    let newest = -Infinity
    for (const { startedAt } of leases.all()) newest = Math.max(newest, startedAt)
    const behind = newest - now()
    if (behind > BEHIND_MS) this.#move(-behind, 'while no server ran')
  }

  /** To be called every second or so. The answer is by how many milliseconds the clock was set, 0 when it was not. */
  look(): number {
    const by = this.#clock.resync()
    if (by !== 0) this.#move(by, 'while the server runs')
    else if (this.#state === 'unwritten') this.#write()
    return by
  }

  #move(by: number, when: string): void {
    const { leases, timeline, now } = this.#running
    leases.move(by)
    timeline.emit({
      time: now(),
      kind: 'clock.jump',
      detail: {
        [by > 0 ? 'forward' : 'back']: `${Math.round(Math.abs(by) / 1000)} s`,
        message: `${when}: every lease keeps the time it has left`,
      },
    })
    this.#write()
  }

  /** All of them in one transaction: a crash leaves the old times or the new. Tried again at the next look. */
  #write(): void {
    const { leases, store } = this.#running
    const writing = Symbol('this write')
    this.#state = writing
    const after = (state: 'written' | 'unwritten') => () => {
      // A jump meanwhile has begun a write of its own.
      if (this.#state === writing) this.#state = state
    }
    store.saveLeases([...leases.all()].filter(isDurable)).then(after('written'), after('unwritten'))
  }
}

function isDurable({ state }: Lease): boolean {
  return state !== 'offered'
}
