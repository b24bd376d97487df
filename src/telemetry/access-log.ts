import { constants, write } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { AccessTarget } from '../model/config.ts'
import type { AccessSink } from '../model/ports.ts'

/** Octets that wait at most for a slow disk; lines beyond are counted as lost. */
const MOST_WAITING = 4 << 20
/** Milliseconds for which lines gather before they are written together. */
const GATHER_MS = 100
/** Milliseconds before a target that refused is tried again. */
const PAUSE_MS = 2000
/** Of writing to a pipe that is full. */
const MOST_TRIES = 20
/** The descriptor of standard output, written to without blocking whoever logs. */
const STDOUT = 1

const writeTo = promisify(write)

/**
 * Whole lines to a file or to standard output, in their order, in batches, with one write under way at a time. Nothing that
 * the disk does makes a caller wait: what does not fit into the buffer, or is refused, is lost and counted.
 */
export class AccessLog implements AccessSink {
  readonly #onTrouble: (message: string) => void
  #target: AccessTarget | undefined
  #file: FileHandle | undefined
  #waiting: string[] = []
  #waitingSize = 0
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined
  #isReopening = false
  #isTroubled = false
  #written = 0
  #lost = 0

  /** `onTrouble` is told when the target begins to refuse, and not again before it worked. */
  constructor(onTrouble: (message: string) => void) {
    this.#onTrouble = onTrouble
  }

  get isOn(): boolean {
    return this.#target !== undefined
  }

  get totals(): AccessSink['totals'] {
    return { written: this.#written, lost: this.#lost }
  }

  /** A line with its end, in ASCII. */
  line(text: string): void {
    if (this.#target === undefined) return
    if (this.#waitingSize + text.length > MOST_WAITING) {
      this.#lost += 1
      return
    }
    this.#waiting.push(text)
    this.#waitingSize += text.length
    this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS)
  }

  /** From now on to this target, opened anew also when it is the same: whoever rotates files has moved it away. */
  async use(target: AccessTarget | undefined): Promise<void> {
    await this.#drain()
    this.#target = target
    this.#isReopening = true
    if (target === undefined) await this.#closeFile()
    else await this.#descriptor().catch((error: unknown) => this.#trouble(error))
  }

  /** Writes what waits, once, and closes. */
  async close(): Promise<void> {
    await this.use(undefined)
  }

  async #drain(): Promise<void> {
    await this.#writing
    this.#flush()
    await this.#writing
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#writing !== undefined || this.#waiting.length === 0) return
    this.#writing = this.#writeBatch().finally(() => {
      this.#writing = undefined
      if (this.#waiting.length > 0)
        this.#timer ??= setTimeout(() => this.#flush(), this.#isTroubled ? PAUSE_MS : GATHER_MS)
    })
  }

  /** A batch that is refused is lost: kept, it would hold the place of lines that the disk may take later. */
  async #writeBatch(): Promise<void> {
    const lines = this.#waiting
    const bytes = Buffer.from(lines.join(''), 'latin1')
    this.#waiting = []
    let done = 0
    try {
      const to = await this.#descriptor()
      while (done < bytes.length) {
        done += await writeSome(to, bytes, done)
      }
      this.#isTroubled = false
      this.#written += lines.length
    } catch (error) {
      const whole = countLines(bytes.subarray(0, done))
      this.#written += whole
      this.#lost += lines.length - whole
      await this.#removeTorn(bytes, done)
      this.#trouble(error)
    } finally {
      this.#waitingSize -= bytes.length
    }
  }

  #trouble(error: unknown): void {
    if (!this.#isTroubled) this.#onTrouble(error instanceof Error ? error.message : String(error))
    this.#isTroubled = true
    this.#isReopening = true
  }

  /** A full disk takes a part of a line: it is cut off again, so that every line of the file is whole. What a pipe took is gone. */
  async #removeTorn(bytes: Buffer, done: number): Promise<void> {
    const torn = done === 0 ? 0 : done - (bytes.lastIndexOf(0x0a, done - 1) + 1)
    if (torn === 0 || this.#file === undefined) return
    const file = this.#file
    await file
      .stat()
      .then((stats) => (stats.isFile() ? file.truncate(stats.size - torn) : undefined))
      .catch(() => {})
  }

  async #descriptor(): Promise<number> {
    const target = this.#target
    if (target === undefined || target.kind === 'stdout') return STDOUT
    if (this.#isReopening) await this.#closeFile()
    this.#isReopening = false
    const { O_APPEND, O_CREAT, O_WRONLY, O_NONBLOCK } = constants
    // A pipe without a reader would hold the thread that opens it.
    this.#file ??= await open(target.path, O_APPEND | O_CREAT | O_WRONLY | O_NONBLOCK, 0o640)
    return this.#file.fd
  }

  async #closeFile(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close().catch(() => {})
  }
}

/** Octets that were taken. A pipe whose reader is slow may take none (EAGAIN): that is waited for, but not for ever. */
async function writeSome(to: number, bytes: Buffer, from: number): Promise<number> {
  for (let tries = 1; ; tries += 1)
    try {
      return (await writeTo(to, bytes, from, bytes.length - from)).bytesWritten
    } catch (error) {
      const isFull = error instanceof Error && 'code' in error && error.code === 'EAGAIN'
      if (!isFull || tries === MOST_TRIES) throw error
      await sleep(GATHER_MS)
    }
}

function countLines(bytes: Buffer): number {
  let lines = 0
  for (const octet of bytes) if (octet === 0x0a) lines += 1
  return lines
}
