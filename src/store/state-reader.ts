import { existsSync } from 'node:fs'
import type { StateReader } from '../model/ports.ts'
import { openForReading, stateFile } from './database.ts'
import { kyselyOn } from './node-sqlite-dialect.ts'
import {
  readAttempts,
  readBootLines,
  readBoots,
  readEvents,
  readLastEventId,
  readLeases,
  readNewestEvents,
  readSeen,
} from './queries.ts'
import { SCHEMA_VERSION, schemaVersion, tooNew } from './schema-version.ts'
import { StoreError, storeErrorOf } from './store-error.ts'

/**
 * Reads the state beside a running server, or after it stopped or was killed; undefined when no server ever wrote
 * here. Every call sees what was committed when it began. Rejects with a StoreError.
 */
export async function openStateReader(stateDir: string): Promise<StateReader | undefined> {
  const file = stateFile(stateDir)
  if (!existsSync(file)) return undefined
  const database = openForReading(file)
  try {
    const version = schemaVersion(database)
    if (version > SCHEMA_VERSION) throw tooNew(file)
    if (version > 0 && version < SCHEMA_VERSION)
      throw new StoreError(
        'incompatible',
        `${file} was written by an older Centra PXE: start the server once`,
      )
    // The server was stopped between making the file and making its tables.
    if (version === 0) {
      database.close()
      return undefined
    }
  } catch (error) {
    database.close()
    throw storeErrorOf(error, file)
  }
  const db = kyselyOn(database)
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
    boots: () => told(readBoots(db)),
    bootLines: (node, limit) => told(readBootLines(db, { node, limit })),
    lastEventId: () => told(readLastEventId(db)),
    newestEvents: (limit) => told(readNewestEvents(db, limit)),
    events: (after, limit) => told(readEvents(db, { after, limit })),
    close: () => db.destroy(),
  }
}
