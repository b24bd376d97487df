import { mkdirSync } from 'node:fs'
import type { StoredEvent } from '../model/event.ts'
import type { Lease } from '../model/lease.ts'
import type { BootAttempt, BootProgress, SavedState, SeenMachine, StateStore } from '../model/ports.ts'
import type { Durability } from './database.ts'
import { StoreError } from './store-error.ts'
import { Writer } from './writer.ts'
import type { Records } from './writes.ts'

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
/** Records that may wait for the disk; what comes beyond is dropped and reported. */
const RECORDS_LIMIT = 50_000

/**
 * Opens `<stateDir>/state.db` and reads what the last server left. Rejects with a StoreError that says what to do:
 * `locked` when another server has the directory, `corrupt` for a damaged file, `incompatible` for another version.
 */
export async function openStateStore(
  options: StateStoreOptions,
): Promise<{ readonly store: DurableStore; readonly saved: SavedState }> {
  const { stateDir, durability, onError, onFatal = onError } = options
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o750 })
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
  readonly #unwritten = new Set<Promise<void>>()
  #records = emptyRecords()
  #recordCount = 0
  #timer: NodeJS.Timeout | undefined
  #closed: Promise<void> | undefined

  constructor(writer: Writer, onError: (error: StoreError) => void) {
    this.#writer = writer
    this.#onError = onError
  }

  get commits(): number {
    return this.#writer.commits
  }

  saveLeases(leases: readonly Lease[]): Promise<void> {
    return leases.length === 0 ? Promise.resolve() : this.#writer.write({ kind: 'leases', leases })
  }

  openAttempt(attempt: BootAttempt): Promise<void> {
    return this.#writer.write({ kind: 'attempt', attempt })
  }

  appendEvents(events: readonly StoredEvent[]): void {
    if (this.#admit(events.length)) this.#records.events.push(...events)
  }

  saveSeen(machines: readonly SeenMachine[]): void {
    if (this.#admit(machines.length)) this.#records.seen.push(...machines)
  }

  saveProgress(progress: BootProgress): void {
    if (this.#admit(1)) this.#records.progress.push(progress)
  }

  async flush(): Promise<void> {
    this.#writeRecords()
    await Promise.all(this.#unwritten)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#writeRecords()
    await this.#writer.close()
  }

  /** Counts records in and sets the clock for writing them; false when too many wait. */
  #admit(count: number): boolean {
    if (this.#recordCount + count > RECORDS_LIMIT) {
      this.#onError(
        new StoreError('overloaded', `${count} events lost: ${RECORDS_LIMIT} wait for the disk already`),
      )
      return false
    }
    this.#recordCount += count
    this.#timer ??= setTimeout(() => this.#writeRecords(), RECORDS_DELAY_MS)
    return true
  }

  #writeRecords(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const records: Records = this.#records
    const count = records.events.length + records.seen.length + records.progress.length
    if (count === 0) return
    this.#records = emptyRecords()
    const writing = this.#writer.write({ kind: 'records', records }).finally(() => {
      this.#recordCount -= count
      this.#unwritten.delete(writing)
    })
    this.#unwritten.add(writing)
    writing.catch((error: StoreError) => {
      this.#onError(new StoreError(error.code, `${count} events lost: ${error.message}`, { cause: error }))
    })
  }
}

function emptyRecords(): { events: StoredEvent[]; seen: SeenMachine[]; progress: BootProgress[] } {
  return { events: [], seen: [], progress: [] }
}
