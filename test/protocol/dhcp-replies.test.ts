/** Conformance cases from octets to octets: where replies go, through relays and on several interfaces. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerDhcp } from '../../src/app/answer-dhcp.ts'
import type { ServedNetwork } from '../../src/app/served-network.ts'
import { formatIpv4, type Ipv4 } from '../../src/lib/ipv4.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import { BROADCAST_FLAG } from '../../src/protocol/dhcp4/message.ts'
import { dhcpMessages, vector } from '../helpers/dhcp-fixtures.ts'
import {
  BEHIND,
  CLIENT,
  decoded,
  from,
  hexOf,
  option,
  STRANGER,
  scene,
  where,
  withOptions,
  yiaddr,
} from '../helpers/worked-scene.ts'
import { ip, network, pool } from '../helpers/world.ts'

test('S16: RENEW by routed unicast: the subnet is that of ciaddr', async () => {
  const { send, store } = scene()
  const reply = await send({ ...from(decoded('P7'), STRANGER), ciaddr: ip('198.51.100.77') })
  assert.equal(reply?.type, 'ACK')
  assert.equal(where(reply), 'unicast 198.51.100.77')
  assert.equal(option(reply, 3), hexOf('198.51.100.1'))
  assert.equal(store.leases.at(-1)?.network, 'behind')
})

test('a relay that its network does not list is not believed', async () => {
  const listed = { ...BEHIND, relays: [ip('198.51.100.7')] }
  assert.equal(where(await scene({}, [listed]).send(vector('P23').bytes)), 'silence')
  const there = scene({}, [{ ...BEHIND, relays: [ip('198.51.100.1')] }])
  assert.equal(where(await there.send(vector('P23').bytes)), 'relay 198.51.100.1 67')
})

test('A01, A02: without the broadcast flag to the link-layer address, with it broadcast', async () => {
  const { send } = scene()
  assert.equal(where(await send({ ...decoded('P9'), flags: 0 })), `link 192.0.2.50 ${CLIENT}`)
  assert.equal(where(await send({ ...decoded('P9'), flags: BROADCAST_FLAG })), 'broadcast')
})

test('A03, A04: a relay is answered at port 67, or at its own where option 82.19 says so', async () => {
  const relayed = decoded('P23')
  assert.equal(where(await scene().send(relayed, 1067)), 'relay 198.51.100.1 67')
  const ownPort = withOptions(relayed, { 82: '010203041300' })
  assert.equal(where(await scene().send(ownPort, 1067)), 'relay 198.51.100.1 1067')
})

test('A05: a NAK to a relay has the broadcast flag and option 82', async () => {
  const { send } = scene()
  const lost = { ...decoded('P5'), flags: 0, giaddr: ip('198.51.100.1'), hops: 1 }
  const reply = await send(withOptions(lost, { 82: '01020304' }))
  assert.equal(reply?.type, 'NAK')
  assert.equal(where(reply), 'relay 198.51.100.1 67')
  assert.equal(reply.message.flags, BROADCAST_FLAG)
  assert.deepEqual(reply.message.options.at(-1), { code: 82, data: Uint8Array.of(1, 2, 3, 4) })
})

test('A06: no reply to any message we have goes to the broadcast address of a subnet', async () => {
  let replies = 0
  for (const { name, bytes } of dhcpMessages()) {
    const { send } = scene()
    const reply = await send(bytes)
    if (reply === undefined) continue
    replies += 1
    assert.doesNotMatch(where(reply), /\.255/, name)
  }
  assert.ok(replies > 40)
  const claims = { ...decoded('P28'), ciaddr: ip('192.0.2.255') }
  assert.doesNotMatch(where(await scene().send(claims)), /\.255/, 'nor to one that a client claims')
})

test('A09: on another interface, its address is the server everywhere', async () => {
  const made = scene()
  const second: ServedNetwork = {
    network: network('203.0.113.0/24', {
      name: 'second',
      interface: 'eth1',
      pools: pool('203.0.113.50-203.0.113.99'),
    }),
    interface: 'eth1',
    address: ip('203.0.113.2'),
  }
  const config = made.running.picture.config
  made.running.picture = {
    ...made.running.picture,
    config: { ...config, networks: [config.networks[0] ?? BEHIND, second.network] },
  }
  const reply = await answerDhcp(encodeDhcp4(from(decoded('P9'), STRANGER)), second, made.running)
  assert.deepEqual(
    [yiaddr(reply), formatIpv4(reply?.message.siaddr ?? ip('0.0.0.0')), option(reply, 54)],
    ['203.0.113.50', '203.0.113.2', hexOf('203.0.113.2')],
  )
  assert.equal(Buffer.from(option(reply, 67), 'hex').toString(), 'http://203.0.113.2:8080/boot.ipxe')
})

test('A10, A11: option 82.5, else 118, chooses the subnet; the reply goes to giaddr', async () => {
  for (const change of [{ 82: `0504${hexOf('203.0.113.0')}` }, { 118: hexOf('203.0.113.0') }]) {
    const reply = await scene().send(withOptions(decoded('P23'), { 82: '', ...change }))
    assert.deepEqual([yiaddr(reply), where(reply)], ['203.0.113.50', 'relay 198.51.100.1 67'])
  }
})

test('A12: option 82.11 is the server identifier of replies, and ours in the REQUEST', async () => {
  const { send } = scene()
  const override = hexOf('198.51.100.1')
  const discover = withOptions(decoded('P23'), { 82: `0b04${override}` })
  const offer = await send(discover)
  assert.equal(option(offer, 54), override)
  assert.equal(formatIpv4(offer?.message.siaddr ?? ip('0.0.0.0')), '192.0.2.2', 'files come from us')
  const selecting = withOptions(discover, { 53: '03', 50: hexOf(yiaddr(offer)), 54: override })
  const ack = await send(selecting)
  assert.deepEqual([ack?.type, option(ack, 54)], ['ACK', override])
  assert.equal(await send({ ...selecting, giaddr: ip('0.0.0.0') }), undefined, 'only where a relay says it')
})

test('A13: option 82 without giaddr, as a snooping switch adds it: it comes back, the reply is direct', async () => {
  const reply = await scene().send(withOptions(decoded('P1'), { 82: '0104000a0102' }))
  assert.equal(where(reply), 'broadcast')
  assert.equal(option(reply, 82), '0104000a0102')
  assert.equal(reply?.message.options.at(-1)?.code, 82)
})

test('A14: one DISCOVER by two relays: one address, an answer to each', async () => {
  const { send } = scene()
  const relays: readonly Ipv4[] = [ip('198.51.100.1'), ip('198.51.100.2')]
  const offers = await Promise.all(relays.map((giaddr) => send({ ...decoded('P23'), giaddr })))
  assert.deepEqual(offers.map(where), ['relay 198.51.100.1 67', 'relay 198.51.100.2 67'])
  assert.deepEqual(offers.map(yiaddr), ['198.51.100.50', '198.51.100.50'])
})

test('A15: a relay that no network has gets silence, and an event says which', async () => {
  const { send, store } = scene()
  assert.equal(await send({ ...decoded('P23'), giaddr: ip('100.64.0.1') }), undefined)
  assert.match(store.told.at(-1) ?? '', /relayed by 100\.64\.0\.1: no network has 100\.64\.0\.1/)
})

test('S26: INFORM without ciaddr is answered where it came from', async () => {
  const inform = { ...decoded('P28'), ciaddr: ip('0.0.0.0') }
  const reply = await scene().send(inform, { sourceAddress: ip('192.0.2.77'), sourcePort: 68 })
  assert.equal(where(reply), 'unicast 192.0.2.77')
  assert.equal(where(await scene().send(inform)), 'silence')
})
