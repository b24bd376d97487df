import type { StateStore } from '../model/ports.ts'
import type { HealthItem } from './health.ts'

/** Tells whether the newest write that had to be durable was: while the disk refuses, DHCP gives no addresses. */
export class StoreHealth {
  #problem: string | undefined

  get item(): HealthItem {
    return { name: 'state', ...(this.#problem === undefined ? {} : { problem: this.#problem }) }
  }

  /** A write was lost whose caller did not wait for it. */
  fail(error: Error): void {
    this.#problem = error.message
  }

  /** The same store, watched. */
  watch(store: StateStore): StateStore {
    return {
      saveLeases: (leases) => this.#heed(store.saveLeases(leases)),
      openAttempt: (attempt) => this.#heed(store.openAttempt(attempt)),
      appendEvents: (events) => store.appendEvents(events),
      saveSeen: (machines) => store.saveSeen(machines),
      saveProgress: (progress) => store.saveProgress(progress),
      flush: () => store.flush(),
      close: () => store.close(),
    }
  }

  async #heed(writing: Promise<void>): Promise<void> {
    try {
      await writing
      this.#problem = undefined
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error)
      throw error
    }
  }
}
