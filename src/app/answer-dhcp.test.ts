import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DhcpClient } from '../../test/helpers/dhcp-client.ts'
import { vectors } from '../../test/helpers/dhcp-fixtures.ts'
import { MemoryStore, running } from '../../test/helpers/memory.ts'
import { ip, mac, NODE01, STRANGER, type WorldBuilder, world } from '../../test/helpers/world.ts'
import { answerDhcp } from './answer-dhcp.ts'
import { machineAt } from './answer-tftp.ts'

function scene(there: WorldBuilder = world().labNodes()) {
  const store = new MemoryStore()
  const server = running(there, store)
  return { there, store, server, client: (mac = STRANGER) => new DhcpClient(mac, server) }
}

test('a client gets an address, renews it, gives it back, and gets it again', async () => {
  const { client, store, there } = scene()
  const stranger = client()
  assert.equal((await stranger.dora())?.type, 'ACK')
  assert.equal(stranger.address, '10.77.0.100')
  there.after(1_800_000)
  assert.equal((await stranger.renew())?.type, 'ACK')
  assert.equal(await stranger.release(), undefined)
  await stranger.dora()
  assert.equal(stranger.address, '10.77.0.100')
  assert.deepEqual(
    store.leases.map(({ state }) => state),
    ['bound', 'bound', 'released', 'bound'],
  )
  assert.deepEqual(store.told, [
    'DISCOVER rom uefi-x64',
    'OFFER 10.77.0.100 snponly.efi',
    'REQUEST rom uefi-x64 for 10.77.0.100',
    'ACK 10.77.0.100 snponly.efi',
    'REQUEST rom uefi-x64 for 10.77.0.100',
    'ACK 10.77.0.100 snponly.efi',
    'RELEASE rom uefi-x64 for 10.77.0.100',
    'DISCOVER rom uefi-x64',
    'OFFER 10.77.0.100 snponly.efi',
    'REQUEST rom uefi-x64 for 10.77.0.100',
    'ACK 10.77.0.100 snponly.efi',
  ])
})

test('a node gets its reservation', async () => {
  const { client } = scene()
  const node = client(NODE01)
  await node.dora()
  assert.equal(node.address, '10.77.0.11')
})

test('S01: the ACK leaves only after the lease is on disk', async () => {
  const { client, store } = scene()
  const gate = Promise.withResolvers<void>()
  store.disk = () => gate.promise
  let replied = false
  const done = client()
    .dora()
    .then((reply) => {
      replied = true
      return reply
    })
  await settle()
  assert.equal(replied, false, 'no ACK while the write is under way')
  gate.resolve()
  assert.equal((await done)?.type, 'ACK')
  assert.equal(store.leases.length, 1)
})

test('S01: a store that never answers means silence; nobody else gets the address meanwhile', async () => {
  const { client, store, server, there } = scene()
  store.disk = () => new Promise(() => {})
  let replied = false
  void client()
    .dora()
    .then(() => {
      replied = true
    })
  await settle()
  assert.equal(replied, false)
  assert.equal(there.leases.ofAddress('provisioning', ip('10.77.0.100'))?.state, 'bound')
  const other = await new DhcpClient(NODE01, server).request(ip('10.77.0.100'))
  assert.equal(other?.type, 'NAK')
})

test('S01: a store that refuses means silence, and memory goes back', async () => {
  const { client, store, there } = scene()
  const stranger = client()
  store.disk = () => Promise.reject(new Error('disk full'))
  assert.equal(await stranger.dora(), undefined)
  assert.equal(there.leases.ofAddress('provisioning', ip('10.77.0.100'))?.state, 'offered')
  assert.equal(store.told.at(-1), 'no answer the lease could not be written: disk full')
  store.disk = () => Promise.resolve()
  assert.equal((await stranger.dora())?.type, 'ACK')
  store.disk = () => Promise.reject(new Error('disk full'))
  await stranger.release()
  assert.equal(there.leases.ofAddress('provisioning', ip('10.77.0.100'))?.state, 'bound')
})

test('S01: two writes of one lease that the disk refuses leave nothing behind', async () => {
  const { client, store, there } = scene()
  const stranger = client()
  await stranger.discover()
  const gate = Promise.withResolvers<void>()
  store.disk = () => gate.promise
  const both = [1, 2].map(() => stranger.request(ip('10.77.0.100')))
  there.after(1)
  both.push(stranger.request(ip('10.77.0.100')))
  await settle()
  gate.reject(new Error('disk full'))
  assert.deepEqual(await Promise.all(both), [undefined, undefined, undefined])
  assert.equal(there.leases.ofAddress('provisioning', ip('10.77.0.100'))?.state, 'offered')
})

test('a reservation is durable in the configuration: its node is answered though the disk refuses', async () => {
  const { client, store, there } = scene()
  const [node, stranger] = [client(NODE01), client()]
  store.disk = () => Promise.reject(new Error('disk full'))
  assert.equal((await node.dora())?.type, 'ACK')
  assert.equal(node.address, '10.77.0.11')
  assert.equal(there.leases.ofAddress('provisioning', ip('10.77.0.11'))?.state, 'bound')
  assert.equal((await node.renew())?.type, 'ACK')
  assert.equal(await stranger.dora(), undefined)
})

test('X34: nor does an OFFER with which an address is given back, and its new owner gets that at once', async () => {
  const there = world().labNodes().lease('10.77.0.11', STRANGER)
  const { client, store } = scene(there)
  store.disk = () => Promise.reject(new Error('disk full'))
  const [stranger, node] = [client(), client(NODE01)]
  assert.equal((await stranger.discover())?.type, 'OFFER')
  assert.equal((await node.dora())?.type, 'ACK')
  assert.equal(node.address, '10.77.0.11')
})

test('two reservations that change places: both nodes have theirs after one renewal and one DISCOVER each', async () => {
  const first = mac('52:54:00:00:00:0a')
  const second = mac('52:54:00:00:00:0b')
  const there = world()
    .node('n1', first, { address: '10.77.0.21' })
    .node('n2', second, { address: '10.77.0.22' })
  const { client } = scene(there.lease('10.77.0.22', first).lease('10.77.0.21', second))
  const nodes = [client(first), client(second)]
  for (const [i, address] of ['10.77.0.22', '10.77.0.21'].entries())
    assert.equal((await nodes[i]?.renewOf(ip(address)))?.type, 'NAK')
  for (const node of nodes) assert.equal((await node.dora())?.type, 'ACK')
  assert.deepEqual(
    nodes.map(({ address }) => address),
    ['10.77.0.21', '10.77.0.22'],
  )
})

test('where another server gives the addresses, what machines say they have is no lease', async () => {
  const there = world().network({ dhcp: 'proxy' })
  const { running: server, on } = running(there, new MemoryStore())
  const client = new DhcpClient(STRANGER, { running: server, on })
  await client.request(ip('10.77.0.142'), ip('10.77.0.9'))
  assert.equal([...there.leases.all()].length, 0)
  assert.equal(machineAt('10.77.0.142', on, server), STRANGER)
  there.after(3_600_000)
  assert.equal(machineAt('10.77.0.142', on, server), undefined)
})

test('X34: an OFFER waits for no disk', async () => {
  const { client, store } = scene()
  store.disk = () => new Promise(() => {})
  assert.equal((await client().discover())?.type, 'OFFER')
})

test('S04, O02: a client that chooses another server lets the offer go, and is lost to that server', async () => {
  const { client, there, store } = scene()
  const stranger = client()
  await stranger.discover()
  assert.equal(await stranger.request(ip('10.77.0.100'), ip('10.77.0.9')), undefined)
  assert.equal(there.leases.ofAddress('provisioning', ip('10.77.0.100')), undefined)
  assert.equal(store.told.at(-1), 'lost to 10.77.0.9 (it was offered 10.77.0.100 here)')
  assert.deepEqual(
    store.events
      .filter(({ kind }) => kind === 'dhcp.lost-to')
      .map(({ mac, detail }) => [mac, detail['server']]),
    [[STRANGER, '10.77.0.9']],
  )
})

test('O02: not lost is who was offered nothing; a client with a lease of ours is', async () => {
  const { client, store } = scene()
  const stranger = client()
  await stranger.request(ip('10.77.0.100'), ip('10.77.0.9'))
  assert.equal(store.told.at(-1), 'no answer the client chose the server 10.77.0.9')
  await stranger.dora()
  await stranger.discover()
  await stranger.request(ip('10.77.0.200'), ip('10.77.0.9'))
  assert.equal(store.told.at(-1), 'lost to 10.77.0.9 (it was offered 10.77.0.100 here)')
})

test('S19, S22: declined addresses are quarantined, three of one client', async () => {
  const { client, there } = scene()
  const stranger = client()
  for (let i = 0; i < 20; i += 1) {
    await stranger.dora()
    await stranger.decline()
  }
  const declined = [...there.leases.all()].filter(({ state }) => state === 'declined')
  assert.deepEqual(
    declined.map(({ address }) => address),
    ['10.77.0.100', '10.77.0.101', '10.77.0.102'].map(ip),
  )
})

test('observe mode sends nothing, writes nothing, and says what it would do', async () => {
  const { client, store, there } = scene(world().labNodes().network({ dhcp: 'observe' }))
  const node = client(NODE01)
  assert.equal(await node.discover(), undefined)
  assert.equal(await node.request(ip('10.77.0.11')), undefined)
  assert.deepEqual(
    [...there.leases.all()].map(({ state }) => state),
    ['offered'],
  )
  assert.equal(store.leases.length, 0)
  assert.deepEqual(store.told, [
    'would answer 10.77.0.11 rom uefi-x64 OFFER snponly.efi (set dhcp: server)',
    'would answer 10.77.0.11 rom uefi-x64 ACK snponly.efi (set dhcp: server)',
  ])
  assert.equal(store.seen.at(-1)?.mac, NODE01)
})

test('a client that the network does not serve gets silence, its reason, and no lease', async () => {
  const { client, store, there } = scene(world().network({ clients: 'known' }))
  assert.equal(await client().discover(), undefined)
  assert.equal([...there.leases.all()].length, 0)
  assert.deepEqual(store.told, [
    'DISCOVER rom uefi-x64',
    'no answer clients: known, and no node describes it',
  ])
})

test('D03: every vector cut behind its header is BOOTP, and gets silence', async () => {
  const { server, store, there } = scene()
  for (const { name, bytes } of vectors()) {
    const reply = await answerDhcp(bytes.subarray(0, 239), server.on, server.running)
    assert.equal(reply, undefined, name)
  }
  assert.equal([...there.leases.all()].length, 0)
  assert.ok(
    store.events.some(({ detail }) =>
      /^BOOTP \(no option 53\), and bootp: is off$/.test(`${detail['reason']}`),
    ),
  )
})

test('D04: malformed packets and every cut of every vector are never answered, thrown or remembered', async () => {
  const { server, store, there } = scene()
  for (const { name, bytes } of vectors())
    for (const length of [0, 1, 28, 44, 108, 235]) {
      const reply = await answerDhcp(bytes.subarray(0, length), server.on, server.running)
      assert.equal(reply, undefined, `${name} cut at ${length}`)
    }
  assert.equal([...there.leases.all()].length, 0)
  assert.equal(store.seen.length, 0)
  assert.deepEqual(
    new Set(store.events.map(({ kind, mac, address }) => [kind, mac !== undefined, address].join(' '))).has(
      'dhcp.ignored false ',
    ),
    true,
  )
  assert.ok(store.events.every(({ kind }) => kind === 'dhcp.ignored'))
})

/** Everything that can go on without the disk has gone on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await Promise.resolve()
}
