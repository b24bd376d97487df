import { type Kysely, sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { SCHEMA_VERSION } from './schema-version.ts'

/**
 * Column types that mean the same in SQLite and PostgreSQL: text, bigint (times in milliseconds since 1970, addresses),
 * JSON as text.
 */
export interface StateTables {
  leases: LeaseRow
  attempts: AttemptRow
  event_pages: EventPageRow
  seen: SeenRow
  node_boots: NodeBootsRow
  boot_lines: BootLineRow
  meta: { key: string; value: string }
}

export interface LeaseRow {
  network: string
  /** An unsigned integer: 192.0.2.1 is 0xc0000201. */
  address: number
  /** An unsigned integer: 52:54:00:12:34:56 is 0x525400123456; `printf('%012x', mac)` shows it. */
  mac: number
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

/** Events that were written together: one row costs as much as one event would. */
export interface EventPageRow {
  first_id: number
  last_id: number
  /** How many events it holds. */
  count: number
  /** A JSON array of the events, oldest first. */
  events: string
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
  /** A JSON object: `MachineEvidence`. */
  evidence: string | null
}

export interface NodeBootsRow {
  node: string
  revision: number
  /** A JSON object: `NodeBoots`. */
  state: string
}

export interface BootLineRow {
  id: number
  node: string
  time: number
  /** A JSON object: `BootLine`. */
  line: string
}

/** Brings an empty or older database to {@link SCHEMA_VERSION}; all steps are one transaction. */
export async function migrate(db: Kysely<StateTables>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
  await db
    .insertInto('meta')
    .values({ key: 'schema', value: String(SCHEMA_VERSION) })
    .onConflict((oc) => oc.column('key').doUpdateSet({ value: String(SCHEMA_VERSION) }))
    .execute()
}

const MIGRATIONS: Record<string, Migration> = {
  '0001-first': { up: createFirst },
  '0002-compact': { up: makeCompact },
  '0003-intents': { up: createIntents },
  '0004-evidence': { up: addEvidence },
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

/**
 * Leases by numbers, in one tree with their key: half the pages to write for a lease. Events in pages. Rows that this
 * program did not write are left behind, as readers left them out.
 */
async function makeCompact(db: Kysely<unknown>): Promise<void> {
  await moveLeases(db)
  await moveEvents(db)
}

/** `a.b.c.d` becomes a number through JSON, `[a,b,c,d]`, since SQLite has no function that splits text. */
async function moveLeases(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE leases RENAME TO leases_1`.execute(db)
  await sql`DROP INDEX leases_one_bound_per_client`.execute(db)
  await sql`
    CREATE TABLE leases (
      network text NOT NULL,
      address bigint NOT NULL,
      mac bigint NOT NULL,
      client_id text,
      state text NOT NULL,
      started_at bigint NOT NULL,
      expires_at bigint NOT NULL,
      PRIMARY KEY (network, address)
    ) WITHOUT ROWID`.execute(db)
  await sql`
    CREATE UNIQUE INDEX leases_one_bound_per_client ON leases (network, mac) WHERE state = 'bound'`.execute(
    db,
  )
  const octet = (at: number) => sql`(('[' || replace(address, '.', ',') || ']') ->> ${sql.lit(`$[${at}]`)})`
  const address = sql`${octet(0)} * 16777216 + ${octet(1)} * 65536 + ${octet(2)} * 256 + ${octet(3)}`
  const digit = (at: number) =>
    sql`((instr('0123456789abcdef', substr(replace(mac, ':', ''), ${sql.lit(at + 1)}, 1)) - 1) << ${sql.lit(44 - at * 4)})`
  const mac = sql.join(
    Array.from({ length: 12 }, (_, at) => digit(at)),
    sql` + `,
  )
  await sql`
    INSERT INTO leases
      SELECT network, ${address}, ${mac}, client_id, state, started_at, expires_at FROM leases_1
      WHERE address GLOB '[0-9]*.[0-9]*.[0-9]*.[0-9]*' AND mac GLOB '??:??:??:??:??:??'`.execute(db)
  await sql`DROP TABLE leases_1`.execute(db)
}

async function moveEvents(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE event_pages (
      first_id integer PRIMARY KEY,
      last_id bigint NOT NULL,
      count integer NOT NULL,
      events text NOT NULL
    )`.execute(db)
  await sql`
    INSERT INTO event_pages
      SELECT min(id), max(id), count(*), json_group_array(json(event)) FROM (
        SELECT id, json_patch('{}', json_object('time', time, 'kind', kind, 'mac', mac, 'node', node,
          'network', network, 'address', address, 'detail', json(detail), 'id', id)) AS event
        FROM events ORDER BY id
      ) GROUP BY id / 250`.execute(db)
  await sql`DROP TABLE events`.execute(db)
}

/** Few rows, which change seldom: JSON. */
async function createIntents(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE node_boots (node text PRIMARY KEY, revision bigint NOT NULL, state text NOT NULL)`.execute(
    db,
  )
  await sql`
    CREATE TABLE boot_lines (
      id integer PRIMARY KEY, node text NOT NULL, time bigint NOT NULL, line text NOT NULL)`.execute(db)
  await sql`CREATE INDEX boot_lines_node ON boot_lines (node, id)`.execute(db)
}

async function addEvidence(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE seen ADD COLUMN evidence text`.execute(db)
}
