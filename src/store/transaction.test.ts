import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { event, leaseNumber } from '../../test/helpers/state.ts'
import type { Mac } from '../lib/mac.ts'
import { isSqliteTooOld } from './database.ts'
import { leaseToValues } from './lease-columns.ts'
import { kyselyOn } from './node-sqlite-dialect.ts'
import { migrate } from './schema.ts'
import { type Transactions, transactionsOn } from './transaction.ts'
import type { EventPage } from './writes.ts'

async function inMemory(limits?: {
  events: number
  seen: number
  attempts: number
  bootLines: number
}): Promise<{
  database: DatabaseSync
  transactions: Transactions
}> {
  const database = new DatabaseSync(':memory:')
  await migrate(kyselyOn(database))
  const options = { file: 'test', ...(limits && { limits }) }
  return { database, transactions: transactionsOn(database, options) }
}

function page(firstId: number, count: number): EventPage {
  const events = Array.from({ length: count }, (_, i) => event(firstId + i))
  return { firstId, lastId: firstId + count - 1, count, events: JSON.stringify(events) }
}

test('the oldest events go, the newest stay', async () => {
  const { database, transactions } = await inMemory({ events: 100, seen: 10, attempts: 10, bootLines: 10 })
  const records = { seen: [], progress: [] }
  for (let from = 0; from < 3000; from += 500) {
    const pages = [0, 50, 100, 150, 200, 250, 300, 350, 400, 450].map((at) => page(from + at + 1, 50))
    transactions.commit([{ kind: 'records', records: { ...records, pages } }])
  }
  const sums = 'SELECT sum(count) AS n, min(first_id) AS first, max(last_id) AS last FROM event_pages'
  // Pruned after 500, 1500 and 2500; the last 500 came after that.
  assert.deepEqual({ ...database.prepare(sums).get() }, { n: 600, first: 2401, last: 3000 })
})

test('the attempts that were opened last stay, also when the clock was ahead before', async () => {
  const { database, transactions } = await inMemory({ events: 100, seen: 10, attempts: 10, bootLines: 10 })
  const attempt = { mac: '52:54:00:00:00:01' as Mac, address: '10.0.0.5', profile: 'p', image: 'i' }
  for (let n = 0; n < 2000; n += 1) {
    const opened = { ...attempt, nonce: `${n}`, openedAt: n < 100 ? 3e12 + n : n }
    assert.deepEqual(transactions.commit([{ kind: 'attempt', attempt: opened }]), [undefined])
  }
  const rows = database.prepare('SELECT nonce FROM attempts ORDER BY rowid').all()
  assert.ok(rows.length < 1100, `${rows.length}`)
  assert.deepEqual(
    rows.map(({ nonce }) => Number(nonce)),
    Array.from(rows, (_, i) => 2000 - rows.length + i),
  )
})

test('a failing COMMIT fails every write of the group, keeps nothing, and the next group works', async () => {
  const { database, transactions } = await inMemory()
  database.exec('PRAGMA foreign_keys = ON; CREATE TABLE parent (id INTEGER PRIMARY KEY)')
  database.exec('CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)')
  database.exec('CREATE TRIGGER fail AFTER INSERT ON leases BEGIN INSERT INTO child VALUES (1); END')
  const writes = [1, 2].map((n) => ({ kind: 'leases', rows: [leaseToValues(leaseNumber(n))] }) as const)
  const codes = transactions.commit(writes).map((error) => error?.code)
  assert.deepEqual(codes, ['io', 'io'])
  database.exec('DROP TRIGGER fail')
  assert.equal(database.prepare('SELECT count(*) AS n FROM leases').get()?.['n'], 0)
  assert.deepEqual(transactions.commit(writes), [undefined, undefined])
})

test('SQLite versions that can damage a WAL database are refused', () => {
  const old = ['3.7.0', '3.51.2', '3.50.9', '2.99.99', 'nonsense'].filter(
    (version) => !isSqliteTooOld(version),
  )
  const good = ['3.51.3', '3.51.10', '3.53.4', '4.0.0'].filter(isSqliteTooOld)
  assert.deepEqual([old, good], [[], []])
})

test('the tables themselves refuse a client two bound addresses', async () => {
  const { database } = await inMemory()
  const insert = database.prepare("INSERT INTO leases VALUES ('lab', ?, 7, NULL, 'bound', 0, 0)")
  insert.run(1)
  assert.throws(() => insert.run(2), /UNIQUE/)
  assert.throws(() => insert.run(1), /UNIQUE/)
})
