import assert from 'node:assert/strict'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { event, lease, leasesOf, temporaryDirectory } from '../../test/helpers/state.ts'
import { openStateReader } from './state-reader.ts'
import { openStateStore } from './state-store.ts'

/** The tables of the first version, and how its migrator remembered them. */
const FIRST = `
  CREATE TABLE leases (network text NOT NULL, address text NOT NULL, mac text NOT NULL, client_id text,
    state text NOT NULL, started_at bigint NOT NULL, expires_at bigint NOT NULL,
    CONSTRAINT leases_pk PRIMARY KEY (network, address));
  CREATE UNIQUE INDEX leases_one_bound_per_client ON leases (network, mac) WHERE state = 'bound';
  CREATE TABLE attempts (nonce text PRIMARY KEY, mac text NOT NULL, address text NOT NULL, profile text NOT NULL,
    image text NOT NULL, opened_at bigint NOT NULL, stage text, stage_at bigint);
  CREATE TABLE events (id integer PRIMARY KEY, time bigint NOT NULL, kind text NOT NULL, mac text, node text,
    network text, address text, detail text NOT NULL);
  CREATE TABLE seen (network text NOT NULL, mac text NOT NULL, first_seen bigint NOT NULL, last_seen bigint NOT NULL,
    address text, arch text, uuid text, vendor_class text, stage text,
    CONSTRAINT seen_pk PRIMARY KEY (network, mac));
  CREATE TABLE meta (key text PRIMARY KEY, value text NOT NULL);
  INSERT INTO meta VALUES ('schema', '1');
  CREATE TABLE kysely_migration (name varchar(255) NOT NULL PRIMARY KEY, timestamp varchar(255) NOT NULL);
  CREATE TABLE kysely_migration_lock (id varchar(255) NOT NULL PRIMARY KEY, is_locked integer DEFAULT 0 NOT NULL);
  INSERT INTO kysely_migration VALUES ('0001-first', '2026-11-01T00:00:00.000Z');
  INSERT INTO kysely_migration_lock VALUES ('migration_lock', 0);`

test('a database of the first version comes along: leases, sightings, events', async (t) => {
  const stateDir = temporaryDirectory(t)
  const old = new DatabaseSync(path.join(stateDir, 'state.db'))
  old.exec(FIRST)
  old.exec(`INSERT INTO leases VALUES
    ('lab', '10.0.0.5', 'fe:dc:ba:98:76:5f', '01fedcba98765f', 'bound', 1000000, 4600000),
    ('lab', '255.254.0.200', '02:00:00:00:00:02', NULL, 'declined', 1000000, 4600000),
    ('lab', 'nonsense', '02:00:00:00:00:03', NULL, 'released', 0, 0)`)
  old.exec(`INSERT INTO seen VALUES ('lab', 'fe:dc:ba:98:76:5f', 1, 2, NULL, 'uefi-x64', NULL, NULL, 'dhcp')`)
  const insert = old.prepare(`INSERT INTO events VALUES (?, ?, 'dhcp.ack', ?, NULL, ?, NULL, ?)`)
  for (let n = 1; n <= 600; n += 1)
    insert.run(n, 1_000_000 + n, n === 3 ? 'fe:dc:ba:98:76:5f' : null, n === 3 ? 'lab' : null, `{"n":${n}}`)
  old.close()

  await assert.rejects(openStateReader(stateDir), { code: 'incompatible', message: /start the server once/ })
  const onError = assert.fail
  const { store, saved } = await openStateStore({ stateDir, durability: 'off', onError })
  await store.close()
  const leases = [
    lease('10.0.0.5', 'fe:dc:ba:98:76:5f', { clientId: '01fedcba98765f' }),
    lease('255.254.0.200', '02:00:00:00:00:02', { state: 'declined' }),
  ]
  assert.deepEqual(leasesOf(saved), leases)
  assert.deepEqual(saved.seen, [
    { mac: 'fe:dc:ba:98:76:5f', network: 'lab', firstSeen: 1, lastSeen: 2, arch: 'uefi-x64', stage: 'dhcp' },
  ])
  assert.equal(saved.lastEventId, 600)
  const reader = (await openStateReader(stateDir)) ?? assert.fail()
  assert.deepEqual(await reader.leases(), leases)
  const events = Array.from({ length: 600 }, (_, i) =>
    event(i + 1, i === 2 ? { mac: leases[0]?.mac ?? assert.fail(), network: 'lab' } : {}),
  )
  assert.deepEqual(await reader.events(0, 1000), events)
  assert.deepEqual(await reader.events(245, 10), events.slice(245, 255))
  assert.deepEqual(await reader.newestEvents(300), events.slice(300))
  await reader.close()
})
