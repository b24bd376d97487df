import { closeSync, openSync, writeFileSync } from 'node:fs'
import { err, ok, type Result } from '../lib/result.ts'

/** The terminal that a recording shows, whatever the lab itself runs in. */
const COLUMNS = 100
const ROWS = 30

/**
 * A file that gets what a terminal would: by its name `.cast`, an asciinema cast, else plain text. Every write is in
 * the file when it returns: a run that dies leaves what it had.
 */
export interface Recording {
  /** `cast` takes escape sequences; `text` shall not get any. */
  readonly kind: 'cast' | 'text'
  readonly columns: number
  readonly rows: number
  /** Does nothing after a failure. */
  write(text: string): void
  /** Why the recording ended early: a full disk. */
  readonly problem: string | undefined
  close(): void
}

/**
 * Opens the file and empties it; `now` in milliseconds since 1970. The error says which file, why, and what to do.
 * Format: https://docs.asciinema.org/manual/asciicast/v2/
 */
export function openRecording(path: string, now: () => number = Date.now): Result<Recording, string> {
  const kind = path.endsWith('.cast') ? 'cast' : 'text'
  const begun = now()
  try {
    const file = openSync(path, 'w')
    const recording = new FileRecording(
      file,
      path,
      kind === 'cast' ? () => (now() - begun) / 1000 : undefined,
    )
    if (kind === 'cast') recording.header(begun)
    return recording.problem === undefined ? ok(recording) : err(recording.problem)
  } catch (error) {
    return err(`${path} cannot be written (${reasonOf(error)}): name a file in a folder that exists`)
  }
}

class FileRecording implements Recording {
  readonly kind: 'cast' | 'text'
  readonly columns = COLUMNS
  readonly rows = ROWS
  readonly #file: number
  readonly #path: string
  /** Seconds since the begin. */
  readonly #clock: (() => number) | undefined
  #last = 0
  #problem: string | undefined
  #isOpen = true

  constructor(file: number, path: string, clock: (() => number) | undefined) {
    this.kind = clock === undefined ? 'text' : 'cast'
    this.#file = file
    this.#path = path
    this.#clock = clock
  }

  get problem(): string | undefined {
    return this.#problem
  }

  header(begun: number): void {
    const timestamp = Math.floor(begun / 1000)
    const env = { TERM: 'xterm-256color' }
    this.#append(`${JSON.stringify({ version: 2, width: COLUMNS, height: ROWS, timestamp, env })}\n`)
  }

  write(text: string): void {
    if (this.#clock === undefined) {
      this.#append(text)
      return
    }
    // The times of a cast never fall, whatever happens to the clock.
    this.#last = Math.max(this.#last, this.#clock())
    this.#append(`${JSON.stringify([this.#last, 'o', text])}\n`)
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    closeSync(this.#file)
  }

  #append(text: string): void {
    if (!this.#isOpen || this.#problem !== undefined) return
    try {
      writeFileSync(this.#file, text)
    } catch (error) {
      this.#problem = `the recording ${this.#path} ends here: ${reasonOf(error)}`
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
