/**
 * The only writer of the state database. Whatever waits when a commit returns goes into the next one together
 * (group commit), so that under load one fdatasync makes many leases durable. Records wait for the leases that came with
 * them.
 */
import type { DatabaseSync } from 'node:sqlite'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { lockStateDir, openForWriting, stateFile } from './database.ts'
import { makeDatabase } from './new-database.ts'
import { readSavedBlock } from './saved-block.ts'
import { SCHEMA_VERSION, schemaVersion, tooNew } from './schema-version.ts'
import { type StoreError, storeErrorOf } from './store-error.ts'
import { type Transactions, transactionsOn } from './transaction.ts'
import type { FromWriter, ToWriter, WriteFailure, WriterData, WrittenBatch } from './writes.ts'

if (parentPort === null) throw new Error('the writer runs in a worker thread')
await serveWrites(parentPort, workerData as WriterData)

async function serveWrites(port: MessagePort, { stateDir, durability }: WriterData): Promise<void> {
  const file = stateFile(stateDir)
  const tell = (message: FromWriter, transfer: ArrayBuffer[] = []): void =>
    port.postMessage(message, transfer)
  try {
    const lock = lockStateDir(stateDir)
    await makeDatabase(file)
    const database = openForWriting(file, durability)
    await bringUpToDate(database, file)
    const transactions = transactionsOn(database, { file })
    port.on('message', (first: ToWriter) => {
      const messages = [first, ...waitingOn(port)]
      for (const wanted of ['durable', 'records'] as const) commitAll(messages, wanted, transactions, tell)
      if (!messages.some((message) => message.kind === 'close')) return
      database.close()
      lock.close()
      port.close()
    })
    const saved = readSavedBlock(database)
    tell({ kind: 'ready', saved }, [saved.leases.numbers.buffer])
  } catch (error) {
    tell({ kind: 'cannot-open', failure: failureOf(storeErrorOf(error, file)) })
    port.close()
  }
}

/** Only an old database needs the code of the migrations. */
async function bringUpToDate(database: DatabaseSync, file: string): Promise<void> {
  const version = schemaVersion(database)
  if (version > SCHEMA_VERSION) throw tooNew(file)
  if (version === SCHEMA_VERSION) return
  const { migrate } = await import('./schema.ts')
  const { kyselyOn } = await import('./node-sqlite-dialect.ts')
  await migrate(kyselyOn(database))
}

function* waitingOn(port: MessagePort): Generator<ToWriter> {
  for (;;) {
    const received = receiveMessageOnPort(port)
    if (received === undefined) return
    yield received.message as ToWriter
  }
}

/** A batch has records or what must be durable, never both. */
function commitAll(
  messages: readonly ToWriter[],
  wanted: 'durable' | 'records',
  transactions: Transactions,
  tell: (message: FromWriter) => void,
): void {
  const batches = messages.flatMap((message) =>
    message.kind === 'write' && (message.writes[0]?.kind === 'records') === (wanted === 'records')
      ? [message]
      : [],
  )
  if (batches.length === 0) return
  const errors = transactions.commit(batches.flatMap(({ writes }) => writes))
  let first = 0
  const written: WrittenBatch[] = []
  for (const { batch, writes } of batches) {
    const own = errors.slice(first, first + writes.length)
    first += writes.length
    const failures = own.flatMap((error, at) =>
      error === undefined ? [] : [[at, failureOf(error)] as const],
    )
    written.push({ batch, failures })
  }
  tell({ kind: 'written', batches: written })
}

function failureOf(error: StoreError): WriteFailure {
  return { code: error.code, message: error.message }
}
