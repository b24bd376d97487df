import type { DatabaseSync } from 'node:sqlite'
import type { LeaseBlock } from '../model/lease-block.ts'
import type { SavedState } from '../model/ports.ts'
import { type LeaseValues, PACKABLE_LEASES, packLeases } from './lease-columns.ts'
import { attemptFromRow, bootsFromRow, seenFromRow } from './rows.ts'
import type { AttemptRow, NodeBootsRow, SeenRow } from './schema.ts'

/** What a server needs to go on where the last one stopped. Leases come in no order, attempts in that in which they were opened. */
export function readSavedBlock(database: DatabaseSync): SavedState {
  const attempts = database.prepare('SELECT * FROM attempts ORDER BY rowid').all()
  const seen = database.prepare('SELECT * FROM seen ORDER BY last_seen, mac').all()
  const boots = database.prepare('SELECT * FROM node_boots').all()
  const newest = database.prepare('SELECT max(last_id) AS id FROM event_pages').get()
  return {
    leases: readLeases(database),
    attempts: attempts.map((row) => attemptFromRow(row as unknown as AttemptRow)),
    boots: boots.map((row) => bootsFromRow(row as unknown as NodeBootsRow)),
    seen: seen.map((row) => seenFromRow(row as unknown as SeenRow)),
    lastEventId: Number(newest?.['id'] ?? 0),
  }
}

function readLeases(database: DatabaseSync): LeaseBlock {
  const most = Number(database.prepare('SELECT count(*) AS n FROM leases').get()?.['n'])
  const names = database.prepare('SELECT DISTINCT network FROM leases').all()
  const rowsOf = new Map(
    names.map(({ network }) => {
      const rows = database.prepare(PACKABLE_LEASES)
      rows.setReturnArrays(true)
      return [String(network), rows.iterate(network ?? '') as Iterable<unknown> as Iterable<LeaseValues>]
    }),
  )
  return packLeases(rowsOf, most)
}
