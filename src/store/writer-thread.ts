/**
 * The only writer of the state database. Whatever waits when a commit returns goes into the next one together
 * (group commit), so that under load one fdatasync makes many leases durable.
 */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { lockStateDir, openForWriting, stateFile } from './database.ts'
import { makeDatabase } from './new-database.ts'
import { kyselyOn } from './node-sqlite-dialect.ts'
import { readSavedState } from './queries.ts'
import { migrate } from './schema.ts'
import { type StoreError, storeErrorOf } from './store-error.ts'
import { type Transactions, transactionsOn } from './transaction.ts'
import type { FromWriter, ToWriter, WriteFailure, WriterData } from './writes.ts'

if (parentPort === null) throw new Error('the writer runs in a worker thread')
await serveWrites(parentPort, workerData as WriterData)

async function serveWrites(port: MessagePort, { stateDir, durability }: WriterData): Promise<void> {
  const file = stateFile(stateDir)
  const tell = (message: FromWriter): void => port.postMessage(message)
  try {
    const lock = lockStateDir(stateDir)
    await makeDatabase(file)
    const database = openForWriting(file, durability)
    const db = kyselyOn(database)
    await migrate(db, file)
    const transactions = transactionsOn(database, { db, file })
    port.on('message', (first: ToWriter) => {
      const messages = [first, ...waitingOn(port)]
      commitAll(messages, transactions, tell)
      if (!messages.some((message) => message.kind === 'close')) return
      database.close()
      lock.close()
      port.close()
    })
    tell({ kind: 'ready', saved: await readSavedState(db) })
  } catch (error) {
    tell({ kind: 'cannot-open', failure: failureOf(storeErrorOf(error, file)) })
    port.close()
  }
}

function* waitingOn(port: MessagePort): Generator<ToWriter> {
  for (;;) {
    const received = receiveMessageOnPort(port)
    if (received === undefined) return
    yield received.message as ToWriter
  }
}

function commitAll(
  messages: readonly ToWriter[],
  transactions: Transactions,
  tell: (message: FromWriter) => void,
): void {
  const calls = messages.flatMap((message) => (message.kind === 'write' ? message.writes : []))
  if (calls.length === 0) return
  const errors = transactions.commit(calls.map(({ write }) => write))
  tell({
    kind: 'written',
    outcomes: calls.map(({ id }, i) => {
      const error = errors[i]
      return error === undefined ? { id } : { id, failure: failureOf(error) }
    }),
  })
}

function failureOf(error: StoreError): WriteFailure {
  return { code: error.code, message: error.message }
}
