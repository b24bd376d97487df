import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip, NODE01, NODE02, NOW } from '../../test/helpers/world.ts'
import { ForeignServers } from './foreign-servers.ts'

const OTHER = { network: 'provisioning', address: ip('10.77.0.9'), client: NODE01 }

test('a server that a client chose is told of at once, and then once an hour', () => {
  const servers = new ForeignServers()
  assert.deepEqual(servers.note(OTHER, NOW), {
    ...{ time: NOW, kind: 'dhcp.foreign', mac: NODE01, network: 'provisioning' },
    detail: { server: '10.77.0.9', because: 'a client named it in option 54' },
  })
  assert.equal(servers.note(OTHER, NOW + 3_599_999), undefined)
  assert.notEqual(servers.note(OTHER, NOW + 3_600_000), undefined)
  assert.notEqual(servers.note({ ...OTHER, address: ip('10.77.0.10') }, NOW + 1), undefined)
  assert.notEqual(servers.note({ ...OTHER, network: 'storage' }, NOW + 1), undefined)
})

test('what is known of a server: since when, how often, and a client to ask', () => {
  const servers = new ForeignServers()
  servers.note(OTHER, NOW)
  servers.note({ ...OTHER, address: ip('10.77.0.10') }, NOW + 1)
  servers.note({ ...OTHER, client: NODE02 }, NOW + 2)
  assert.deepEqual(servers.list(), [
    { ...OTHER, client: NODE02, firstSeen: NOW, lastSeen: NOW + 2, count: 2 },
    { ...OTHER, address: ip('10.77.0.10'), firstSeen: NOW + 1, lastSeen: NOW + 1, count: 1 },
  ])
})

test('clients can name any address: the list is bounded, the last seen stay', () => {
  const servers = new ForeignServers()
  for (let i = 0; i < 1000; i += 1)
    servers.note({ ...OTHER, address: ip(`10.9.${i >> 8}.${i & 255}`) }, NOW + i)
  const known = servers.list()
  assert.equal(known.length, 256)
  assert.equal(known[0]?.lastSeen, NOW + 999)
})
