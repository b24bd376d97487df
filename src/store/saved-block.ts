import type { DatabaseSync } from 'node:sqlite'
import { LEASE_COLUMNS, type LeaseValues, packLeases } from './lease-columns.ts'
import { attemptFromRow, seenFromRow } from './rows.ts'
import type { AttemptRow, SeenRow } from './schema.ts'
import type { SavedBlock } from './writes.ts'

/** What a server needs to go on where the last one stopped. Leases come in no order, attempts oldest first. */
export function readSavedBlock(database: DatabaseSync): SavedBlock {
  const most = Number(database.prepare('SELECT count(*) AS n FROM leases').get()?.['n'])
  const leases = database.prepare(`SELECT ${LEASE_COLUMNS.join(', ')} FROM leases`)
  leases.setReturnArrays(true)
  const attempts = database.prepare('SELECT * FROM attempts ORDER BY opened_at, nonce').all()
  const seen = database.prepare('SELECT * FROM seen ORDER BY last_seen, mac').all()
  const newest = database.prepare('SELECT max(last_id) AS id FROM event_pages').get()
  return {
    leases: packLeases(leases.iterate() as Iterable<unknown> as Iterable<LeaseValues>, most),
    attempts: attempts.map((row) => attemptFromRow(row as unknown as AttemptRow)),
    seen: seen.map((row) => seenFromRow(row as unknown as SeenRow)),
    lastEventId: Number(newest?.['id'] ?? 0),
  }
}
