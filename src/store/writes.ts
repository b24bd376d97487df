import type { StoredEvent } from '../model/event.ts'
import type { Lease } from '../model/lease.ts'
import type { BootAttempt, BootProgress, SavedState, SeenMachine } from '../model/ports.ts'
import type { Durability } from './database.ts'
import type { StoreErrorCode } from './store-error.ts'

/** One call of the store. It is written whole or not at all, whatever else is in its transaction. */
export type Write =
  | { readonly kind: 'leases'; readonly leases: readonly Lease[] }
  | { readonly kind: 'attempt'; readonly attempt: BootAttempt }
  | { readonly kind: 'records'; readonly records: Records }

/** What may be lost in the last moment before a crash. */
export interface Records {
  readonly events: readonly StoredEvent[]
  readonly seen: readonly SeenMachine[]
  readonly progress: readonly BootProgress[]
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
  | { readonly kind: 'write'; readonly writes: readonly { readonly id: number; readonly write: Write }[] }
  | { readonly kind: 'close' }

export type FromWriter =
  | { readonly kind: 'ready'; readonly saved: SavedState }
  | { readonly kind: 'cannot-open'; readonly failure: WriteFailure }
  /** One commit (or its failure): the outcome of every write that was in it. */
  | {
      readonly kind: 'written'
      readonly outcomes: readonly { readonly id: number; readonly failure?: WriteFailure }[]
    }
