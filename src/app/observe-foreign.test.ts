import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DhcpClient } from '../../test/helpers/dhcp-client.ts'
import { MemoryStore, running } from '../../test/helpers/memory.ts'
import { ip, mac, NODE01, NOW, STRANGER, world } from '../../test/helpers/world.ts'
import type { Network } from '../model/config.ts'
import type { HeardServer } from '../model/host.ts'
import { foreignReports } from './foreign-report.ts'
import { healthAnswer } from './health.ts'
import { networkReports } from './network-report.ts'
import { observeHeard } from './observe-foreign.ts'

const THEIRS = ip('10.77.0.9')

function scene(changes: Partial<Network> = {}) {
  const there = world().labNodes().network(changes)
  const store = new MemoryStore()
  const { running: state, on } = running(there, store)
  const told = (): readonly string[] =>
    store.events.flatMap(({ kind }, i) => (kind === 'dhcp.foreign' ? [store.told[i] ?? ''] : []))
  return { there, store, state, on, told }
}

function answer(parts: Partial<HeardServer> = {}): HeardServer {
  return { interface: 'prov0', address: THEIRS, kind: 'dhcp', dns: [], ...parts }
}

test('O01: a foreign OFFER with option 60 and without 43: one event with server and remedy, and a warning in /health', () => {
  for (const dhcp of ['observe', 'proxy', 'server'] as const) {
    const { state, on, told } = scene({ dhcp, besides: [THEIRS] })
    const heard = answer({ asked: 'pxe', mac: mac('52:54:00:00:00:09'), boot: { vendorClass: 'PXEClient' } })
    observeHeard(heard, on, state)
    observeHeard(heard, on, state)
    assert.equal(told().length, 1, dhcp)
    assert.match(
      told()[0] ?? '',
      /^another DHCP server 10\.77\.0\.9 from=52:54:00:00:00:09 offers=option 60 PXEClient \(it answered our probe\) \(10\.77\.0\.9 sends option 60 .*; remove option 60 from 10\.77\.0\.9 .*\)$/,
    )
    const health = healthAnswer({ version: '1', items: [], foreign: foreignReports(state) })
    assert.ok(health.kind === 'text' && health.status === 200)
    const { status, warnings, foreign } = JSON.parse(health.body)
    assert.equal(status, 'ok')
    assert.equal(warnings.length, 1)
    assert.match(warnings[0], /^10\.77\.0\.9 sends option 60/)
    assert.deepEqual(foreign, [
      {
        network: 'provisioning',
        kind: 'dhcp',
        mac: '52:54:00:00:00:09',
        firstSeen: NOW,
        lastSeen: NOW,
        count: 2,
        address: '10.77.0.9',
        boot: { vendorClass: 'PXEClient' },
        expected: true,
        current: true,
        warnings,
      },
    ])
  }
})

test('a server that is mended, or was not seen for half an hour, is no warning any more', () => {
  const { there, state, on, told } = scene({ dhcp: 'proxy' })
  observeHeard(answer({ asked: 'pxe', boot: { bootFile: 'x' } }), on, state)
  assert.equal(foreignReports(state)[0]?.warnings.length, 1)
  there.after(1_800_000)
  assert.deepEqual(foreignReports(state)[0]?.warnings, [])
  assert.equal(foreignReports(state)[0]?.current, false)
  observeHeard(answer({ asked: 'pxe' }), on, state)
  assert.deepEqual(foreignReports(state)[0]?.warnings, [])
  assert.equal(told().length, 2, 'the news is that it is well')
})

test('O02: a server that a client chose is told of once, with the way out in server mode', async () => {
  const { store, state, on, told } = scene()
  const client = new DhcpClient(NODE01, { running: state, on })
  await client.request(ip('10.77.0.200'), THEIRS)
  await client.request(ip('10.77.0.200'), THEIRS)
  assert.deepEqual(told(), [
    'another DHCP server 10.77.0.9 (a client named it in option 54) (10.77.0.9 gives addresses on provisioning too: stop it, set dhcp: proxy here, or name it in besides: [10.77.0.9])',
  ])
  assert.equal(store.events.find(({ kind }) => kind === 'dhcp.foreign')?.mac, NODE01)
})

test('our own addresses, and a relay that stands in for us, are nobody else', async () => {
  const { state, on, told } = scene({ relays: [ip('10.77.0.254')] })
  const own = { ...state, isOwnAddress: (address: number) => address === ip('10.80.0.1') }
  for (const address of [on.address, ip('10.77.0.254'), ip('10.80.0.1')]) {
    observeHeard(answer({ address }), on, own)
    await new DhcpClient(STRANGER, { running: own, on }).request(ip('10.77.0.100'), address)
  }
  assert.deepEqual([told(), own.foreign.list()], [[], []])
})

test('a relay that answers our probe, which we never do, is another server', () => {
  const { state, on, told } = scene({ relays: [ip('10.77.0.254')] })
  observeHeard(answer({ address: ip('10.77.0.254'), asked: 'plain' }), on, state)
  assert.match(told().join(), /another DHCP server 10\.77\.0\.254 .*\(it answered our probe\)/)
})

test('a flood of forged answers fills no log', () => {
  const { state, on, told } = scene()
  for (let i = 0; i < 2000; i += 1)
    observeHeard(answer({ address: ip(`10.9.${i >> 8}.${i & 255}`) }), on, state)
  assert.ok(told().length <= 300, `${told().length} events`)
  assert.ok(state.foreign.list().length <= 256)
})

test('networks: mode, address, state, pool and the others of each', () => {
  const { there, state, on } = scene()
  there.lease('10.77.0.150', STRANGER)
  there.lease('10.77.0.151', mac('52:54:00:aa:bb:cd'), { state: 'offered' })
  there.lease('10.77.0.152', mac('52:54:00:aa:bb:ce'), { expiresAt: NOW })
  there.lease('10.77.0.11', NODE01)
  observeHeard(answer(), on, state)
  const [up] = networkReports([{ network: on.network, address: on.address, listens: true }], state)
  assert.deepEqual(
    { ...up, foreign: up?.foreign.map(({ address }) => address) },
    {
      name: 'provisioning',
      dhcp: 'server',
      interface: 'prov0',
      subnet: '10.77.0.0/24',
      address: '10.77.0.1',
      state: 'up',
      pool: { size: 100, used: 2 },
      leases: 2,
      listens: true,
      foreign: ['10.77.0.9'],
    },
  )
  const [down] = networkReports([{ network: on.network, problem: 'waiting', listens: false }], state)
  assert.deepEqual([down?.state, down?.reason, down?.address], ['down', 'waiting', undefined])
})
