import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip, network, world } from '../../test/helpers/world.ts'
import { formatIpv4, type Ipv4 } from '../lib/ipv4.ts'
import type { Network } from '../model/config.ts'
import { blankMessage, type DhcpMessage, type DhcpOption } from '../protocol/dhcp4/message.ts'
import { ipv4Value } from '../protocol/dhcp4/option-values.ts'
import { whichNetwork } from './which-network.ts'

const { interface: _, ...BEHIND } = network('10.78.0.0/24', { name: 'behind' })
const { interface: __, ...FAR } = network('203.0.113.0/24', { name: 'far' })
const OFF: Network = { ...network('10.79.0.0/24', { name: 'off', interface: 'off0' }), dhcp: 'off' }

/** `network address` of the message as it arrives on `provisioning`, or why nobody answers. */
function which(
  change: Partial<DhcpMessage>,
  at: 'interface' | 'address' = 'interface',
  source?: Ipv4,
): string {
  const config = world().config()
  const [own] = config.networks
  assert.ok(own !== undefined)
  const networks = [own, BEHIND, FAR, OFF]
  const arrival =
    at === 'interface'
      ? { network: own, interface: 'prov0', address: ip('10.77.0.1') }
      : { network: BEHIND, address: ip('192.0.2.1') }
  const message = { ...blankMessage('request'), ...change }
  const found = whichNetwork(message, arrival, { ...config, networks }, source)
  return found.ok ? `${found.value.network.name} ${formatIpv4(found.value.address)}` : found.error
}

function relayAgent(code: number, address: Ipv4): DhcpOption {
  return { code: 82, data: Uint8Array.of(code, 4, ...ipv4Value(address)) }
}

const giaddr = ip('10.78.0.1')
const DISCOVER: DhcpOption = { code: 53, data: Uint8Array.of(1) }

for (const forged of ['255.255.255.255', '127.0.0.1', '224.0.0.1', '8.8.8.8', '10.99.0.1'])
  test(`A15: nothing goes to a giaddr of ${forged}, whatever link it selects`, () =>
    assert.equal(
      which({ giaddr: ip(forged), options: [relayAgent(5, ip('203.0.113.0'))] }),
      `relayed by ${forged}: it is in no network and no relays:`,
    ))

test('A15: nor to our own address', () => {
  const change = { giaddr: ip('10.77.0.1'), options: [relayAgent(5, ip('203.0.113.0'))] }
  assert.equal(which(change), 'relayed by 10.77.0.1: that is our own address')
})

for (const [name, change, expected] of [
  ['a direct client', {}, 'provisioning 10.77.0.1'],
  ['a relay on another network', { giaddr }, 'behind 10.77.0.1'],
  ['a relay on our own network', { giaddr: ip('10.77.0.9') }, 'provisioning 10.77.0.1'],
  [
    'A15: a relay that no network has',
    { giaddr: ip('10.99.0.1') },
    'relayed by 10.99.0.1: no network has 10.99.0.1',
  ],
  [
    'a relay on a network without DHCP',
    { giaddr: ip('10.79.0.1') },
    'relayed by 10.79.0.1: off has dhcp: off',
  ],
  [
    'A10: link selection (option 82.5) is stronger than giaddr',
    { giaddr, options: [relayAgent(5, ip('203.0.113.0'))] },
    'far 10.77.0.1',
  ],
  [
    'A11: subnet selection (option 118) without 82.5',
    { giaddr, options: [{ code: 118, data: ipv4Value(ip('203.0.113.0')) }] },
    'far 10.77.0.1',
  ],
  ['S16: a client behind a relay renews by unicast', { ciaddr: ip('10.78.0.77') }, 'behind 10.77.0.1'],
  [
    'a ciaddr in a DISCOVER means nothing',
    { ciaddr: ip('10.78.0.77'), options: [DISCOVER] },
    'provisioning 10.77.0.1',
  ],
  ['a client of our own renews', { ciaddr: ip('10.77.0.77') }, 'provisioning 10.77.0.1'],
  [
    'an address of another interface of ours is no renewal here',
    { ciaddr: ip('10.79.0.77') },
    'provisioning 10.77.0.1',
  ],
  ['an address nobody has', { ciaddr: ip('10.99.0.77') }, 'provisioning 10.77.0.1'],
] as const)
  test(name, () => assert.equal(which(change), expected))

const client = ip('10.78.0.77')
const NOBODY = 'sent to 192.0.2.1 by no relay, from no network behind one'
for (const [name, change, source, expected] of [
  ['a relay', { giaddr }, giaddr, 'behind 192.0.2.1'],
  ['a relay of a network on an interface', { giaddr: ip('10.77.0.9') }, undefined, 'provisioning 192.0.2.1'],
  ['S16: a renewal', { ciaddr: client }, client, 'behind 192.0.2.1'],
  ['a question to port 4011 without ciaddr', {}, client, 'behind 192.0.2.1'],
  ['a client of a network on an interface', { ciaddr: ip('10.77.0.77') }, ip('10.77.0.77'), NOBODY],
  ['nobody in particular', {}, undefined, NOBODY],
] as const)
  test(`at an address for relays alone: ${name}`, () =>
    assert.equal(which(change, 'address', source), expected))
