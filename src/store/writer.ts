import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { SavedState } from '../model/ports.ts'
import { StoreError } from './store-error.ts'
import type { FromWriter, ToWriter, Write, WriteFailure, WriterData, WrittenBatch } from './writes.ts'

export interface WriterOptions extends WriterData {
  /** The writer died; every write that waited was rejected and none will work again. Called at most once. */
  readonly onFatal: (error: StoreError) => void
  /** The thread's program; tests give a broken one. */
  readonly program?: URL
}

interface WriterThread {
  readonly worker: Worker
  readonly exited: Promise<number>
  readonly onFatal: (error: StoreError) => void
}

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: StoreError) => void
}

/** Calls that may wait for a commit. At 5000 leases a second this is two seconds of a disk that hangs. */
export const WAITING_LIMIT = 10_000
/**
 * Milliseconds between two batches. A commit costs 250 us of CPU for one lease and 300 us for ten: under load ACKs wait
 * for company, a client that comes alone does not wait.
 */
const BATCH_SPACING_MS = 10

/** The packet loop's end of the writer thread: hands writes over and waits for their commit. */
export class Writer {
  readonly #worker: Worker
  readonly #sent = new Map<number, readonly Waiting[]>()
  readonly #onFatal: (error: StoreError) => void
  readonly #exited: Promise<unknown>
  #writes: Write[] = []
  #callers: Waiting[] = []
  #waiting = 0
  #nextBatch = 1
  #lastPost = -BATCH_SPACING_MS
  #commits = 0
  #gone: StoreError | undefined

  /** Starts the thread, opens the database in it and reads what is there. Rejects with a StoreError. */
  static async start(
    options: WriterOptions,
  ): Promise<{ readonly writer: Writer; readonly saved: SavedState }> {
    const { stateDir, durability, onFatal } = options
    const workerData: WriterData = { stateDir, durability }
    const worker = new Worker(options.program ?? new URL('./writer-thread.ts', import.meta.url), {
      workerData,
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
    })
    const exited = new Promise<number>((resolve) => worker.once('exit', resolve))
    const [first] = (await Promise.race([once(worker, 'message'), failAfter(exited)])) as [FromWriter]
    switch (first.kind) {
      case 'ready':
        return { writer: new Writer({ worker, exited, onFatal }), saved: first.saved }
      case 'cannot-open':
        // Its lock on the state directory goes with it.
        await exited
        throw errorOf(first.failure)
      case 'written':
        throw new Error('the writer answered before it was asked')
    }
  }

  private constructor({ worker, exited, onFatal }: WriterThread) {
    this.#worker = worker
    this.#onFatal = onFatal
    this.#exited = exited
    worker.on('message', (message: FromWriter) => this.#settle(message))
    worker.on('error', (error) => this.#die(error))
    worker.on('exit', (code) => this.#die(new Error(`it exited with code ${code}`)))
  }

  /** Commits so far, failed ones included. */
  get commits(): number {
    return this.#commits
  }

  /** Resolves when the write is committed; rejects with a StoreError when nothing of it was kept. */
  write(write: Write): Promise<void> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone)
    if (this.#waiting >= WAITING_LIMIT)
      return Promise.reject(new StoreError('overloaded', `${WAITING_LIMIT} writes wait for the disk already`))
    this.#waiting += 1
    if (write.kind === 'records')
      return new Promise((resolve, reject) => this.#send([write], [{ resolve, reject }]))
    if (this.#writes.length === 0) this.#postSoon()
    this.#writes.push(write)
    return new Promise((resolve, reject) => this.#callers.push({ resolve, reject }))
  }

  /** Commits what waits, closes the database, ends the thread. */
  async close(): Promise<void> {
    if (this.#gone === undefined) {
      this.#post()
      this.#gone = new StoreError('closed', 'the state store is closed')
      this.#tell({ kind: 'close' })
    }
    await this.#exited
  }

  /** All writes of one turn of the event loop, or of the time until the next batch, cross to the thread together. */
  #postSoon(): void {
    const wait = this.#lastPost + BATCH_SPACING_MS - performance.now()
    if (wait <= 0) setImmediate(() => this.#post())
    else setTimeout(() => this.#post(), wait)
  }

  #post(): void {
    if (this.#writes.length === 0) return
    const [writes, callers] = [this.#writes, this.#callers]
    this.#writes = []
    this.#callers = []
    this.#lastPost = performance.now()
    this.#send(writes, callers)
  }

  #send(writes: readonly Write[], callers: readonly Waiting[]): void {
    const batch = this.#nextBatch++
    this.#sent.set(batch, callers)
    this.#tell({ kind: 'write', batch, writes })
  }

  #tell(message: ToWriter): void {
    this.#worker.postMessage(message)
  }

  #settle(message: FromWriter): void {
    if (message.kind !== 'written') return
    this.#commits += 1
    for (const written of message.batches) this.#settleBatch(written)
  }

  #settleBatch({ batch, failures }: WrittenBatch): void {
    const callers = this.#sent.get(batch) ?? []
    this.#sent.delete(batch)
    this.#waiting -= callers.length
    for (const [at, failure] of failures) callers[at]?.reject(errorOf(failure))
    // After a rejection this does nothing.
    for (const { resolve } of callers) resolve()
  }

  #die(cause: Error): void {
    const closing = this.#gone?.code === 'closed'
    if (this.#gone !== undefined && !(closing && this.#waiting > 0)) return
    const error = new StoreError('died', `the state store's writer died: ${cause.message}`, { cause })
    this.#gone = error
    for (const callers of [...this.#sent.values(), this.#callers])
      for (const { reject } of callers) reject(error)
    this.#sent.clear()
    this.#callers = []
    this.#writes = []
    this.#waiting = 0
    this.#onFatal(error)
  }
}

async function failAfter(exited: Promise<number>): Promise<never> {
  throw new StoreError('died', `the state store's writer ended with code ${await exited} before it was ready`)
}

function errorOf({ code, message }: WriteFailure): StoreError {
  return new StoreError(code, message)
}
