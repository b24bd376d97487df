import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/**
 * Makes the database where there is none: beside its place, complete, and then moved there. So a file that is empty or
 * without tables is never one that a first start left behind. Beside a log without its database none is made. The
 * state directory is to be locked. Throws what SQLite and the file system throw. The code of the tables is loaded when it is needed.
 */
export async function makeDatabase(file: string): Promise<void> {
  if (existsSync(file) || (existsSync(`${file}-wal`) && statSync(`${file}-wal`).size > 0)) return
  const fresh = `${file}.new`
  for (const left of [fresh, `${fresh}-journal`]) rmSync(left, { force: true })
  const { migrate } = await import('./schema.ts')
  const { kyselyOn } = await import('./node-sqlite-dialect.ts')
  const db = kyselyOn(new DatabaseSync(fresh))
  try {
    await migrate(db)
  } finally {
    await db.destroy()
  }
  renameSync(fresh, file)
  sync(dirname(file))
}

/** The new name too is on disk. */
function sync(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
