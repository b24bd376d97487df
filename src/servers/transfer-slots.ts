interface Limits {
  readonly transfers: number
  readonly waiting: number
}

/** Milliseconds that a transfer waits at most before it is asked to come again: EDK2 gives up on a silent server. */
const LONGEST_WAIT_MS = 10_000

/** How many large transfers run at the same time; the others wait in the order in which they came. */
export class TransferSlots {
  readonly #limits: () => Limits
  readonly #line = new Set<(mayGo: boolean) => void>()
  #taken = 0
  #refused = 0

  constructor(limits: () => Limits) {
    this.#limits = limits
  }

  get figures(): { readonly taken: number; readonly waiting: number; readonly refused: number } {
    return { taken: this.#taken, waiting: this.#line.size, refused: this.#refused }
  }

  /** Whether the transfer may begin, now or when its turn comes; then `leave` has to follow. `gone`: the client left. */
  async enter(gone: Promise<unknown>): Promise<boolean> {
    const { transfers, waiting } = this.#limits()
    if (this.#taken < transfers && this.#line.size === 0) {
      this.#taken += 1
      return true
    }
    const mayGo = this.#line.size < waiting && (await this.#wait(gone))
    if (!mayGo) this.#refused += 1
    return mayGo
  }

  leave(): void {
    this.#taken -= 1
    while (this.#taken < this.#limits().transfers) {
      const [next] = this.#line
      if (next === undefined) return
      this.#taken += 1
      next(true)
    }
  }

  #wait(gone: Promise<unknown>): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (mayGo: boolean): void => {
        clearTimeout(late)
        this.#line.delete(end)
        resolve(mayGo)
      }
      const late = setTimeout(() => end(false), LONGEST_WAIT_MS)
      this.#line.add(end)
      void gone.then(() => {
        if (this.#line.has(end)) end(false)
      })
    })
  }
}
