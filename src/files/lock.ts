import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

/** A lock that is held until it is released, or its process ends, however it ends. */
export interface Lock {
  release(): void
}

/**
 * Takes a lock file, which is made when it is missing; undefined when another holds it. The lock is SQLite's (fcntl):
 * the kernel drops it with its holder, across processes and PID namespaces alike.
 */
export function tryLock(path: string): Lock | undefined {
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    // With its journal in memory nothing is written: what makes room on a full disk needs the lock too.
    database.exec('PRAGMA journal_mode = MEMORY')
    database.exec('BEGIN EXCLUSIVE')
    return { release: () => database.close() }
  } catch (error) {
    database.close()
    if (error instanceof Error && /locked|busy/i.test(error.message)) return undefined
    throw error
  }
}

/** Milliseconds. */
const POLL_MS = 25

/** Runs `work` while holding the lock. Rejects when it is not free within `timeoutMs` milliseconds. */
export async function withLock<T>(path: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  let lock = tryLock(path)
  for (let waited = 0; lock === undefined; waited += POLL_MS) {
    if (waited >= timeoutMs) throw new Error(`${path} has been locked by another process for ${waited} ms`)
    await sleep(POLL_MS)
    lock = tryLock(path)
  }
  try {
    return await work()
  } finally {
    lock.release()
  }
}
