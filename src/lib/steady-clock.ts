/** The two clocks of a machine, read at the same moment; both in milliseconds. */
export interface ClockReading {
  /** Since 1970; somebody may set it, NTP corrects it. */
  readonly wall: number
  /** Since anything; only ever goes on, at the pace of time. */
  readonly monotonic: number
}

/** A difference above this, in milliseconds, is a clock that was set, and below it one that drifts. */
const JUMP_MS = 10_000
/** How much faster or slower than time the clock goes while it follows one that drifts. */
const MOST_SLEW = 0.05
/** A small difference is gone after about so many milliseconds. */
const SLEW_OVER_MS = 10_000

/**
 * Time as clients count it. It goes at the pace of time between two looks at the wall clock, whatever happens to that; so
 * whoever looks can first see to everything that a step would spoil.
 */
export class SteadyClock {
  readonly #read: () => ClockReading
  #at: ClockReading
  #rate = 1

  /** `read` reads the clocks of the machine. */
  constructor(read: () => ClockReading) {
    this.#read = read
    this.#at = read()
  }

  /** Milliseconds since 1970. Goes back only by `resync`. */
  now(): number {
    return this.#timeAt(this.#read().monotonic)
  }

  /**
   * Looks at the wall clock: follows a small difference slowly, a large one at once. The answer is by how many milliseconds
   * `now` stepped, 0 when it did not.
   */
  resync(): number {
    const { wall, monotonic } = this.#read()
    const now = this.#timeAt(monotonic)
    const ahead = wall - now
    const isJump = Math.abs(ahead) > JUMP_MS
    this.#at = { wall: isJump ? wall : now, monotonic }
    this.#rate = isJump ? 1 : 1 + Math.max(-MOST_SLEW, Math.min(MOST_SLEW, ahead / SLEW_OVER_MS))
    return isJump ? ahead : 0
  }

  #timeAt(monotonic: number): number {
    return this.#at.wall + (monotonic - this.#at.monotonic) * this.#rate
  }
}
