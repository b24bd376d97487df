/**
 * `conflict`: the address is bound to another client. `full`, `io`: nothing of the call was kept; later calls may
 * work. `corrupt`, `incompatible`, `locked`: the store cannot be opened. `overloaded`: too many writes wait.
 * `died`: the writer is gone, no call will work again. `closed`, `invalid`: the caller's mistake.
 */
export type StoreErrorCode =
  | 'conflict'
  | 'full'
  | 'io'
  | 'corrupt'
  | 'incompatible'
  | 'locked'
  | 'overloaded'
  | 'died'
  | 'closed'
  | 'invalid'

/** A store operation failed; the message names the file and says what to do where something can be done. */
export class StoreError extends Error {
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreError'
    this.code = code
  }
}

/** Turns what `node:sqlite` throws into a {@link StoreError} about `file`. */
export function storeErrorOf(error: unknown, file: string): StoreError {
  if (error instanceof StoreError) return error
  const text = error instanceof Error ? error.message : String(error)
  switch (primaryCode(error)) {
    case SQLITE_FULL:
      return new StoreError('full', `${file}: no space is left on its disk (${text})`, { cause: error })
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return corruptStore(file, text)
    case SQLITE_BUSY:
      return new StoreError('locked', `${file}: another program holds its lock (${text})`, { cause: error })
    case NOT_FROM_SQLITE:
      return new StoreError('invalid', `${file}: ${text}`, { cause: error })
    default:
      return new StoreError('io', `${file}: ${text}; check the disk and the permissions`, { cause: error })
  }
}

/** `corrupt`, with the only two remedies there are. `why` may have line breaks of SQLite's; they become blanks. */
export function corruptStore(file: string, why: string): StoreError {
  const advice =
    `restore a copy, or move ${file}, ${file}-wal and ${file}-shm away to start with an empty store ` +
    '(then addresses that machines still hold may be given to others, until they renew)'
  const told = why.replace(/\s+/g, ' ')
  return new StoreError('corrupt', `${file} is not a sound database (${told}): ${advice}`)
}

// Primary result codes, https://sqlite.org/rescode.html; the low byte of an extended code.
const NOT_FROM_SQLITE = 0
const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_FULL = 13
const SQLITE_NOTADB = 26

function primaryCode(error: unknown): number {
  const extended = error instanceof Error && 'errcode' in error ? Number(error.errcode) : NOT_FROM_SQLITE
  return extended & 0xff
}
