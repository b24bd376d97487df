import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { event, lease, leaseNumber, leasesOf, temporaryDirectory } from '../../test/helpers/state.ts'
import { ip } from '../../test/helpers/world.ts'
import { parseMac } from '../lib/mac.ts'
import type { Lease } from '../model/lease.ts'
import type { SavedState } from '../model/ports.ts'
import { openStateReader } from './state-reader.ts'
import { type DurableStore, openStateStore } from './state-store.ts'
import type { StoreError } from './store-error.ts'

const MAC = parseMac('02:00:00:00:00:01') ?? assert.fail()

type Saved = Omit<SavedState, 'leases'> & { readonly leases: readonly Lease[] }

async function open(
  t: TestContext,
  stateDir = temporaryDirectory(t),
): Promise<{ stateDir: string; store: DurableStore; saved: Saved; errors: StoreError[] }> {
  const errors: StoreError[] = []
  const opened = await openStateStore({ stateDir, durability: 'off', onError: (error) => errors.push(error) })
  t.after(() => opened.store.close())
  const saved = { ...opened.saved, leases: leasesOf(opened.saved) }
  return { stateDir, errors, store: opened.store, saved }
}

test('an empty directory is made and opens empty', async (t) => {
  const { stateDir, saved } = await open(t, path.join(temporaryDirectory(t), 'var', 'state'))
  assert.deepEqual(saved, { leases: [], attempts: [], boots: [], seen: [], lastEventId: 0 })
  assert.equal(statSync(stateDir).mode & 0o007, 0)
})

test('everything comes back after a restart', async (t) => {
  const first = await open(t)
  const leases = [
    lease('10.0.0.5', MAC, { clientId: '01020000000001' }),
    lease('10.0.0.6', '02:00:00:00:00:02', { state: 'declined', startedAt: 1_000_001 }),
    lease('10.0.0.7', '02:00:00:00:00:03', { state: 'released', startedAt: 1_000_002 }),
    lease('10.0.0.5', MAC, { network: 'other', startedAt: 1_000_003 }),
  ]
  const attempt = {
    mac: MAC,
    nonce: 'aa',
    address: '10.0.0.5',
    profile: 'worker',
    image: 'debian',
    openedAt: 1,
  }
  const machine = {
    mac: MAC,
    network: 'lab',
    firstSeen: 1,
    lastSeen: 2,
    arch: 'uefi-x64',
    uuid: 'u',
    stage: 'dhcp',
    evidence: {
      dhcp: { uuid: 'u', port: { relay: ip('10.0.0.254'), circuitId: '6574683' } },
      smbios: { serial: 'SN-1', isEarlier: true },
      node: { node: 'web-01', by: 'uuid', key: { uuid: 'u' } },
    },
  } as const
  const events = [event(1, { mac: MAC, node: 'web-01', network: 'lab', address: '10.0.0.5' }), event(2)]
  await first.store.saveLeases(leases)
  await first.store.openAttempt(attempt)
  first.store.appendEvents(events)
  first.store.saveSeen([{ ...machine, lastSeen: 1 }, machine])
  first.store.saveProgress({ nonce: 'aa', stage: 'kernel', at: 20 })
  first.store.saveProgress({ nonce: 'aa', stage: 'script', at: 10 })
  await first.store.close()

  const { saved } = await open(t, first.stateDir)
  const reported = { ...attempt, stage: 'kernel', stageAt: 20 }
  assert.deepEqual(saved, { leases, attempts: [reported], boots: [], seen: [machine], lastEventId: 2 })
  const reader = (await openStateReader(first.stateDir)) ?? assert.fail()
  assert.deepEqual(await reader.events(0, 10), events)
  assert.equal(await reader.lastEventId(), 2)
  await reader.close()
})

test('the newest state of an address wins, and the newest lease of a client', async (t) => {
  const { store, stateDir } = await open(t)
  await store.saveLeases([lease('10.0.0.5', MAC), lease('10.0.0.5', MAC, { expiresAt: 9_000_000 })])
  await store.saveLeases([lease('10.0.0.9', MAC, { startedAt: 2_000_000 })])
  await store.close()
  const { saved } = await open(t, stateDir)
  assert.deepEqual(saved.leases, [
    lease('10.0.0.5', MAC, { state: 'released', expiresAt: 2_000_000 }),
    lease('10.0.0.9', MAC, { startedAt: 2_000_000 }),
  ])
})

test('an address that is bound and not expired is not given to another client; the call is undone whole', async (t) => {
  const { store, stateDir } = await open(t)
  const mine = lease('10.0.0.5', MAC)
  const theirs = lease('10.0.0.5', '02:00:00:00:00:02', { startedAt: mine.expiresAt - 1 })
  const innocent = lease('10.0.0.6', '02:00:00:00:00:03', { startedAt: 2_000_000 })
  await store.saveLeases([mine])
  // One turn of the event loop, so one transaction.
  const outcomes = await Promise.allSettled([
    store.saveLeases([lease('10.0.0.7', '02:00:00:00:00:02'), theirs]),
    store.saveLeases([innocent]),
  ])
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    ['rejected', 'fulfilled'],
  )
  assert.equal(outcomes[0]?.status === 'rejected' && outcomes[0].reason.code, 'conflict')
  assert.equal(store.commits, 2)
  const reader = (await openStateReader(stateDir)) ?? assert.fail()
  assert.deepEqual(await reader.leases(), [mine, innocent])
  await reader.close()
  await store.saveLeases([{ ...theirs, startedAt: mine.expiresAt }])
  await assert.rejects(store.saveLeases([lease('10.0.0.8', MAC, { state: 'offered' })]), { code: 'invalid' })
})

test('writes that wait are committed together', async (t) => {
  const { store } = await open(t)
  const all: Promise<void>[] = []
  for (let n = 0; n < 500; n += 1) all.push(store.saveLeases([leaseNumber(n)]))
  await Promise.all(all)
  assert.equal(store.commits, 1)
})

test('flush: events are on disk when it resolves', async (t) => {
  const { store, stateDir } = await open(t)
  store.appendEvents([event(1), event(2), event(3)])
  await store.flush()
  const reader = (await openStateReader(stateDir)) ?? assert.fail()
  assert.deepEqual(await reader.events(1, 1), [event(2)])
  store.appendEvents([event(4)])
  await store.flush()
  assert.deepEqual(await reader.events(2, 10), [event(3), event(4)], 'the reader sees later commits')
  await reader.close()
})

test('lost events are reported, and flush rejects; leases go on', async (t) => {
  const { store, errors } = await open(t)
  store.appendEvents([event(1)])
  await store.flush()
  store.appendEvents([event(1)])
  await assert.rejects(store.flush())
  assert.equal(errors.length, 1)
  assert.match(errors[0]?.message ?? '', /^1 events lost: .*state\.db/)
  await store.saveLeases([leaseNumber(1)])
})

test('after close every write is refused, and close may be called again', async (t) => {
  const { store } = await open(t)
  const last = store.saveLeases([leaseNumber(1)])
  await store.close()
  await last
  await store.close()
  await assert.rejects(store.saveLeases([leaseNumber(2)]), { code: 'closed' })
})

test('a second server in the same directory is refused, and welcome after the first', async (t) => {
  const { store, stateDir } = await open(t)
  await assert.rejects(open(t, stateDir), { code: 'locked', message: /in use by another Centra PXE server/ })
  await store.saveLeases([leaseNumber(1)])
  await store.close()
  const { saved } = await open(t, stateDir)
  assert.deepEqual(saved.leases, [leaseNumber(1)])
})

for (const [name, damage] of [
  [
    'text',
    () => Buffer.from('this is no database, and longer than a header of one hundred bytes. '.repeat(9)),
  ],
  ['a page of zeros', (file) => readFileSync(file).fill(0, 4096, 8192)],
  ['a file cut short', (file) => readFileSync(file).subarray(0, 8192)],
  ['its first half', (file) => readFileSync(file).subarray(0, readFileSync(file).length / 2)],
  ['half a page', (file) => readFileSync(file).subarray(0, 2048)],
  ['nothing', () => Buffer.alloc(0)],
  ['zeros', (file) => readFileSync(file).fill(0)],
  ['a database of somebody else, without tables', () => emptyDatabase()],
] satisfies [string, (file: string) => Buffer][])
  test(`a damaged file (${name}) is refused with its name and advice`, async (t) => {
    const { store, stateDir } = await open(t)
    await store.saveLeases([leaseNumber(1)])
    await store.close()
    const file = path.join(stateDir, 'state.db')
    writeFileSync(file, damage(file))
    await assert.rejects(open(t, stateDir), (error: StoreError) => {
      assert.equal(error.code, 'corrupt', error.message)
      assert.ok(error.message.includes(`${file} is not a sound database`), error.message)
      assert.match(error.message, /move .* away/)
      return true
    })
  })

test('a database of a newer version is refused by server and reader', async (t) => {
  const { store, stateDir } = await open(t)
  await store.close()
  const database = new DatabaseSync(path.join(stateDir, 'state.db'))
  database.exec("UPDATE meta SET value = '999' WHERE key = 'schema'")
  database.close()
  await assert.rejects(open(t, stateDir), { code: 'incompatible' })
  await assert.rejects(openStateReader(stateDir), { code: 'incompatible' })
})

test('a reader finds nothing where no server ever ran', async (t) => {
  assert.equal(await openStateReader(temporaryDirectory(t)), undefined)
})

test('a reader of a stopped server changes nothing, even where it may not write', async (t) => {
  const { store, stateDir } = await open(t)
  await store.saveLeases([leaseNumber(1)])
  await store.close()
  chmodSync(stateDir, 0o550)
  const program = `
    import { openStateReader } from ${JSON.stringify(import.meta.resolve('./state-reader.ts'))}
    const reader = await openStateReader(${JSON.stringify(stateDir)})
    console.log(JSON.stringify(await reader.leases()))
    await reader.close()`
  const node = [process.execPath, '--input-type=module', '-e', program]
  // root ignores modes unless it loses its capabilities.
  const drop = process.getuid?.() === 0 ? ['setpriv', '--inh-caps=-all', '--bounding-set=-all'] : []
  const [command = '', ...args] = [...drop, ...node]
  const output = execFileSync(command, args, { encoding: 'utf8' })
  assert.deepEqual(JSON.parse(output), [leaseNumber(1)])
  assert.deepEqual(readdirSync(stateDir).sort(), ['state.db', 'state.lock'])
})

test('a reader with all rights leaves nothing that a later server stumbles over', async (t) => {
  const { store, stateDir } = await open(t)
  await store.saveLeases([leaseNumber(1)])
  await store.close()
  const reader = (await openStateReader(stateDir)) ?? assert.fail()
  assert.deepEqual(await reader.leases(), [leaseNumber(1)])
  // The server starts beside the reader and stops after it.
  const { saved, store: again } = await open(t, stateDir)
  assert.deepEqual(saved.leases, [leaseNumber(1)])
  await again.saveLeases([leaseNumber(2)])
  assert.equal((await reader.leases()).length, 2)
  await reader.close()
  await again.close()
  assert.deepEqual(readdirSync(stateDir).sort(), ['state.db', 'state.lock'])
})

/** As `sqlite3 state.db 'VACUUM'` makes one. */
function emptyDatabase(): Buffer {
  const folder = mkdtempSync(path.join(tmpdir(), 'centra-empty-'))
  const file = path.join(folder, 'empty.db')
  const database = new DatabaseSync(file)
  database.exec('CREATE TABLE one (a); DROP TABLE one; VACUUM')
  database.close()
  const bytes = readFileSync(file)
  rmSync(folder, { recursive: true })
  return bytes
}

test('leases that moved are under their new network alone, all or none, also where a row was in their place', async (t) => {
  const { stateDir, store } = await open(t)
  const [A, B] = ['02:00:00:00:00:0a', '02:00:00:00:00:0b']
  const [first, second] = [lease('10.0.0.5', A), lease('10.0.0.6', B)]
  const inTheWay = lease('10.0.0.5', B, { network: 'renamed' })
  await store.saveLeases([first, second, inTheWay])
  const moved = [first, second].map((one) => ({ ...one, network: 'renamed' }))
  // The tables refuse a client two bound addresses: nothing of this is kept.
  const twice = [...moved, lease('10.0.0.5', B, { network: 'renamed', startedAt: 0 })]
  await assert.rejects(store.moveLeases({ gone: [first, second], leases: twice }), { code: 'conflict' })
  await store.moveLeases({ gone: [first, second], leases: moved })
  await store.close()
  assert.deepEqual((await open(t, stateDir)).saved.leases, moved)
})

test('attempts come back in the order in which they were opened, whatever the clock said', async (t) => {
  const { store, stateDir } = await open(t)
  const attempt = { mac: MAC, address: '10.0.0.5', profile: 'debian', image: 'netinst' }
  const times = [5, 3e12, 1, 4]
  for (const [i, openedAt] of times.entries())
    await store.openAttempt({ ...attempt, nonce: `${9 - i}`, openedAt })
  await store.close()
  const { saved } = await open(t, stateDir)
  assert.deepEqual(
    saved.attempts.map(({ openedAt }) => openedAt),
    times,
  )
  const reader = (await openStateReader(stateDir)) ?? assert.fail()
  assert.deepEqual(
    (await reader.attempts()).map(({ openedAt }) => openedAt),
    times,
  )
  await reader.close()
})

test('the boots of a node: state, lines and attempt come back together, and no revision is passed over', async (t) => {
  const first = await open(t)
  const opened = {
    ...{ mac: MAC, nonce: 'aa', address: '10.0.0.5', profile: 'debian', image: 'netinst', openedAt: 5 },
  }
  const state = { node: 'web-01', revision: 1, standing: 'ram', fruitless: 0 } as const
  const line = { time: 5, node: 'web-01', what: 'opened', detail: 'install', nonce: 'aa' } as const
  await first.store.saveBoots({ state, lines: [line], attempt: opened })
  const next = { ...state, revision: 2, standing: 'local' } as const
  await first.store.saveBoots({ state: next, lines: [] })
  const other = { ...line, nonce: 'bb' }
  await assert.rejects(
    first.store.saveBoots({ state: next, lines: [other], attempt: { ...opened, nonce: 'bb' } }),
    {
      code: 'conflict',
      message: 'the boots of web-01 are not at revision 1 any more',
    },
  )
  await first.store.close()
  const { saved } = await open(t, first.stateDir)
  assert.deepEqual([saved.boots, saved.attempts], [[next], [opened]])
  const reader = (await openStateReader(first.stateDir)) ?? assert.fail()
  assert.deepEqual(await reader.boots(), [next])
  assert.deepEqual(await reader.bootLines('web-01', 10), [line])
  assert.deepEqual(await reader.bootLines('web-02', 10), [])
  await reader.close()
})
