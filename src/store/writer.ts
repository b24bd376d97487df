import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { SavedState } from '../model/ports.ts'
import { StoreError } from './store-error.ts'
import type { FromWriter, ToWriter, Write, WriteFailure, WriterData } from './writes.ts'

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

/** The packet loop's end of the writer thread: hands writes over and waits for their commit. */
export class Writer {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  readonly #onFatal: (error: StoreError) => void
  readonly #exited: Promise<unknown>
  #batch: { id: number; write: Write }[] = []
  #nextId = 1
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
    if (this.#waiting.size >= WAITING_LIMIT)
      return Promise.reject(new StoreError('overloaded', `${WAITING_LIMIT} writes wait for the disk already`))
    const id = this.#nextId++
    // All writes of one turn of the event loop cross to the thread as one message.
    if (this.#batch.length === 0) setImmediate(() => this.#post())
    this.#batch.push({ id, write })
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }

  /** Commits what waits, closes the database, ends the thread. */
  async close(): Promise<void> {
    if (this.#gone === undefined) {
      this.#post()
      this.#gone = new StoreError('closed', 'the state store is closed')
      this.#send({ kind: 'close' })
    }
    await this.#exited
  }

  #post(): void {
    const writes = this.#batch
    this.#batch = []
    if (writes.length > 0) this.#send({ kind: 'write', writes })
  }

  #send(message: ToWriter): void {
    this.#worker.postMessage(message)
  }

  #settle(message: FromWriter): void {
    if (message.kind !== 'written') return
    this.#commits += 1
    for (const { id, failure } of message.outcomes) {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (failure === undefined) waiting?.resolve()
      else waiting?.reject(errorOf(failure))
    }
  }

  #die(cause: Error): void {
    const closing = this.#gone?.code === 'closed'
    if (this.#gone !== undefined && !(closing && this.#waiting.size > 0)) return
    const error = new StoreError('died', `the state store's writer died: ${cause.message}`, { cause })
    this.#gone = error
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
    this.#onFatal(error)
  }
}

async function failAfter(exited: Promise<number>): Promise<never> {
  throw new StoreError('died', `the state store's writer ended with code ${await exited} before it was ready`)
}

function errorOf({ code, message }: WriteFailure): StoreError {
  return new StoreError(code, message)
}
