import { existsSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { refuseHiddenDamage } from './soundness.ts'
import { corruptStore, StoreError, storeErrorOf } from './store-error.ts'

/** `full`: a commit returns after fdatasync. `off`: it does not wait; a power failure may lose and damage. */
export type Durability = 'full' | 'off'

/** The database of a state directory; whether it exists is not looked at. */
export function stateFile(stateDir: string): string {
  return path.join(stateDir, 'state.db')
}

/** Opens a database that exists for writing, WAL. Throws a StoreError that names the file. */
export function openForWriting(file: string, durability: Durability): DatabaseSync {
  refuseHiddenDamage(file)
  refuseUnsound(file)
  const database = open(file, {})
  try {
    refuseOldSqlite(database)
    database.exec('PRAGMA journal_mode = WAL')
    database.exec(`PRAGMA synchronous = ${durability === 'full' ? 'FULL' : 'OFF'}`)
    return database
  } catch (error) {
    database.close()
    throw storeErrorOf(error, file)
  }
}

/**
 * Opens for reading, beside a writer or without one. A stopped server leaves no -wal file; a reader that may not
 * create one (another user) then reads the file as immutable.
 */
export function openForReading(file: string): DatabaseSync {
  try {
    return tryReading(open(file, { readOnly: true }), file)
  } catch (error) {
    if (existsSync(`${file}-wal`) || (error instanceof StoreError && error.code === 'corrupt')) throw error
    const url = pathToFileURL(file)
    url.searchParams.set('immutable', '1')
    return tryReading(open(url, { readOnly: true }), file)
  }
}

/**
 * Takes the state directory for this process until the returned database is closed or the process ends, however
 * it ends. Throws `locked` when another server has it.
 */
export function lockStateDir(stateDir: string): DatabaseSync {
  const file = path.join(stateDir, 'state.lock')
  const database = open(file, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database.close()
    const { code, message } = storeErrorOf(error, file)
    if (code !== 'locked') throw new StoreError(code, message, { cause: error })
    const text = `${stateDir} is in use by another Centra PXE server; stop it, or give this one another state directory`
    throw new StoreError('locked', text)
  }
}

/** 3.7.0 to 3.51.2 can corrupt a WAL database (fixed 2026-03-13): two connections checkpointing at once. */
const OLDEST_SQLITE = [3, 51, 3] as const
/** How long a statement waits for another connection's lock: recovery after a crash, seconds at most. */
const LOCK_TIMEOUT_MS = 5000

function open(file: string | URL, options: { readOnly?: boolean; timeout?: number }): DatabaseSync {
  try {
    return new DatabaseSync(file, { timeout: LOCK_TIMEOUT_MS, ...options })
  } catch (error) {
    throw storeErrorOf(error, String(file))
  }
}

/** Looks read-only: the last connection that may write would move the log into a damaged file when it closes. */
function refuseUnsound(file: string): void {
  const database = open(file, { readOnly: true })
  try {
    const found = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
    if (found !== 'ok') throw corruptStore(file, String(found))
    if (database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined)
      throw corruptStore(file, 'it has no tables')
  } catch (error) {
    throw storeErrorOf(error, file)
  } finally {
    database.close()
  }
}

function tryReading(database: DatabaseSync, file: string): DatabaseSync {
  try {
    database.prepare('SELECT count(*) FROM sqlite_schema').get()
    return database
  } catch (error) {
    database.close()
    throw storeErrorOf(error, file)
  }
}

function refuseOldSqlite(database: DatabaseSync): void {
  const version = String(database.prepare('SELECT sqlite_version() AS version').get()?.['version'])
  if (isSqliteTooOld(version)) {
    const wanted = OLDEST_SQLITE.join('.')
    throw new StoreError(
      'incompatible',
      `SQLite ${version} can damage its files: use a Node with ${wanted} or newer`,
    )
  }
}

/** Compares number by number; a version that cannot be read counts as too old. */
export function isSqliteTooOld(version: string): boolean {
  const parts = version.split('.').map(Number)
  for (const [i, wanted] of OLDEST_SQLITE.entries()) {
    const part = parts[i] ?? 0
    if (part !== wanted) return !(part > wanted)
  }
  return false
}
