import assert from 'node:assert/strict'
import {
  cpSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Lease } from '../../src/model/lease.ts'
import { openStateStore } from '../../src/store/state-store.ts'
import type { StoreError } from '../../src/store/store-error.ts'
import { sha256 } from '../helpers/server.ts'
import { leaseNumber, leasesOf, temporaryDirectory } from '../helpers/state.ts'

/** Leases in many commits: more than the log's first thousand pages, and some that are in the log alone. */
const COMMITS = 60
const OF_A_COMMIT = 50

/** What a killed server leaves: the database, its write-ahead log and its index. */
async function leftByDead(
  t: TestContext,
  commits = COMMITS,
): Promise<{ stateDir: string; file: string; log: string }> {
  const directory = temporaryDirectory(t)
  const { store } = await openStateStore({
    stateDir: path.join(directory, 'live'),
    durability: 'off',
    onError: assert.fail,
  })
  for (let commit = 0; commit < commits; commit += 1)
    await store.saveLeases(
      Array.from({ length: OF_A_COMMIT }, (_, n) => leaseNumber(commit * OF_A_COMMIT + n)),
    )
  const stateDir = path.join(directory, 'dead')
  cpSync(path.join(directory, 'live'), stateDir, { recursive: true })
  await store.close()
  return { stateDir, file: path.join(stateDir, 'state.db'), log: path.join(stateDir, 'state.db-wal') }
}

async function savedIn(stateDir: string): Promise<{ readonly leases: readonly Lease[] }> {
  const { store, saved } = await openStateStore({ stateDir, durability: 'off', onError: assert.fail })
  await store.close()
  return { leases: leasesOf(saved) }
}

test('the log of a dead server is taken over whole', async (t) => {
  const { stateDir, log } = await leftByDead(t)
  assert.ok(statSync(log).size > 100_000)
  assert.equal((await savedIn(stateDir)).leases.length, COMMITS * OF_A_COMMIT)
})

for (const { name, damage, says } of [
  {
    name: 'garbage instead of the log',
    damage: ({ log }) => writeFileSync(log, Buffer.alloc(statSync(log).size, 0x5a)),
    says: /its write-ahead log .*state\.db-wal is not one/,
  },
  {
    name: 'a flipped bit in the header of the log',
    damage: ({ log }) => edit(log, (bytes) => bytes.set([(bytes[17] ?? 0) ^ 1], 17)),
    says: /has a damaged header/,
  },
  {
    name: 'garbage in the middle of the log',
    damage: ({ log }) =>
      edit(log, (bytes) => bytes.fill(0x77, bytes.length >> 1, (bytes.length >> 1) + 5000)),
    says: /\d+ commits lie behind a frame that is not sound/,
  },
  {
    name: 'a database cut to nothing beside its log',
    damage: ({ file }) => writeFileSync(file, ''),
    says: /it is empty: 0 octets/,
  },
  {
    name: 'a log without its database',
    damage: ({ file }) => rmSync(file),
    says: /it is missing, and its write-ahead log is there/,
  },
  {
    name: 'garbage instead of the database beside its log',
    damage: ({ file }) => edit(file, (bytes) => bytes.fill(0x5a)),
    says: /state\.db is not a sound database/,
  },
] satisfies readonly {
  name: string
  damage: (files: { readonly file: string; readonly log: string }) => void
  says: RegExp
}[])
  test(`${name}: refused, and nothing is touched`, async (t) => {
    const left = await leftByDead(t)
    damage(left)
    const before = hashesOf(left)
    await assert.rejects(savedIn(left.stateDir), (error: StoreError) => {
      assert.equal(error.code, 'corrupt', error.message)
      assert.match(error.message, says)
      assert.match(error.message, /restore a copy, or move .* away/)
      assert.doesNotMatch(error.message, /\n/)
      return true
    })
    assert.deepEqual(hashesOf(left), before)
  })

test('a last commit that a power failure tore is given up, and all before it are there', async (t) => {
  const { stateDir, log } = await leftByDead(t, 5)
  const page = 4096 + 24
  edit(log, (bytes) => bytes.fill(0, bytes.length - page))
  assert.equal((await savedIn(stateDir)).leases.length, 4 * OF_A_COMMIT)
})

test('a first start that was killed at any point leaves a directory that the next one takes', async (t) => {
  const stateDir = temporaryDirectory(t)
  writeFileSync(path.join(stateDir, 'state.db.new'), Buffer.alloc(5000))
  writeFileSync(path.join(stateDir, 'state.db.new-journal'), Buffer.alloc(512))
  assert.equal((await savedIn(stateDir)).leases.length, 0)
  assert.deepEqual(readdirSync(stateDir).sort(), ['state.db', 'state.lock'])
})

test('damage while it runs: writes that meet it are rejected as corrupt, never said to be saved', async (t) => {
  const stateDir = temporaryDirectory(t)
  const { store } = await openStateStore({ stateDir, durability: 'off', onError: assert.fail })
  // More than the two megabytes that SQLite keeps in memory.
  const count = 60_000
  for (let n = 0; n < count; n += 500)
    await store.saveLeases(Array.from({ length: 500 }, (_, i) => leaseNumber(n + i)))
  const file = path.join(stateDir, 'state.db')
  writeSync(openSync(file, 'r+'), Buffer.alloc(statSync(file).size, 0x5a), 0, statSync(file).size, 0)
  const codes = new Set<unknown>()
  for (let n = 0; n < count; n += 300)
    await store
      .saveLeases([{ ...leaseNumber(n), expiresAt: 9_000_000 }])
      .catch((error: StoreError) => codes.add(error.code))
  assert.deepEqual([...codes], ['corrupt'])
  await store.close()
  await assert.rejects(savedIn(stateDir), { code: 'corrupt' })
})

function hashesOf(files: { readonly file: string; readonly log: string }): readonly (string | undefined)[] {
  return [files.file, files.log].map((name) => (existsSync(name) ? sha256(readFileSync(name)) : undefined))
}

function edit(file: string, change: (bytes: Uint8Array) => unknown): void {
  const bytes = readFileSync(file)
  change(bytes)
  writeFileSync(file, bytes)
}
