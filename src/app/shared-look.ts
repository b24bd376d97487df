/**
 * A look at the disk for all who ask at the same time. Everybody gets one that began after they asked, so that nobody is
 * told what was true before; there is one at a time, and one for all who came while it ran.
 */
export class SharedLook {
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined

  /** One that begins now or later. Rejects as `look` does, for all who share it. */
  take(look: () => Promise<void>): Promise<void> {
    // Between the end of one and the beginning of the next there may be others who ask.
    if (this.#next !== undefined) return this.#next
    if (this.#running === undefined) return this.#begin(look)
    const after = (): Promise<void> => {
      this.#next = undefined
      return this.#begin(look)
    }
    this.#next = this.#running.then(after, after)
    return this.#next
  }

  /** The one that runs, for those to whom it is not too old, or a new one. */
  join(look: () => Promise<void>): Promise<void> {
    return this.#running ?? this.#next ?? this.#begin(look)
  }

  #begin(look: () => Promise<void>): Promise<void> {
    const done = look().finally(() => {
      this.#running = undefined
    })
    this.#running = done
    return done
  }
}
