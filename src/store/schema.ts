import type { Kysely } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { StoreError } from './store-error.ts'

/**
 * Column types that mean the same in SQLite and PostgreSQL: text, bigint (times in milliseconds since 1970),
 * JSON as text. IPv4 addresses are dotted decimal, so that `sqlite3 state.db` shows something readable.
 */
export interface StateTables {
  leases: LeaseRow
  attempts: AttemptRow
  events: EventRow
  seen: SeenRow
  meta: { key: string; value: string }
}

export interface LeaseRow {
  network: string
  address: string
  mac: string
  client_id: string | null
  state: string
  started_at: number
  expires_at: number
}

export interface AttemptRow {
  nonce: string
  mac: string
  address: string
  profile: string
  image: string
  opened_at: number
  stage: string | null
  stage_at: number | null
}

export interface EventRow {
  id: number
  time: number
  kind: string
  mac: string | null
  node: string | null
  network: string | null
  address: string | null
  detail: string
}

export interface SeenRow {
  network: string
  mac: string
  first_seen: number
  last_seen: number
  address: string | null
  arch: string | null
  uuid: string | null
  vendor_class: string | null
  stage: string | null
}

/** Counts up by one with every migration. */
export const SCHEMA_VERSION = 1

/**
 * Brings an empty or older database to {@link SCHEMA_VERSION}; all steps are one transaction. Throws
 * `incompatible` for one that a newer version wrote.
 */
export async function migrate(db: Kysely<StateTables>, file: string): Promise<void> {
  if ((await schemaVersion(db)) > SCHEMA_VERSION) throw tooNew(file)
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
  await db
    .insertInto('meta')
    .values({ key: 'schema', value: String(SCHEMA_VERSION) })
    .onConflict((oc) => oc.column('key').doUpdateSet({ value: String(SCHEMA_VERSION) }))
    .execute()
}

/** 0 for a database without our tables. */
export async function schemaVersion(db: Kysely<StateTables>): Promise<number> {
  const tables = await db.introspection.getTables()
  if (!tables.some((table) => table.name === 'meta')) return 0
  const row = await db.selectFrom('meta').select('value').where('key', '=', 'schema').executeTakeFirst()
  return Number(row?.value ?? 0)
}

export function tooNew(file: string): StoreError {
  return new StoreError(
    'incompatible',
    `${file} was written by a newer Centra PXE; use that version or another directory`,
  )
}

const MIGRATIONS: Record<string, Migration> = {
  '0001-first': { up: createFirst },
}

async function createFirst(db: Kysely<unknown>): Promise<void> {
  await createLeases(db)
  await createAttempts(db)
  await db.schema
    .createTable('events')
    .addColumn('id', 'integer', (c) => c.primaryKey())
    .addColumn('time', 'bigint', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('mac', 'text')
    .addColumn('node', 'text')
    .addColumn('network', 'text')
    .addColumn('address', 'text')
    .addColumn('detail', 'text', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('seen')
    .addColumn('network', 'text', (c) => c.notNull())
    .addColumn('mac', 'text', (c) => c.notNull())
    .addColumn('first_seen', 'bigint', (c) => c.notNull())
    .addColumn('last_seen', 'bigint', (c) => c.notNull())
    .addColumn('address', 'text')
    .addColumn('arch', 'text')
    .addColumn('uuid', 'text')
    .addColumn('vendor_class', 'text')
    .addColumn('stage', 'text')
    .addPrimaryKeyConstraint('seen_pk', ['network', 'mac'])
    .execute()
  await db.schema.createIndex('seen_last_seen').on('seen').column('last_seen').execute()
  await db.schema
    .createTable('meta')
    .addColumn('key', 'text', (c) => c.primaryKey())
    .addColumn('value', 'text', (c) => c.notNull())
    .execute()
}

/** One row per address: an address is never two clients'. At most one bound row per client and network. */
async function createLeases(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('leases')
    .addColumn('network', 'text', (c) => c.notNull())
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('mac', 'text', (c) => c.notNull())
    .addColumn('client_id', 'text')
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('started_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('leases_pk', ['network', 'address'])
    .execute()
  await db.schema
    .createIndex('leases_one_bound_per_client')
    .on('leases')
    .columns(['network', 'mac'])
    .unique()
    .where('state' as never, '=', 'bound' as never)
    .execute()
}

async function createAttempts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('attempts')
    .addColumn('nonce', 'text', (c) => c.primaryKey())
    .addColumn('mac', 'text', (c) => c.notNull())
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('profile', 'text', (c) => c.notNull())
    .addColumn('image', 'text', (c) => c.notNull())
    .addColumn('opened_at', 'bigint', (c) => c.notNull())
    .addColumn('stage', 'text')
    .addColumn('stage_at', 'bigint')
    .execute()
  await db.schema.createIndex('attempts_opened_at').on('attempts').column('opened_at').execute()
}
