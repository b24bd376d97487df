import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from './store-error.ts'

/** Counts up by one with every migration. */
export const SCHEMA_VERSION = 4

/** 0 for a database without our tables. */
export function schemaVersion(database: DatabaseSync): number {
  const tables = database.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'meta'").get()
  if (Number(tables?.['n']) === 0) return 0
  return Number(database.prepare("SELECT value FROM meta WHERE key = 'schema'").get()?.['value'] ?? 0)
}

/** `incompatible`, for a schema above `SCHEMA_VERSION`: there is no way back to older tables. */
export function tooNew(file: string): StoreError {
  return new StoreError(
    'incompatible',
    `${file} was written by a newer Centra PXE; use that version or another directory`,
  )
}
