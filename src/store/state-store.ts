import { OldestFirst } from '../lib/oldest-first.ts'
import type { StoredEvent } from '../model/event.ts'
import type { Lease } from '../model/lease.ts'
import type {
  BootAttempt,
  BootProgress,
  BootsChange,
  SavedState,
  SeenMachine,
  StateStore,
} from '../model/ports.ts'
import type { Durability } from './database.ts'
import { leaseToValues } from './lease-columns.ts'
import { makeStateFolder } from './state-folder.ts'
import { StoreError } from './store-error.ts'
import { Writer } from './writer.ts'
import type { EventPage, Records } from './writes.ts'

export interface StateStoreOptions {
  /** Made, mode 0750, when it is missing. */
  readonly stateDir: string
  /** `off` does not wait for the disk; it exists to make the durability tests fail. */
  readonly durability: Durability
  /** Events, sightings or progress reports were lost; leases and attempts report by rejecting. */
  readonly onError: (error: StoreError) => void
  /** The store can write nothing any more: stop serving. Called at most once; `onError` by default. */
  readonly onFatal?: (error: StoreError) => void
}

/** {@link StateStore}, with what tests and metrics read. */
export interface DurableStore extends StateStore {
  /** Commits so far: leases saved divided by this is the size of a group. */
  readonly commits: number
}

/** How long events wait to be written together. */
const RECORDS_DELAY_MS = 250
/** Events of one page: one row of the database. */
const PAGE_EVENTS = 256
/** Pages that may wait for the disk, 20 000 events; beyond that the oldest are dropped and reported. */
const PAGES_LIMIT = 80
/** Machines whose sightings may wait; the one that waits longest is dropped and reported. */
const SEEN_LIMIT = 20_000
/** Progress reports that may wait. */
const PROGRESS_LIMIT = 20_000
/** What one transaction takes, so that no lease waits longer than some milliseconds for records. */
const PAGES_AT_ONCE = 16
const SEEN_AT_ONCE = 1000

/**
 * Opens `<stateDir>/state.db` and reads what the last server left. Rejects with a StoreError that says what to do:
 * `locked` when another server has the directory, `corrupt` for a damaged file, `incompatible` for another version.
 */
export async function openStateStore(
  options: StateStoreOptions,
): Promise<{ readonly store: DurableStore; readonly saved: SavedState }> {
  const { stateDir, durability, onError, onFatal = onError } = options
  try {
    makeStateFolder(stateDir)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new StoreError('io', `the state directory ${stateDir} cannot be made: ${why}`, { cause: error })
  }
  const { writer, saved } = await Writer.start({ stateDir, durability, onFatal })
  return { store: new SqliteStateStore(writer, onError), saved }
}

class SqliteStateStore implements DurableStore {
  readonly #writer: Writer
  readonly #onError: (error: StoreError) => void
  #events: StoredEvent[] = []
  readonly #pages: EventPage[] = []
  readonly #seen = new OldestFirst<string, SeenMachine>()
  #progress: BootProgress[] = []
  #lost = 0
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined
  #closed: Promise<void> | undefined

  constructor(writer: Writer, onError: (error: StoreError) => void) {
    this.#writer = writer
    this.#onError = onError
  }

  get commits(): number {
    return this.#writer.commits
  }

  async saveLeases(leases: readonly Lease[]): Promise<void> {
    if (leases.length > 0) await this.#writer.write({ kind: 'leases', rows: leases.map(leaseToValues) })
  }

  async moveLeases({ gone, leases }: Parameters<StateStore['moveLeases']>[0]): Promise<void> {
    const keys = gone.map(({ network, address }) => [network, address])
    await this.#writer.write({ kind: 'moved', gone: keys, rows: leases.map(leaseToValues) })
  }

  openAttempt(attempt: BootAttempt): Promise<void> {
    return this.#writer.write({ kind: 'attempt', attempt })
  }

  saveBoots(change: BootsChange): Promise<void> {
    return this.#writer.write({ kind: 'boots', change })
  }

  appendEvents(events: readonly StoredEvent[]): void {
    for (const event of events) {
      this.#events.push(event)
      if (this.#events.length >= PAGE_EVENTS) this.#endPage()
    }
    this.#writeSoon()
  }

  saveSeen(machines: readonly SeenMachine[]): void {
    for (const machine of machines) {
      this.#seen.set(`${machine.mac} ${machine.network}`, machine)
      if (this.#seen.size > SEEN_LIMIT) this.#lost += 1
      this.#seen.trim(SEEN_LIMIT)
    }
    this.#writeSoon()
  }

  saveProgress(progress: BootProgress): void {
    this.#progress.push(progress)
    if (this.#progress.length > PROGRESS_LIMIT) {
      this.#progress.shift()
      this.#lost += 1
    }
    this.#writeSoon()
  }

  async flush(): Promise<void> {
    await this.#writing?.catch(() => {})
    while (this.#hasRecords()) await this.#writeRecords()
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    // What cannot be written was reported.
    await this.flush().catch(() => {})
    clearTimeout(this.#timer)
    await this.#writer.close()
  }

  /** Made as soon as it is full: the objects are free then, and a text is all that waits for the disk. */
  #endPage(): void {
    const events = this.#events
    const [first, last] = [events[0], events.at(-1)]
    if (first === undefined || last === undefined) return
    this.#events = []
    this.#pages.push({
      ...{ firstId: first.id, lastId: last.id, count: events.length },
      events: JSON.stringify(events),
    })
    if (this.#pages.length > PAGES_LIMIT) this.#lost += this.#pages.shift()?.count ?? 0
  }

  #hasRecords(): boolean {
    return this.#events.length + this.#pages.length + this.#seen.size + this.#progress.length > 0
  }

  #writeSoon(): void {
    if (this.#timer !== undefined || this.#writing !== undefined) return
    this.#timer = setTimeout(() => void this.#writeRecords().catch(() => {}), RECORDS_DELAY_MS)
  }

  /** One transaction's worth; the next one waits until this one is on disk. Rejects, and reports, when they are lost. */
  #writeRecords(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing ??= this.#write(this.#takeRecords()).finally(() => {
      this.#writing = undefined
      if (this.#hasRecords()) this.#writeSoon()
    })
    return this.#writing
  }

  #takeRecords(): Records {
    this.#endPage()
    const seen: SeenMachine[] = []
    for (const [key, machine] of this.#seen) {
      if (seen.length === SEEN_AT_ONCE) break
      seen.push(machine)
      this.#seen.delete(key)
    }
    const progress = this.#progress
    this.#progress = []
    return { pages: this.#pages.splice(0, PAGES_AT_ONCE), seen, progress }
  }

  async #write(records: Records): Promise<void> {
    this.#reportLost(new StoreError('overloaded', 'too many wait for the disk already'))
    try {
      await this.#writer.write({ kind: 'records', records })
    } catch (error) {
      this.#lost += records.pages.reduce((sum, { count }) => sum + count, 0)
      this.#lost += records.seen.length + records.progress.length
      this.#reportLost(error as StoreError)
      throw error
    }
  }

  #reportLost(why: StoreError): void {
    if (this.#lost === 0) return
    this.#onError(new StoreError(why.code, `${this.#lost} events lost: ${why.message}`, { cause: why }))
    this.#lost = 0
  }
}
