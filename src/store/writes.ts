import type { BootAttempt, BootProgress, BootsChange, SavedState, SeenMachine } from '../model/ports.ts'
import type { Durability } from './database.ts'
import type { LeaseValues } from './lease-columns.ts'
import type { StoreErrorCode } from './store-error.ts'

/**
 * One call of the store. It is written whole or not at all, whatever else is in its transaction. Rows are flat arrays:
 * the structured clone of an object costs several times as much.
 */
export type Write =
  | { readonly kind: 'leases'; readonly rows: readonly LeaseValues[] }
  /** `gone`: network and address of rows to delete; `rows` take the place of whatever is at their addresses. */
  | { readonly kind: 'moved'; readonly gone: readonly LeaseValues[]; readonly rows: readonly LeaseValues[] }
  | { readonly kind: 'attempt'; readonly attempt: BootAttempt }
  | { readonly kind: 'boots'; readonly change: BootsChange }
  | { readonly kind: 'records'; readonly records: Records }

/** What may be lost in the last moment before a crash. */
export interface Records {
  readonly pages: readonly EventPage[]
  readonly seen: readonly SeenMachine[]
  readonly progress: readonly BootProgress[]
}

/** Events as JSON, written by the thread that has them: one text crosses to the writer, not objects. */
export interface EventPage {
  readonly firstId: number
  readonly lastId: number
  readonly count: number
  readonly events: string
}

/** An error as it crosses the thread boundary, where classes do not survive. */
export interface WriteFailure {
  readonly code: StoreErrorCode
  readonly message: string
}

export interface WriterData {
  readonly stateDir: string
  readonly durability: Durability
}

export type ToWriter =
  | { readonly kind: 'write'; readonly batch: number; readonly writes: readonly Write[] }
  | { readonly kind: 'close' }

export type FromWriter =
  | { readonly kind: 'ready'; readonly saved: SavedState }
  | { readonly kind: 'cannot-open'; readonly failure: WriteFailure }
  /** The fate of every batch of one commit. */
  | { readonly kind: 'written'; readonly batches: readonly WrittenBatch[] }

export interface WrittenBatch {
  readonly batch: number
  /** The writes that failed, by their place in the batch; all others are durable. */
  readonly failures: readonly (readonly [at: number, failure: WriteFailure])[]
}
