import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { type CompiledQuery, type Kysely, sql } from 'kysely'
import { formatIpv4 } from '../lib/ipv4.ts'
import type { Lease } from '../model/lease.ts'
import { attemptToRow, eventToRow, leaseToRow, seenToRow } from './rows.ts'
import type { StateTables } from './schema.ts'
import { StoreError, storeErrorOf } from './store-error.ts'
import type { Records, Write } from './writes.ts'

/** Rows kept of the tables that would grow without end; the newest stay. */
export interface Limits {
  readonly events: number
  readonly seen: number
  readonly attempts: number
}

const LIMITS: Limits = { events: 100_000, seen: 20_000, attempts: 20_000 }
/** Pruning waits for this many new rows, so that it costs nothing per event. */
const PRUNE_EVERY_ROWS = 1000

export interface Transactions {
  /**
   * Writes a group in one transaction and commits once; the answer has the error of each write, or undefined. A
   * write that fails is undone alone (SAVEPOINT); when the commit itself fails, all of them fail with its error.
   */
  commit(writes: readonly Write[]): readonly (StoreError | undefined)[]
}

/** `db` only compiles the statements here; they run prepared, on `database`, synchronously. */
export function transactionsOn(
  database: DatabaseSync,
  { db, file, limits = LIMITS }: { db: Kysely<StateTables>; file: string; limits?: Limits },
): Transactions {
  const statements = prepare(database, db)
  const begin = database.prepare('BEGIN IMMEDIATE')
  const commit = database.prepare('COMMIT')
  const savepoint = database.prepare('SAVEPOINT one')
  const release = database.prepare('RELEASE one')
  // The first group prunes what an earlier run left.
  let unpruned = PRUNE_EVERY_ROWS

  const attempt = (write: Write): StoreError | undefined => {
    savepoint.run()
    try {
      unpruned += apply(statements, write)
      release.run()
      return undefined
    } catch (error) {
      // A full disk may have ended the whole transaction already; then the group fails as one.
      if (!database.isTransaction) throw error
      database.exec('ROLLBACK TO one')
      release.run()
      return storeErrorOf(error, file)
    }
  }

  return {
    commit(writes) {
      try {
        begin.run()
        const outcomes = writes.map(attempt)
        if (unpruned >= PRUNE_EVERY_ROWS) {
          prune(statements, limits)
          unpruned = 0
        }
        commit.run()
        return outcomes
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK')
        const failure = storeErrorOf(error, file)
        return writes.map(() => failure)
      }
    },
  }
}

type Statements = ReturnType<typeof prepare>

function prepare(database: DatabaseSync, db: Kysely<StateTables>) {
  const statement = (query: { compile(): CompiledQuery }) => new RowStatement(database, query.compile())
  const { leases, attempts, seen } = compileUpserts(db)
  return {
    supersede: statement(
      db
        .updateTable('leases')
        .set({ state: 'released', expires_at: column('started_at') })
        .where('network', '=', column('network'))
        .where('mac', '=', column('mac'))
        .where('state', '=', column('state'))
        .where('address', '!=', column('address')),
    ),
    lease: statement(leases),
    attempt: statement(attempts),
    seen: statement(seen),
    event: statement(db.insertInto('events').values(columns(EVENT_COLUMNS))),
    progress: statement(
      db
        .updateTable('attempts')
        .set({ stage: column('stage'), stage_at: column('at') })
        .where('nonce', '=', column('nonce'))
        .where((eb) => eb.or([eb('stage_at', 'is', null), eb('stage_at', '<=', column('at'))])),
    ),
    pruneEvents: statement(
      db
        .deleteFrom('events')
        .where('id', '<=', (eb) =>
          eb.selectFrom('events').select('id').orderBy('id', 'desc').limit(sql.lit(1)).offset(column('keep')),
        ),
    ),
    pruneSeen: statement(
      db
        .deleteFrom('seen')
        .where('last_seen', '<=', (eb) =>
          eb
            .selectFrom('seen')
            .select('last_seen')
            .orderBy('last_seen', 'desc')
            .limit(sql.lit(1))
            .offset(column('keep')),
        ),
    ),
    pruneAttempts: statement(
      db
        .deleteFrom('attempts')
        .where('opened_at', '<=', (eb) =>
          eb
            .selectFrom('attempts')
            .select('opened_at')
            .orderBy('opened_at', 'desc')
            .limit(sql.lit(1))
            .offset(column('keep')),
        ),
    ),
  }
}

function compileUpserts(db: Kysely<StateTables>) {
  return {
    // An address whose lease still runs is not given to another client, whatever the caller believes.
    leases: db
      .insertInto('leases')
      .values(columns(LEASE_COLUMNS))
      .onConflict((oc) =>
        oc
          .columns(['network', 'address'])
          .doUpdateSet((eb) => ({
            mac: eb.ref('excluded.mac'),
            client_id: eb.ref('excluded.client_id'),
            state: eb.ref('excluded.state'),
            started_at: eb.ref('excluded.started_at'),
            expires_at: eb.ref('excluded.expires_at'),
          }))
          .where((eb) =>
            eb.or([
              eb('leases.mac', '=', eb.ref('excluded.mac')),
              eb('leases.state', '!=', sql.lit('bound')),
              eb('leases.expires_at', '<=', eb.ref('excluded.started_at')),
            ]),
          ),
      ),
    attempts: db.insertInto('attempts').values(columns(ATTEMPT_COLUMNS)),
    seen: db
      .insertInto('seen')
      .values(columns(SEEN_COLUMNS))
      .onConflict((oc) =>
        oc.columns(['network', 'mac']).doUpdateSet((eb) => ({
          first_seen: eb.ref('excluded.first_seen'),
          last_seen: eb.ref('excluded.last_seen'),
          address: eb.ref('excluded.address'),
          arch: eb.ref('excluded.arch'),
          uuid: eb.ref('excluded.uuid'),
          vendor_class: eb.ref('excluded.vendor_class'),
          stage: eb.ref('excluded.stage'),
        })),
      ),
  }
}

/** The number of rows added. Throws what SQLite throws, or a StoreError. */
function apply(statements: Statements, write: Write): number {
  switch (write.kind) {
    case 'leases':
      for (const lease of write.leases) applyLease(statements, lease)
      return 0
    case 'attempt':
      statements.attempt.run(attemptToRow(write.attempt))
      return 1
    case 'records':
      return applyRecords(statements, write.records)
  }
}

function applyLease(statements: Statements, lease: Lease): void {
  if (lease.state === 'offered') throw new StoreError('invalid', 'an offered lease lives in memory only')
  const row = leaseToRow(lease)
  // The newest lease of a client wins: what it was bound to before is free again.
  if (lease.state === 'bound') statements.supersede.run(row)
  if (statements.lease.run(row) === 1) return
  const address = formatIpv4(lease.address)
  throw new StoreError(
    'conflict',
    `${address} on ${lease.network} is bound to another client than ${lease.mac}`,
  )
}

function applyRecords(statements: Statements, { events, seen, progress }: Records): number {
  for (const event of events) statements.event.run(eventToRow(event))
  for (const machine of seen) statements.seen.run(seenToRow(machine))
  for (const { nonce, stage, at } of progress) statements.progress.run({ nonce, stage, at })
  return events.length + seen.length
}

function prune(statements: Statements, limits: Limits): void {
  statements.pruneEvents.run({ keep: limits.events })
  statements.pruneSeen.run({ keep: limits.seen })
  statements.pruneAttempts.run({ keep: limits.attempts })
}

const LEASE_COLUMNS = ['network', 'address', 'mac', 'client_id', 'state', 'started_at', 'expires_at'] as const
const ATTEMPT_COLUMNS = [
  'nonce',
  'mac',
  'address',
  'profile',
  'image',
  'opened_at',
  'stage',
  'stage_at',
] as const
const EVENT_COLUMNS = ['id', 'time', 'kind', 'mac', 'node', 'network', 'address', 'detail'] as const
const SEEN_COLUMNS = [
  'network',
  'mac',
  'first_seen',
  'last_seen',
  'address',
  'arch',
  'uuid',
  'vendor_class',
  'stage',
] as const

/** A parameter's place in a compiled query: the name of the row's column that goes there. */
class Column {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/** Stands for a value while a query is compiled, so it passes as one of any type. */
function column(name: string): never {
  return new Column(name) as never
}

function columns<const Names extends readonly string[]>(names: Names): Record<Names[number], never> {
  return Object.fromEntries(names.map((name) => [name, column(name)])) as Record<Names[number], never>
}

/** A query compiled and prepared once, run with rows. */
class RowStatement {
  readonly #statement: StatementSync
  readonly #parameters: readonly (Column | SQLInputValue)[]

  constructor(database: DatabaseSync, query: CompiledQuery) {
    this.#statement = database.prepare(query.sql)
    this.#parameters = query.parameters as readonly (Column | SQLInputValue)[]
  }

  /** Returns the number of rows changed. */
  run(row: object): number {
    const values = row as Readonly<Record<string, SQLInputValue>>
    const bound = this.#parameters.map((parameter) =>
      parameter instanceof Column ? (values[parameter.name] ?? null) : parameter,
    )
    return Number(this.#statement.run(...bound).changes)
  }
}
