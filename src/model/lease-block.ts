import type { LeaseState } from './lease.ts'

/**
 * Many leases in few objects: they cross from the writer's thread without a copy, and 100 000 of them take 5 MB instead
 * of 30.
 */
export interface LeaseBlock {
  /** What the indexes of networks and states mean. */
  readonly networks: readonly string[]
  readonly states: readonly LeaseState[]
  readonly length: number
  /** By lease, one after another, what {@link COLUMN} names. */
  readonly numbers: Float64Array<ArrayBuffer>
  /** The client identifiers that are not the usual one, as hex; by the number of the lease. */
  readonly clientIds: ReadonlyMap<number, string>
}

/** The numbers of a lease. `hasUsualId`: 1 where option 61 is the hardware type and the MAC (`usualClientId`), else 0. */
export const COLUMN = {
  ...{ network: 0, address: 1, mac: 2, state: 3, hasUsualId: 4, startedAt: 5, expiresAt: 6 },
  count: 7,
} as const
