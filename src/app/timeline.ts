import { type BootEvent, isTransient, type StoredEvent } from '../model/event.ts'
import type { StateStore } from '../model/ports.ts'

/** Kept in memory for followers that come later, in events. */
const RECENT = 2000

/**
 * The ids of a new start begin this far above the last stored one: what a crash kept from being stored may have been
 * shown to a follower, and its ids shall not come again.
 */
const START_GAP = 10_000

/** An event on its way to whoever watches; transient ones have no id. */
export type LiveEvent = BootEvent & { readonly id?: number }

/** Numbers events, keeps them, and tells everybody who follows. */
export class Timeline {
  readonly #store: Pick<StateStore, 'appendEvents'>
  readonly #followers = new Set<(event: LiveEvent) => void>()
  #recent: StoredEvent[] = []
  #lastId: number

  constructor(store: Pick<StateStore, 'appendEvents'>, lastId: number) {
    this.#store = store
    this.#lastId = lastId === 0 ? 0 : lastId + START_GAP
  }

  /** Of the newest event that was stored or waits to be; 0 before the first one ever. */
  get lastId(): number {
    return this.#lastId
  }

  /**
   * Never waits: the store takes events in batches, and may lose those of the last second in a crash. Followers
   * are called at once.
   */
  emit(event: BootEvent): void {
    if (isTransient(event.kind)) {
      this.#tell(event)
      return
    }
    this.#lastId += 1
    const stored: StoredEvent = { ...event, id: this.#lastId }
    this.#recent.push(stored)
    if (this.#recent.length > 2 * RECENT) this.#recent = this.#recent.slice(-RECENT)
    this.#store.appendEvents([stored])
    this.#tell(stored)
  }

  /** The events in memory with an id above `after`, oldest first. */
  recent(after: number): readonly StoredEvent[] {
    return this.#recent.filter((event) => event.id > after)
  }

  /** Calls back for every event from now on; the function returned ends that. */
  follow(onEvent: (event: LiveEvent) => void): () => void {
    this.#followers.add(onEvent)
    return () => this.#followers.delete(onEvent)
  }

  #tell(event: LiveEvent): void {
    for (const follower of this.#followers) follower(event)
  }
}
