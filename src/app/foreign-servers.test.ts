import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip, mac, NODE01, NODE02, NOW } from '../../test/helpers/world.ts'
import type { HeardServer, OfferedBoot } from '../model/host.ts'
import { ForeignServers, isCurrent } from './foreign-servers.ts'

const OTHER = { network: 'provisioning', address: ip('10.77.0.9'), ours: ip('10.77.0.1') }
const BOOTS: OfferedBoot = { bootFile: 'pxelinux.0', vendorClass: 'PXEClient' }

function answer(parts: Partial<HeardServer> = {}): HeardServer {
  return { interface: 'prov0', address: OTHER.address, kind: 'dhcp', dns: [], ...parts }
}

test('what is known of a server: since when, how often, and a client to ask', () => {
  const servers = new ForeignServers()
  servers.chosen(OTHER, NODE01, NOW)
  servers.chosen({ ...OTHER, address: ip('10.77.0.10') }, NODE01, NOW + 1)
  servers.chosen(OTHER, NODE02, NOW + 2)
  assert.deepEqual(servers.list(), [
    { ...OTHER, client: NODE02, firstSeen: NOW, lastSeen: NOW + 2, count: 2 },
    { ...OTHER, address: ip('10.77.0.10'), client: NODE01, firstSeen: NOW + 1, lastSeen: NOW + 1, count: 1 },
  ])
})

test('its own answers add what it is, where from, and what it offers; nothing that was known goes', () => {
  const servers = new ForeignServers()
  servers.chosen(OTHER, NODE01, NOW)
  const from = mac('52:54:00:00:00:09')
  servers.heard(OTHER, answer({ asked: 'pxe', offered: ip('10.77.0.200'), mac: from, boot: BOOTS }), NOW + 1)
  servers.heard(OTHER, answer({ kind: 'proxy' }), NOW + 2)
  assert.deepEqual(servers.list(), [
    {
      ...{ ...OTHER, client: NODE01, kind: 'dhcp', mac: from, offered: ip('10.77.0.200'), boot: BOOTS },
      ...{ firstSeen: NOW, lastSeen: NOW + 2, count: 3 },
    },
  ])
})

test('O01: what it says about booting is what it says to firmware, and changes when it is mended', () => {
  const servers = new ForeignServers()
  const bootAfter = (parts: Partial<HeardServer>): unknown => servers.heard(OTHER, answer(parts), NOW).boot
  const plain = { nextServer: OTHER.address }
  assert.deepEqual(bootAfter({ boot: plain }), plain, 'better than nothing')
  assert.deepEqual(bootAfter({ boot: BOOTS }), BOOTS)
  assert.deepEqual(bootAfter({ boot: plain }), BOOTS, 'to an operating system')
  assert.deepEqual(bootAfter({ asked: 'plain', boot: { bootFile: 'x' } }), BOOTS, 'to our plain question')
  assert.deepEqual(bootAfter({ asked: 'pxe', boot: plain }), plain, 'to our question as firmware')
})

test('it is told of at once, when there is something new, and then once an hour', () => {
  const servers = new ForeignServers()
  const server = servers.chosen(OTHER, NODE01, NOW)
  const tell = (what: string, now: number, one = server): boolean => {
    const isNews = servers.isNews(one, what, now)
    if (isNews) servers.told(one, what, now)
    return isNews
  }
  assert.ok(tell('dhcp', NOW))
  assert.ok(!tell('dhcp', NOW + 3_599_999))
  assert.ok(tell('dhcp boot-file', NOW + 3_599_999))
  assert.ok(tell('dhcp boot-file', NOW + 7_199_999))
  assert.ok(tell('dhcp', NOW, servers.chosen({ ...OTHER, network: 'storage' }, NODE01, NOW)))
})

test('it counts as there for half an hour', () => {
  const server = new ForeignServers().chosen(OTHER, NODE01, NOW)
  assert.ok(isCurrent(server, NOW + 1_799_999))
  assert.ok(!isCurrent(server, NOW + 1_800_000))
})

test('clients can name any address: the list is bounded, the last seen stay', () => {
  const servers = new ForeignServers()
  for (let i = 0; i < 1000; i += 1)
    servers.chosen({ ...OTHER, address: ip(`10.9.${i >> 8}.${i & 255}`) }, NODE01, NOW + i)
  const known = servers.list()
  assert.equal(known.length, 256)
  assert.equal(known[0]?.lastSeen, NOW + 999)
})
