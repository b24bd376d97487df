/** Octets that large transfers move before everybody else has a turn. */
const PORTION = 2 << 20
/** Pieces of large transfers that are fetched at once: one thread of libuv's four is left to who asks for little. */
const AT_ONCE = 3

/**
 * Lets large transfers go on in portions, one portion in each turn of the event loop. Thousands that want to go on at the same
 * time then keep a new connection, or a request for a script, waiting for one portion and not for all of them.
 */
export class Turns {
  readonly #beginners: (() => void)[] = []
  readonly #others: (() => void)[] = []
  #fetching = 0
  #left = PORTION
  #isNextBeginner = true
  #isRefilling = false

  /** Undefined: go on at once. First pieces and later ones go in turn. `done` has to follow. */
  take(isFirst: boolean): Promise<void> | undefined {
    const { length } = isFirst ? this.#beginners : this.#others
    if (length === 0 && this.#hasRoom) {
      this.#fetching += 1
      return undefined
    }
    return new Promise((go) => (isFirst ? this.#beginners : this.#others).push(go))
  }

  /** Octets that the kernel was given in this turn; 0 when it came to nothing. */
  done(octets: number): void {
    this.#fetching -= 1
    this.#left -= octets
    if (this.#isRefilling) return
    this.#isRefilling = true
    setImmediate(() => this.#refill())
  }

  get #hasRoom(): boolean {
    return this.#left > 0 && this.#fetching < AT_ONCE
  }

  #refill(): void {
    this.#isRefilling = false
    this.#left = PORTION
    while (this.#hasRoom) {
      const go = this.#next()
      if (go === undefined) return
      this.#fetching += 1
      go()
    }
  }

  #next(): (() => void) | undefined {
    this.#isNextBeginner = !this.#isNextBeginner
    const [one, other] = this.#isNextBeginner
      ? [this.#beginners, this.#others]
      : [this.#others, this.#beginners]
    return one.shift() ?? other.shift()
  }
}
