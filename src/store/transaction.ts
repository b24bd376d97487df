import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { formatIpv4, type Ipv4 } from '../lib/ipv4.ts'
import { macFromNumber } from '../lib/mac.ts'
import type { BootAttempt, BootsChange, SeenMachine } from '../model/ports.ts'
import type { LeaseValues } from './lease-columns.ts'
import { StoreError, storeErrorOf } from './store-error.ts'
import type { Records, Write } from './writes.ts'

/** Rows kept of the tables that would grow without end; the newest stay. Whole pages of events go. */
export interface Limits {
  readonly events: number
  readonly seen: number
  readonly attempts: number
  readonly bootLines: number
}

const LIMITS: Limits = { events: 100_000, seen: 20_000, attempts: 20_000, bootLines: 100_000 }
/** Pruning waits for this many new rows, so that it costs nothing per event. */
const PRUNE_EVERY_ROWS = 1000

export interface Transactions {
  /**
   * Writes a group in one transaction and commits once; the answer has the error of each write, or undefined. A
   * write that fails is undone alone (SAVEPOINT); when the commit itself fails, all of them fail with its error.
   */
  commit(writes: readonly Write[]): readonly (StoreError | undefined)[]
}

/**
 * The statements are SQL and prepared once: compiling them with Kysely costs the writer 28 MiB and 100 ms at every start
 * (Node 24.21).
 */
export function transactionsOn(
  database: DatabaseSync,
  { file, limits = LIMITS }: { file: string; limits?: Limits },
): Transactions {
  const statements = prepare(database)
  const begin = database.prepare('BEGIN IMMEDIATE')
  const commit = database.prepare('COMMIT')
  const savepoint = database.prepare('SAVEPOINT one')
  const release = database.prepare('RELEASE one')
  // The first group prunes what an earlier run left.
  let unpruned = PRUNE_EVERY_ROWS

  /** One statement is whole or nothing without a savepoint: most clients lease one address, and have no other. */
  const writesAlone = (write: Write): boolean => {
    const [row, second] = write.kind === 'leases' ? write.rows : []
    if (row === undefined || second !== undefined) return false
    try {
      return statements.lease.run(...row).changes === 1
    } catch (error) {
      if (!database.isTransaction) throw error
      return false
    }
  }

  const attempt = (write: Write): StoreError | undefined => {
    if (writesAlone(write)) return undefined
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

const SQL = {
  supersede: `UPDATE leases SET state = 'released', expires_at = ?
    WHERE network = ? AND mac = ? AND state = 'bound' AND address != ?`,
  // An address whose lease still runs is not given to another client, whatever the caller believes.
  lease: `INSERT INTO leases (network, address, mac, client_id, state, started_at, expires_at)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (network, address) DO UPDATE SET mac = excluded.mac, client_id = excluded.client_id,
      state = excluded.state, started_at = excluded.started_at, expires_at = excluded.expires_at
    WHERE leases.mac = excluded.mac OR leases.state != 'bound' OR leases.expires_at <= excluded.started_at`,
  forget: `DELETE FROM leases WHERE network = ? AND address = ?`,
  attempt: `INSERT INTO attempts (nonce, mac, address, profile, image, opened_at) VALUES (?, ?, ?, ?, ?, ?)`,
  // Another revision than the one that follows is somebody else's: nothing is overwritten.
  boots: `INSERT INTO node_boots (node, revision, state) VALUES (?1, ?2, ?3)
    ON CONFLICT (node) DO UPDATE SET revision = excluded.revision, state = excluded.state
    WHERE node_boots.revision = excluded.revision - 1`,
  bootLine: `INSERT INTO boot_lines (node, time, line) VALUES (?, ?, ?)`,
  events: `INSERT INTO event_pages (first_id, last_id, count, events) VALUES (?, ?, ?, ?)`,
  seen: `INSERT INTO seen
    (network, mac, first_seen, last_seen, address, arch, uuid, vendor_class, stage, evidence)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (network, mac) DO UPDATE SET first_seen = excluded.first_seen, last_seen = excluded.last_seen,
      address = excluded.address, arch = excluded.arch, uuid = excluded.uuid,
      vendor_class = excluded.vendor_class, stage = excluded.stage, evidence = excluded.evidence`,
  progress: `UPDATE attempts SET stage = ?1, stage_at = ?2
    WHERE nonce = ?3 AND (stage_at IS NULL OR stage_at <= ?2)`,
  pruneEvents: `DELETE FROM event_pages WHERE first_id <= (
    SELECT first_id FROM (
      SELECT first_id, sum(count) OVER (ORDER BY first_id DESC) - count AS newer FROM event_pages
    ) WHERE newer >= ? ORDER BY first_id DESC LIMIT 1)`,
  pruneSeen: `DELETE FROM seen WHERE last_seen <=
    (SELECT last_seen FROM seen ORDER BY last_seen DESC LIMIT 1 OFFSET ?)`,
  // In the order in which they were opened: a clock that was ahead makes none newer.
  pruneAttempts: `DELETE FROM attempts WHERE rowid <=
    (SELECT rowid FROM attempts ORDER BY rowid DESC LIMIT 1 OFFSET ?)`,
  pruneBootLines: `DELETE FROM boot_lines WHERE id <=
    (SELECT id FROM boot_lines ORDER BY id DESC LIMIT 1 OFFSET ?)`,
} as const

type Statements = Readonly<Record<keyof typeof SQL, StatementSync>>

function prepare(database: DatabaseSync): Statements {
  const names = Object.keys(SQL) as (keyof typeof SQL)[]
  return Object.fromEntries(names.map((name) => [name, database.prepare(SQL[name])])) as Statements
}

/** The number of rows added. Throws what SQLite throws, or a StoreError. */
function apply(statements: Statements, write: Write): number {
  switch (write.kind) {
    case 'leases':
      for (const row of write.rows) applyLease(statements, row)
      return 0
    case 'moved':
      for (const [network = '', address = 0] of [...write.gone, ...write.rows])
        statements.forget.run(network, address)
      for (const row of write.rows) applyLease(statements, row)
      return 0
    case 'attempt':
      applyAttempt(statements, write.attempt)
      return 1
    case 'boots':
      return applyBoots(statements, write.change)
    case 'records':
      return applyRecords(statements, write.records)
  }
}

function applyAttempt({ attempt }: Statements, opened: BootAttempt): void {
  const { nonce, mac, address, profile, image, openedAt } = opened
  attempt.run(nonce, mac, address, profile, image, openedAt)
}

function applyBoots(statements: Statements, { state, lines, attempt }: BootsChange): number {
  const { node, revision } = state
  if (statements.boots.run(node, revision, JSON.stringify(state)).changes !== 1)
    throw new StoreError('conflict', `the boots of ${node} are not at revision ${revision - 1} any more`)
  for (const line of lines) statements.bootLine.run(node, line.time, JSON.stringify(line))
  if (attempt !== undefined) applyAttempt(statements, attempt)
  return lines.length + 1
}

function applyLease({ supersede, lease }: Statements, row: LeaseValues): void {
  const [network = '', address = 0, mac = 0, , state, startedAt = 0] = row
  // The newest lease of a client wins: what it was bound to before is free again.
  if (state === 'bound') supersede.run(startedAt, network, mac, address)
  if (lease.run(...row).changes === 1) return
  const [shown, client] = [formatIpv4(Number(address) as Ipv4), macFromNumber(Number(mac))]
  throw new StoreError('conflict', `${shown} on ${network} is bound to another client than ${client}`)
}

function applyRecords(statements: Statements, { pages, seen, progress }: Records): number {
  let rows = seen.length
  for (const { firstId, lastId, count, events } of pages) {
    statements.events.run(firstId, lastId, count, events)
    rows += count
  }
  for (const machine of seen) applySeen(statements, machine)
  for (const { nonce, stage, at } of progress) statements.progress.run(stage, at, nonce)
  return rows
}

function applySeen(statements: Statements, machine: SeenMachine): void {
  const { network, mac, firstSeen, lastSeen } = machine
  const { address = null, arch = null, uuid = null, vendorClass = null, stage = null } = machine
  const evidence = machine.evidence === undefined ? null : JSON.stringify(machine.evidence)
  const facts = [address, arch, uuid, vendorClass, stage, evidence]
  statements.seen.run(network, mac, firstSeen, lastSeen, ...facts)
}

function prune({ pruneEvents, pruneSeen, pruneAttempts, pruneBootLines }: Statements, limits: Limits): void {
  pruneEvents.run(limits.events)
  pruneSeen.run(limits.seen)
  pruneAttempts.run(limits.attempts)
  pruneBootLines.run(limits.bootLines)
}
