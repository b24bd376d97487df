import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DhcpClient } from '../../test/helpers/dhcp-client.ts'
import { MemoryStore, running } from '../../test/helpers/memory.ts'
import { VirtualLan } from '../../test/helpers/virtual-lan.ts'
import {
  ip,
  mac,
  NODE01,
  NODE02,
  NODE02_SECOND,
  NOW,
  network,
  pool,
  STRANGER,
  type WorldBuilder,
  world,
} from '../../test/helpers/world.ts'
import { formatIpv4, type Ipv4 } from '../lib/ipv4.ts'
import { type Mac, macFromNumber } from '../lib/mac.ts'
import { type Lease, UNKNOWN_MAC } from '../model/lease.ts'
import type { ProbeOutcome } from '../model/ports.ts'
import { ROUTED } from './ping-check.ts'

const SQUATTER = mac('02:00:00:00:00:99')

function scene(there: WorldBuilder = world().labNodes().network({ pingCheckMs: 100 })) {
  const store = new MemoryStore()
  const server = running(there, store)
  const lan = new VirtualLan(there)
  server.running.pingChecks.attach('prov0', lan)
  const counted = () => {
    const found = server.running.counters.list().find(({ name }) => name === 'ping_checks')
    return Object.fromEntries(found?.values ?? [])
  }
  return { there, store, server, lan, counted, client: (who = STRANGER) => new DhcpClient(who, server) }
}

/** The address that a client is offered; `silence` when it is none. */
async function offered(client: DhcpClient): Promise<string> {
  const offer = await client.discover()
  return offer === undefined ? 'silence' : formatIpv4(offer.message.yiaddr)
}

function held({ there }: { readonly there: WorldBuilder }, address: string): Lease | undefined {
  return there.leases.ofAddress('provisioning', ip(address))
}

test('S36: an address that answers is not offered: another one within 500 ms, and the first is quarantined', async () => {
  const made = scene()
  made.lan.host('10.77.0.100', SQUATTER)
  assert.equal(await offered(made.client()), '10.77.0.101')
  assert.deepEqual(made.lan.asked, ['10.77.0.100', '10.77.0.101'])
  assert.ok(made.there.now - NOW < 500)
  const lease = held(made, '10.77.0.100')
  assert.deepEqual([lease?.state, lease?.mac], ['conflict', SQUATTER])
  assert.deepEqual(made.store.leases, [lease])
  assert.deepEqual(made.counted(), { 'provisioning conflict': 1, 'provisioning free': 1 })
  assert.deepEqual(made.store.told, [
    'DISCOVER rom uefi-x64',
    'address in use: 10.77.0.100 holder=02:00:00:00:00:99 (answers an ARP probe, without a lease of it)',
    'OFFER 10.77.0.101 snponly.efi',
  ])
  assert.equal((await made.client().request(ip('10.77.0.100')))?.type, 'NAK')
  made.there.after(3_600_001)
  made.lan.gone('10.77.0.100')
  made.there.network({ pools: pool('10.77.0.100-10.77.0.100') })
  const narrow = running(made.there, made.store)
  narrow.running.pingChecks.attach('prov0', made.lan)
  assert.equal(await offered(new DhcpClient(STRANGER, narrow)), '10.77.0.100', 'an hour later')
})

test('S36: a row of addresses in use: a free one within 500 ms, or silence where none is', async () => {
  const made = scene()
  for (let i = 100; i < 112; i += 1) made.lan.host(`10.77.0.${i}`, SQUATTER)
  assert.equal(await offered(made.client()), '10.77.0.112')
  assert.ok(made.there.now - NOW < 500, `${made.there.now - NOW} ms`)
  for (let i = 113; i < 200; i += 1) made.lan.host(`10.77.0.${i}`, SQUATTER)
  const begun = made.there.now
  assert.equal(await offered(made.client(NODE02_SECOND)), '10.77.0.12', 'a reservation is another matter')
  assert.equal(await offered(made.client(mac('52:54:00:aa:bb:cd'))), 'silence')
  assert.ok(made.there.now - begun < 1000)
  assert.match(made.store.told.at(-1) ?? '', /^no answer no address was found in time/)
})

test('S36: behind a relay by ICMP echo, where an answer has no MAC', async () => {
  const made = scene(world().network({ pingCheckMs: 100, interface: undefined as never }))
  const routed = new VirtualLan(made.there).host('10.77.0.100')
  made.server.running.pingChecks.attach(ROUTED, routed)
  assert.equal(await offered(made.client()), '10.77.0.101')
  assert.deepEqual([routed.asked, made.lan.asked], [['10.77.0.100', '10.77.0.101'], []])
  assert.equal(held(made, '10.77.0.100')?.mac, UNKNOWN_MAC)
  // Its own, long ago: an echo reply would not tell it from somebody else.
  const before = mac('52:54:00:aa:bb:cd')
  made.there.lease('10.77.0.150', before, { state: 'released', expiresAt: made.there.now - 86_400_000 })
  assert.equal(await offered(made.client(before)), '10.77.0.150')
  assert.equal(routed.asked.length, 2)
})

test('S36: a reservation is offered where its own node answers; for a minute not where somebody else does', async () => {
  const made = scene()
  made.lan.host('10.77.0.12', NODE02_SECOND)
  assert.equal(await offered(made.client(NODE02)), '10.77.0.12')
  made.lan.host('10.77.0.11', SQUATTER)
  assert.equal(await offered(made.client(NODE01)), '10.77.0.100')
  assert.deepEqual(made.lan.asked, ['10.77.0.12', '10.77.0.11', '10.77.0.100'])
  made.lan.gone('10.77.0.11')
  assert.equal(await offered(made.client(NODE01)), '10.77.0.100')
  made.there.after(60_001)
  assert.equal(await offered(made.client(NODE01)), '10.77.0.11')
})

test('the host that uses a quarantined address may have it', async () => {
  const made = scene()
  made.lan.host('10.77.0.100', SQUATTER)
  await offered(made.client())
  assert.equal(await offered(made.client(SQUATTER)), '10.77.0.100')
})

test('S37: no probe for a client that is bound, has an offer, or gave its address back a minute ago', async () => {
  const made = scene()
  const client = made.client()
  await client.dora()
  assert.deepEqual(made.lan.asked, ['10.77.0.100'])
  assert.equal(await offered(client), '10.77.0.100')
  await client.renew()
  await client.release()
  made.there.after(30_000)
  assert.equal(await offered(client), '10.77.0.100')
  assert.equal((await client.request(ip('10.77.0.100')))?.type, 'ACK')
  made.there.lease('10.77.0.150', NODE02_SECOND)
  const other = made.client(mac('52:54:00:aa:bb:cd'))
  await offered(other)
  await offered(other)
  assert.deepEqual(made.lan.asked, ['10.77.0.100', '10.77.0.101'], 'the second client was asked about once')
})

test('no probe of an address that a client says it has: INIT-REBOOT is answered at once', async () => {
  const made = scene()
  made.lan.host('10.77.0.150', SQUATTER)
  assert.equal((await made.client().request(ip('10.77.0.150')))?.type, 'ACK')
  assert.deepEqual(made.lan.asked, [])
})

test('pingCheck: false and dhcp: observe send no probe', async () => {
  const off = scene(world())
  assert.equal(await offered(off.client()), '10.77.0.100')
  const observing = scene(world().network({ pingCheckMs: 100, dhcp: 'observe' }))
  assert.equal(await offered(observing.client()), 'silence')
  assert.deepEqual([off.lan.asked, observing.lan.asked], [[], []])
})

test('where nobody can be asked, the offer leaves and counts', async () => {
  const made = scene()
  made.server.running.pingChecks.detach('prov0')
  assert.equal(await offered(made.client()), '10.77.0.100')
  assert.deepEqual(made.counted(), { 'provisioning unavailable': 1 })
})

/** Probes that end when the test says so. */
function gated(made: ReturnType<typeof scene>) {
  const asked: { readonly address: Ipv4; readonly end: (outcome: ProbeOutcome) => void }[] = []
  made.server.running.pingChecks.attach('prov0', {
    probe: (address) => new Promise((end) => asked.push({ address, end })),
  })
  return asked
}

test('a DISCOVER that is repeated during the probe joins it: one probe, an answer to each', async () => {
  const made = scene()
  const asked = gated(made)
  const answers = [offered(made.client()), offered(made.client())]
  await settle()
  assert.equal(asked.length, 1)
  asked[0]?.end({ kind: 'conflict', mac: SQUATTER })
  await settle()
  assert.equal(asked.length, 2)
  answers.push(offered(made.client()))
  await settle()
  asked[1]?.end({ kind: 'free' })
  assert.deepEqual(await Promise.all(answers), ['10.77.0.101', '10.77.0.101', '10.77.0.101'])
  assert.deepEqual(made.counted(), { 'provisioning conflict': 1, 'provisioning free': 1 })
})

test('a storm: clients wait beside one another, and beyond 512 probes nobody waits', async () => {
  const { subnet } = network('10.77.0.0/20')
  const made = scene(world().network({ subnet, pools: pool('10.77.1.0-10.77.4.255'), pingCheckMs: 100 }))
  const asked = gated(made)
  const answered: string[] = []
  const answers = Array.from({ length: 600 }, async (_, i) => {
    answered.push(await offered(made.client(macFromNumber(0x020000000000 + i) as Mac)))
  })
  await settle()
  assert.deepEqual([asked.length, answered.length], [512, 88])
  for (const { end } of asked) end({ kind: 'free' })
  await Promise.all(answers)
  assert.equal(new Set(answered).size, 600)
  assert.deepEqual(made.counted(), { 'provisioning overload': 88, 'provisioning free': 512 })
})

test('a client that is bound during the probe stays bound', async () => {
  const made = scene()
  const asked = gated(made)
  const client = made.client()
  const answer = offered(client)
  await settle()
  assert.equal((await client.request(ip('10.77.0.100')))?.type, 'ACK')
  asked[0]?.end({ kind: 'conflict', mac: SQUATTER })
  assert.equal(await answer, '10.77.0.100')
  assert.equal(held(made, '10.77.0.100')?.state, 'bound')
})

test('a client that chooses another server during the probe gets no offer of ours', async () => {
  const made = scene()
  const asked = gated(made)
  const client = made.client()
  const answer = offered(client)
  await settle()
  await client.request(ip('10.77.0.100'), ip('10.77.0.9'))
  asked[0]?.end({ kind: 'free' })
  assert.equal(await answer, 'silence')
  assert.equal(held(made, '10.77.0.100'), undefined)
})

/** Everything that can go on without the probes has gone on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i += 1) await Promise.resolve()
}
