import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DhcpClient } from '../../test/helpers/dhcp-client.ts'
import { MemoryStore, running } from '../../test/helpers/memory.ts'
import { ip, mac, STRANGER, world } from '../../test/helpers/world.ts'
import { moveLeases } from './move-leases.ts'

const OTHER = mac('52:54:00:dd:ee:ff')

/** A stranger has a lease, and the network has another name since. */
async function renamed() {
  const there = world()
  const store = new MemoryStore()
  const server = running(there, store)
  const stranger = new DhcpClient(STRANGER, server)
  assert.equal((await stranger.dora())?.type, 'ACK')
  const other = new DhcpClient(OTHER, server)
  there.network({ name: 'renamed' })
  server.running.picture = there.picture()
  await moveLeases(server.running)
  const after = { ...server, on: { ...server.on, network: { ...server.on.network, name: 'renamed' } } }
  return { store, stranger, other, after, of: (address: typeof OTHER) => new DhcpClient(address, after) }
}

test('a network is renamed: its client renews, another one gets another address, and each is on disk once', async () => {
  const { stranger, store, of } = await renamed()
  const other = of(OTHER)
  assert.equal((await other.dora())?.type, 'ACK')
  assert.notEqual(other.address, stranger.address)
  assert.equal((await of(STRANGER).send('REQUEST', ip(stranger.address)))?.type, 'ACK')
  assert.deepEqual([...new Set(store.leases.map(({ network }) => network))], ['renamed'])
  assert.ok(
    store.told.includes(
      'leases moved leases=1 those of provisioning: the subnets of their addresses are other networks now',
    ),
    store.told.join('\n'),
  )
})

test('what arrives where the old name is still known gets no answer', async () => {
  const { other, store } = await renamed()
  assert.equal(await other.discover(), undefined)
  assert.match(store.told.join('\n'), /no answer.*arrived on provisioning, which a reload took away or moved/)
})

test('a disk that refuses is no reason to forget', async () => {
  const { after, of, stranger } = await renamed()
  const there = world().network({ name: 'third' })
  const { store } = after.running
  Object.assign(store, { moveLeases: () => Promise.reject(new Error('full')) })
  after.running.picture = there.picture()
  await moveLeases(after.running)
  after.on = { ...after.on, network: { ...after.on.network, name: 'third' } }
  const other = of(OTHER)
  await other.dora()
  assert.notEqual(other.address, stranger.address)
})
