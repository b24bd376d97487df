import type { StateStore } from '../model/ports.ts'
import type { HealthItem } from './health.ts'

/** Tells whether the newest write that had to be durable was: while the disk refuses, DHCP gives no addresses. */
export class StoreHealth {
  #problem: string | undefined
  #damage: Error | undefined
  readonly #onDamage: (error: Error) => void

  /** `onDamage` is called once, when the database turns out to be damaged. */
  constructor(onDamage: (error: Error) => void) {
    this.#onDamage = onDamage
  }

  /** For `/health` and `status`. */
  get item(): HealthItem {
    return { name: 'state', ...(this.#problem === undefined ? {} : { problem: this.#problem }) }
  }

  /** A write was lost, be it one whose caller did not wait for it. */
  fail(error: Error): void {
    if (this.#damage !== undefined) return
    this.#problem = error.message
    if (!('code' in error) || error.code !== 'corrupt') return
    this.#damage = error
    this.#onDamage(error)
  }

  /**
   * The same store, watched. After a write that met a damaged database nothing is promised to anybody any more: what other
   * pages still take would not be found by the next start, which refuses the file.
   */
  watch(store: StateStore): StateStore {
    return {
      saveLeases: (leases) => this.#heed(() => store.saveLeases(leases)),
      moveLeases: (moved) => this.#heed(() => store.moveLeases(moved)),
      openAttempt: (attempt) => this.#heed(() => store.openAttempt(attempt)),
      saveBoots: (change) => this.#heed(() => store.saveBoots(change)),
      appendEvents: (events) => store.appendEvents(events),
      saveSeen: (machines) => store.saveSeen(machines),
      saveProgress: (progress) => store.saveProgress(progress),
      flush: () => store.flush(),
      close: () => store.close(),
    }
  }

  async #heed(write: () => Promise<void>): Promise<void> {
    if (this.#damage !== undefined) throw this.#damage
    try {
      await write()
      if (this.#damage === undefined) this.#problem = undefined
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  }
}
