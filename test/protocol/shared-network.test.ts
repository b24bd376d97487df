/** Several subnets of one link, from octets to octets. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { thinkDhcp } from '../../src/app/think-dhcp.ts'
import { supposeMessage } from '../../src/boot/suppose.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import { bootFileName } from '../../src/protocol/dhcp4/options.ts'
import { ip, mac, told } from '../helpers/world.ts'
import { yamlScene } from '../helpers/yaml-scene.ts'

const subnet = (name: string, net: string, more = ''): string =>
  `  - {name: ${name}, sharedNetwork: rack, subnet: ${net}.0/24, address: ${net}.1, router: ${net}.254, dhcp: server, pool: ${net}.100-${net}.101${more}}\n`
const RACK = `networks:
${subnet('a', '10.77.0', ', interface: prov0')}${subnet('b', '10.78.0', ', interface: prov0')}${subnet('c', '10.79.0', ', interface: prov0')}nodes:
  - {name: n1, mac: "52:54:00:77:00:01", address: 10.78.0.11}
`
const [NODE, ONE, TWO, THREE, FOUR, FIVE] = [
  '52:54:00:77:00:01',
  ...[1, 2, 3, 4, 5].map((i) => `52:54:00:aa:00:0${i}`),
] as [string, string, string, string, string, string]
const discover = { type: 'DISCOVER' } as const
const select = (address: string, net: string) =>
  ({ type: 'REQUEST', requested: ip(address), server: ip(`${net}.1`) }) as const

test('the subnets are filled in their order, each with its own options and address of ours', async () => {
  const { ask, bound } = await yamlScene(RACK)
  const expected = [
    [ONE, '10.77.0', '100'],
    [TWO, '10.77.0', '101'],
    [THREE, '10.78.0', '100'],
    [FOUR, '10.78.0', '101'],
    [FIVE, '10.79.0', '100'],
  ] as const
  for (const [client, net, host] of expected) {
    assert.equal(
      await ask(client, discover),
      `OFFER ${net}.${host} of ${net}.1 router ${net}.254 by link`.replace('by link', `to ${net}.${host}`),
    )
    assert.equal(
      await ask(client, select(`${net}.${host}`, net)),
      `ACK ${net}.${host} of ${net}.1 router ${net}.254 to ${net}.${host}`,
    )
  }
  assert.deepEqual(bound(), [
    `a 10.77.0.100 ${ONE}`,
    `a 10.77.0.101 ${TWO}`,
    `b 10.78.0.100 ${THREE}`,
    `b 10.78.0.101 ${FOUR}`,
    `c 10.79.0.100 ${FIVE}`,
  ])
})

test('a reservation selects its subnet; a lease, and an address asked for, keep theirs', async () => {
  const { ask } = await yamlScene(RACK)
  assert.match(await ask(NODE, discover), /^OFFER 10\.78\.0\.11 of 10\.78\.0\.1 router 10\.78\.0\.254 /)
  const wish = { type: 'DISCOVER', requested: ip('10.79.0.101') } as const
  assert.match(await ask(ONE, wish), /^OFFER 10\.79\.0\.101 of 10\.79\.0\.1 /)
  assert.match(await ask(ONE, select('10.79.0.101', '10.79.0')), /^ACK 10\.79\.0\.101 /)
  assert.match(await ask(ONE, discover), /^OFFER 10\.79\.0\.101 of 10\.79\.0\.1 /)
})

test('S31: an exhausted link is silence, with the reason of each subnet', async () => {
  const { ask, store, running, on } = await yamlScene(RACK)
  for (let i = 0; i < 6; i += 1) await ask(`52:54:00:bb:00:0${i}`, discover)
  assert.equal(await ask(ONE, discover), 'silence')
  assert.deepEqual(store.events.at(-1)?.detail, { reason: 'no free address on the shared network rack' })
  const message = supposeMessage({ mac: mac(ONE), arch: 'uefi-x64', stage: 'os', via: 'dhcp', form: 'ipxe' })
  const thought = thinkDhcp(encodeDhcp4(message), on('a'), running)
  assert.ok(thought.ok)
  assert.deepEqual(told(thought.value.lease.trace), [
    'network.shared config: a of rack: no free address on a',
    'network.shared config: b of rack: no free address on b',
    'network.shared config: c of rack: no free address on c',
  ])
})

test('S08, S10: INIT-REBOOT with an address of a sibling subnet is on the right link, another one gets a NAK', async () => {
  const { ask, bound } = await yamlScene(RACK)
  assert.match(
    await ask(ONE, { type: 'REQUEST', requested: ip('10.79.0.100') }),
    /^ACK 10\.79\.0\.100 of 10\.79\.0\.1 /,
  )
  assert.equal(
    await ask(ONE, { type: 'REQUEST', requested: ip('10.80.0.100') }),
    'NAK of 10.77.0.1 by broadcast',
  )
  assert.equal(
    await ask(TWO, { type: 'REQUEST', requested: ip('10.79.0.100') }),
    'NAK of 10.79.0.1 by broadcast',
  )
  assert.deepEqual(bound(), [`c 10.79.0.100 ${ONE}`])
})

test('S13: a renewal is about the subnet of ciaddr; RELEASE and DECLINE too', async () => {
  const { ask, bound, running } = await yamlScene(RACK)
  const requested = ip('10.78.0.100')
  await ask(ONE, { type: 'REQUEST', requested })
  assert.equal(
    await ask(ONE, { type: 'REQUEST', ciaddr: requested }),
    'ACK 10.78.0.100 of 10.78.0.1 router 10.78.0.254 to 10.78.0.100',
  )
  assert.equal(await ask(ONE, { type: 'RELEASE', ciaddr: requested, server: ip('10.78.0.1') }), 'silence')
  assert.deepEqual(bound(), [])
  await ask(ONE, { type: 'REQUEST', requested })
  await ask(ONE, { type: 'DECLINE', requested, server: ip('10.78.0.1') })
  assert.equal(running.leases.ofAddress('b', requested)?.state, 'declined')
})

test('one client has one address on the link: what it had in a sibling subnet is free again', async () => {
  const { ask, bound, store } = await yamlScene(RACK)
  await ask(ONE, { type: 'REQUEST', requested: ip('10.77.0.100') })
  await ask(ONE, { type: 'REQUEST', requested: ip('10.78.0.100') })
  assert.deepEqual(bound(), [`b 10.78.0.100 ${ONE}`])
  assert.deepEqual(
    store.leases.map(({ network, state }) => `${network} ${state}`),
    ['a bound', 'a released', 'b bound'],
  )
})

test('S04: each of our addresses on the link is ours; a client that chooses another server lets the offer go', async () => {
  const { ask, running, store } = await yamlScene(RACK)
  assert.match(await ask(ONE, discover), /^OFFER 10\.77\.0\.100 /)
  assert.match(await ask(ONE, select('10.77.0.100', '10.79.0')), /^ACK 10\.77\.0\.100 of 10\.77\.0\.1 /)
  assert.match(await ask(TWO, discover), /^OFFER 10\.77\.0\.101 /)
  assert.equal(await ask(TWO, select('10.78.0.101', '10.99.0')), 'silence')
  assert.equal(running.leases.ofAddress('a', ip('10.77.0.101')), undefined)
  assert.deepEqual(
    store.events.filter(({ kind }) => kind === 'dhcp.foreign').map(({ detail }) => detail['server']),
    ['10.99.0.1'],
  )
})

const RELAYED = `networks:
${subnet('a', '10.77.0', ', relays: [10.77.0.254]')}${subnet('b', '10.78.0')}`.replaceAll(
  /address: \S+,/g,
  'address: 192.0.2.1,',
)

test('A03: a relay with an address of any of the subnets; what it has listed anywhere counts for the link', async () => {
  const { ask } = await yamlScene(RELAYED)
  const at = { at: 'a' }
  const first = { type: 'DISCOVER', giaddr: ip('10.77.0.254') } as const
  for (const [client, address] of [
    [ONE, '10.77.0.100'],
    [TWO, '10.77.0.101'],
    [THREE, '10.78.0.100'],
  ] as const)
    assert.match(
      await ask(client, first, at),
      new RegExp(`^OFFER ${address} of 192\\.0\\.2\\.1 .* to 10\\.77\\.0\\.254$`),
    )
  assert.equal(await ask(FOUR, { ...first, giaddr: ip('10.78.0.254') }, at), 'silence')
})

test('the boot file and its server are those of the chosen subnet', async () => {
  const { send } = await yamlScene(RACK)
  const rom = await send(NODE, discover, { stage: 'rom' })
  assert.equal(rom?.message.siaddr, ip('10.78.0.1'))
  assert.equal(rom?.source, ip('10.78.0.1'))
  const ipxe = await send(NODE, discover, { stage: 'ipxe' })
  assert.ok(ipxe)
  assert.equal(bootFileName(ipxe.message), 'http://10.78.0.1:8080/boot.ipxe')
})
