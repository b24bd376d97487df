interface Limits {
  readonly transfers: number
  readonly waiting: number
}

/** Milliseconds that a transfer waits at most before it is asked to come again: EDK2 gives up on a silent server. */
const LONGEST_WAIT_MS = 10_000
/** The part of all that one address has at most, while more than half are taken; and how many it always may have. */
const PART_OF_ONE = 1 / 16
const LEAST_OF_ONE = 4

/**
 * How many large transfers run at the same time; the others wait in the order in which they came. So that no client takes
 * all of them, one that has many is refused while they are scarce.
 */
export class TransferSlots {
  readonly #limits: () => Limits
  readonly #line = new Set<(mayGo: boolean) => void>()
  /** Those that run and those that wait, by address. */
  readonly #clients = new Map<string, number>()
  #taken = 0
  #refused = 0

  constructor(limits: () => Limits) {
    this.#limits = limits
  }

  /** Now; `refused` since the start. */
  get figures(): { readonly taken: number; readonly waiting: number; readonly refused: number } {
    return { taken: this.#taken, waiting: this.#line.size, refused: this.#refused }
  }

  /** More than half are taken: whoever is slow should not hold one. */
  get isScarce(): boolean {
    return this.#taken > this.#limits().transfers / 2
  }

  /** Whether the transfer may begin, now or when its turn comes; then `leave` has to follow. `gone`: the client left. */
  async enter(client: string, gone: Promise<unknown>): Promise<boolean> {
    const { transfers, waiting } = this.#limits()
    const own = this.#clients.get(client) ?? 0
    const isGreedy = this.isScarce && own >= Math.max(LEAST_OF_ONE, transfers * PART_OF_ONE)
    const isFree = this.#taken < transfers && this.#line.size === 0
    if (isGreedy || (!isFree && this.#line.size >= waiting)) {
      this.#refused += 1
      return false
    }
    this.#clients.set(client, own + 1)
    if (isFree) this.#taken += 1
    else if (!(await this.#wait(gone))) {
      this.#forget(client)
      this.#refused += 1
      return false
    }
    return true
  }

  /** Once for each `enter` that was true. The next in line begins at once. */
  leave(client: string): void {
    this.#forget(client)
    this.#taken -= 1
    while (this.#taken < this.#limits().transfers) {
      const [next] = this.#line
      if (next === undefined) return
      this.#taken += 1
      next(true)
    }
  }

  #forget(client: string): void {
    const left = (this.#clients.get(client) ?? 1) - 1
    if (left === 0) this.#clients.delete(client)
    else this.#clients.set(client, left)
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
