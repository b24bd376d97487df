import { randomUUID } from 'node:crypto'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

export type Environment = Readonly<Record<string, string | undefined>>

/** `$XDG_CACHE_HOME/centra-pxe`, or `~/.cache/centra-pxe` (XDG Base Directory Specification: relative paths are ignored). */
export function cacheFolder(environment: Environment = process.env): string {
  const xdg = environment['XDG_CACHE_HOME']
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg : join(environment['HOME'] ?? homedir(), '.cache')
  return join(base, 'centra-pxe')
}

/** Writes a file whole or not at all: readers see the old content or the new. Makes missing folders. */
export function writeAtomically(path: string, data: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true })
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    writeFileSync(temporary, data)
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

export interface LockOptions {
  /** Called once when somebody else holds the lock. */
  readonly onWait?: () => void
  /** How long to wait for the lock, in milliseconds. */
  readonly timeout?: number
}

const LOCK_POLL_MS = 200
const LOCK_TIMEOUT_MS = 10 * 60_000

/**
 * Runs `work` while holding the lock file at `path`, across processes, containers and PID namespaces alike.
 * The lock is SQLite's (fcntl): the kernel drops it with its holder, so a killed builder leaves no stale lock.
 * Rejects when the lock is not free within `timeout`.
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  mkdirSync(dirname(path), { recursive: true })
  const database = new DatabaseSync(path)
  try {
    await acquire(database, path, options)
    return await work()
  } finally {
    database.close()
  }
}

async function acquire(database: DatabaseSync, path: string, options: LockOptions): Promise<void> {
  const tries = Math.ceil((options.timeout ?? LOCK_TIMEOUT_MS) / LOCK_POLL_MS)
  for (let i = 0; i < tries; i += 1) {
    if (tryExclusive(database)) return
    if (i === 0) options.onWait?.()
    await sleep(LOCK_POLL_MS)
  }
  throw new Error(`${path} has been locked by another process for too long`)
}

function tryExclusive(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (error instanceof Error && /locked|busy/i.test(error.message)) return false
    throw error
  }
}
