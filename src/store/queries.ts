import type { Kysely } from 'kysely'
import type { StoredEvent } from '../model/event.ts'
import type { Lease } from '../model/lease.ts'
import type { SavedState, SeenMachine } from '../model/ports.ts'
import { attemptFromRow, eventFromRow, leaseFromRow, type StoredAttempt, seenFromRow } from './rows.ts'
import type { StateTables } from './schema.ts'

/** Oldest first. */
export async function readLeases(db: Kysely<StateTables>): Promise<readonly Lease[]> {
  const rows = await db.selectFrom('leases').selectAll().orderBy('started_at').orderBy('address').execute()
  return rows.map(leaseFromRow).filter((lease) => lease !== undefined)
}

/** Oldest first. */
export async function readAttempts(db: Kysely<StateTables>): Promise<readonly StoredAttempt[]> {
  const rows = await db.selectFrom('attempts').selectAll().orderBy('opened_at').orderBy('nonce').execute()
  return rows.map(attemptFromRow)
}

/** The one seen last comes first. */
export async function readSeen(db: Kysely<StateTables>): Promise<readonly SeenMachine[]> {
  const rows = await db.selectFrom('seen').selectAll().orderBy('last_seen', 'desc').orderBy('mac').execute()
  return rows.map(seenFromRow)
}

/** Events with an id above `after`, oldest first, at most `limit`. */
export async function readEvents(
  db: Kysely<StateTables>,
  { after, limit }: { after: number; limit: number },
): Promise<readonly StoredEvent[]> {
  const rows = await db
    .selectFrom('events')
    .selectAll()
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(eventFromRow).filter((event) => event !== undefined)
}

/** The newest events, at most `limit`, oldest first. */
export async function readNewestEvents(
  db: Kysely<StateTables>,
  limit: number,
): Promise<readonly StoredEvent[]> {
  const rows = await db.selectFrom('events').selectAll().orderBy('id', 'desc').limit(limit).execute()
  return rows
    .reverse()
    .map(eventFromRow)
    .filter((event) => event !== undefined)
}

export async function readLastEventId(db: Kysely<StateTables>): Promise<number> {
  const newest = await db
    .selectFrom('events')
    .select((eb) => eb.fn.max('id').as('id'))
    .executeTakeFirst()
  return Number(newest?.id ?? 0)
}

export async function readSavedState(db: Kysely<StateTables>): Promise<SavedState> {
  return {
    leases: await readLeases(db),
    attempts: await readAttempts(db),
    seen: await readSeen(db),
    lastEventId: await readLastEventId(db),
  }
}
