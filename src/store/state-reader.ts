import { existsSync } from 'node:fs'
import type { StateReader } from '../model/ports.ts'
import { openForReading, stateFile } from './database.ts'
import { kyselyOn } from './node-sqlite-dialect.ts'
import {
  readAttempts,
  readEvents,
  readLastEventId,
  readLeases,
  readNewestEvents,
  readSeen,
} from './queries.ts'
import { SCHEMA_VERSION, schemaVersion, tooNew } from './schema.ts'
import { storeErrorOf } from './store-error.ts'

/**
 * Reads the state beside a running server, or after it stopped or was killed; undefined when no server ever wrote
 * here. Every call sees what was committed when it began. Rejects with a StoreError.
 */
export async function openStateReader(stateDir: string): Promise<StateReader | undefined> {
  const file = stateFile(stateDir)
  if (!existsSync(file)) return undefined
  const db = kyselyOn(openForReading(file))
  const version = await schemaVersion(db).catch(async (error: unknown) => {
    await db.destroy()
    throw storeErrorOf(error, file)
  })
  if (version > SCHEMA_VERSION) {
    await db.destroy()
    throw tooNew(file)
  }
  // The server was stopped between making the file and making its tables.
  if (version === 0) {
    await db.destroy()
    return undefined
  }
  const told = async <T>(reading: Promise<T>): Promise<T> => {
    try {
      return await reading
    } catch (error) {
      throw storeErrorOf(error, file)
    }
  }
  return {
    leases: () => told(readLeases(db)),
    seen: () => told(readSeen(db)),
    attempts: () => told(readAttempts(db)),
    lastEventId: () => told(readLastEventId(db)),
    newestEvents: (limit) => told(readNewestEvents(db, limit)),
    events: (after, limit) => told(readEvents(db, { after, limit })),
    close: () => db.destroy(),
  }
}
