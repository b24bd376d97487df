import { type Kysely, sql } from 'kysely'
import type { StoredEvent } from '../model/event.ts'
import type { BootLine, NodeBoots } from '../model/intent.ts'
import type { Lease } from '../model/lease.ts'
import type { SeenMachine } from '../model/ports.ts'
import {
  attemptFromRow,
  bootLineFromRow,
  bootsFromRow,
  eventsFromRow,
  leaseFromRow,
  type StoredAttempt,
  seenFromRow,
} from './rows.ts'
import type { StateTables } from './schema.ts'

/** Oldest first. */
export async function readLeases(db: Kysely<StateTables>): Promise<readonly Lease[]> {
  const rows = await db.selectFrom('leases').selectAll().orderBy('started_at').orderBy('address').execute()
  return rows.map(leaseFromRow).filter((lease) => lease !== undefined)
}

/** In the order in which they were opened, whatever the clock said then. */
export async function readAttempts(db: Kysely<StateTables>): Promise<readonly StoredAttempt[]> {
  const rows = await db.selectFrom('attempts').selectAll().orderBy(sql`rowid`).execute()
  return rows.map(attemptFromRow)
}

/** What is wanted of every node that was ever commanded, by name. */
export async function readBoots(db: Kysely<StateTables>): Promise<readonly NodeBoots[]> {
  const rows = await db.selectFrom('node_boots').selectAll().orderBy('node').execute()
  return rows.map(bootsFromRow)
}

/** The newest lines of a node, at most `limit`, oldest first. */
export async function readBootLines(
  db: Kysely<StateTables>,
  { node, limit }: { node: string; limit: number },
): Promise<readonly BootLine[]> {
  const lines = db.selectFrom('boot_lines').select(['id', 'line']).where('node', '=', node)
  const rows = await lines.orderBy('id', 'desc').limit(limit).execute()
  return rows
    .reverse()
    .map(bootLineFromRow)
    .filter((line) => line !== undefined)
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
  const pages = db.selectFrom('event_pages').selectAll().where('last_id', '>', after).orderBy('first_id')
  const events: StoredEvent[] = []
  for await (const page of pages.stream()) {
    events.push(...eventsFromRow(page).filter(({ id }) => id > after))
    if (events.length >= limit) break
  }
  return events.slice(0, limit)
}

/** The newest events, at most `limit`, oldest first. */
export async function readNewestEvents(
  db: Kysely<StateTables>,
  limit: number,
): Promise<readonly StoredEvent[]> {
  const pages: (readonly StoredEvent[])[] = []
  let count = 0
  if (limit === 0) return []
  for await (const row of db.selectFrom('event_pages').selectAll().orderBy('first_id', 'desc').stream()) {
    const page = eventsFromRow(row)
    pages.push(page)
    count += page.length
    if (count >= limit) break
  }
  return pages.reverse().flat().slice(-limit)
}

/** 0 while nothing has happened. `--follow` goes on after it. */
export async function readLastEventId(db: Kysely<StateTables>): Promise<number> {
  const newest = await db
    .selectFrom('event_pages')
    .select((eb) => eb.fn.max('last_id').as('id'))
    .executeTakeFirst()
  return Number(newest?.id ?? 0)
}
