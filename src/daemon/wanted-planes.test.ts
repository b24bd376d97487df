import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ip, network } from '../../test/helpers/world.ts'
import { formatIpv4, type Ipv4, subnetContains } from '../lib/ipv4.ts'
import type { Network } from '../model/config.ts'
import { wantedPlanes } from './wanted-planes.ts'

/** One text a network: what opens, at which address, with which subnets of its link; or what it waits for. */
function wanted(networks: readonly Network[], ours: Readonly<Record<string, string>>): readonly string[] {
  const addresses = Object.entries(ours).flatMap(([name, list]) =>
    list.split(' ').map((text): readonly [string, Ipv4] => [name, ip(text)]),
  )
  const found = wantedPlanes(networks, {
    on: (name, subnet, one) =>
      addresses.find(
        ([device, address]) =>
          device === name && (one === undefined ? subnetContains(subnet, address) : address === one),
      )?.[1],
    has: (address) => addresses.some(([, one]) => one === address),
  })
  return found.map((one) => {
    switch (one.kind) {
      case 'open': {
        const { network: of, interface: name = 'any', address, link } = one.served
        const subnets = link?.map((other) => `${other.network.name}=${formatIpv4(other.address)}`)
        const at = `${formatIpv4(address)}%${name}`
        return `${of.name} ${at} ${[...one.planes].join(' ')}${subnets === undefined ? '' : ` (${subnets.join(' ')})`}`
      }
      case 'with':
        return `${one.network.name} with ${one.others.join('|')}`
      case 'waits':
        return `${one.network.name} ${one.problem}`
      default:
        return one satisfies never
    }
  })
}

const LOCAL = network('10.77.0.0/24')
const relayed = (name: string, subnet: string, parts: Partial<Network> = {}): Network => {
  const { interface: _, ...rest } = network(subnet, { name, ...parts })
  return rest
}

describe('networks on interfaces', () => {
  for (const [dhcp, planes] of [
    ['server', 'dhcp boot-server tftp http'],
    ['proxy', 'dhcp boot-server tftp http'],
    ['observe', 'dhcp tftp http'],
    ['off', 'tftp http'],
  ] as const)
    test(dhcp, () =>
      assert.deepEqual(wanted([{ ...LOCAL, dhcp }], { prov0: '10.77.0.1' }), [
        `provisioning 10.77.0.1%prov0 ${planes}`,
      ]),
    )

  test('without its address it waits', () =>
    assert.deepEqual(wanted([LOCAL], { eth0: '10.77.0.1', prov0: '10.0.0.1' }), [
      'provisioning waiting: the interface prov0 is missing, down, without carrier, or without an address in 10.77.0.0/24',
    ]))
})

describe('networks behind relays', () => {
  const address = ip('192.0.2.1')
  const one = relayed('one', '10.78.0.0/24', { address })
  const two = relayed('two', '10.79.0.0/24', { address, dhcp: 'observe' })

  test('several with one address have one set of sockets, with all that any of them needs', () => {
    assert.deepEqual(wanted([two, one], { lo: '192.0.2.1' }), [
      'two 192.0.2.1%any dhcp boot-server tftp http',
      'one with two',
    ])
    assert.deepEqual(wanted([two], { lo: '192.0.2.1' }), ['two 192.0.2.1%any dhcp tftp http'])
  })

  test('an address that no interface has is waited for', () =>
    assert.deepEqual(wanted([one], { lo: '127.0.0.1' }), [
      'one waiting: no interface that is up has 192.0.2.1',
    ]))

  test('without an address of their own the sockets of the others hear their relays', () =>
    assert.deepEqual(wanted([relayed('one', '10.78.0.0/24'), LOCAL], { prov0: '10.77.0.1' }), [
      'provisioning 10.77.0.1%prov0 dhcp boot-server tftp http',
      'one with provisioning',
    ]))

  test('which of the others do, only the relays know; those with dhcp: off hear none', () => {
    const [first, second] = [relayed('one', '10.78.0.0/24'), relayed('off', '10.81.0.0/24', { dhcp: 'off' })]
    const off = network('10.80.0.0/24', { name: 'quiet', interface: 'prov1', dhcp: 'off' })
    const far = relayed('far', '10.79.0.0/24', { address })
    assert.deepEqual(
      wanted([first, second, far, LOCAL, off], { prov0: '10.77.0.1', lo: '192.0.2.1' }).slice(2),
      [
        'far 192.0.2.1%any dhcp boot-server tftp http',
        'one with far|provisioning',
        'off with far|provisioning|quiet',
      ],
    )
  })

  test('what a network on an interface has open at that address is not opened again', () => {
    const ours = relayed('one', '10.78.0.0/24', { address: ip('10.77.0.1') })
    assert.deepEqual(wanted([ours, LOCAL], { prov0: '10.77.0.1' }), [
      'provisioning 10.77.0.1%prov0 dhcp boot-server tftp http',
      'one with provisioning',
    ])
    assert.deepEqual(wanted([ours, { ...LOCAL, dhcp: 'off' }], { prov0: '10.77.0.1' }), [
      'provisioning 10.77.0.1%prov0 tftp http',
      'one 10.77.0.1%any dhcp boot-server',
    ])
  })
})

describe('several subnets of one link', () => {
  const a = network('10.77.0.0/24', { name: 'a', sharedNetwork: 'rack' })
  const b = network('10.78.0.0/24', { name: 'b', sharedNetwork: 'rack' })

  test('one socket hears DHCP; loaders and scripts come from our address in each', () =>
    assert.deepEqual(wanted([a, b], { prov0: '10.77.0.1 10.78.0.1' }), [
      'a 10.77.0.1%prov0 dhcp boot-server tftp http (a=10.77.0.1 b=10.78.0.1)',
      'b 10.78.0.1%prov0 boot-server tftp http (a=10.77.0.1 b=10.78.0.1)',
    ]))

  test('a subnet without an address of ours is served from that of another', () => {
    assert.deepEqual(wanted([a, b], { prov0: '10.77.0.1' }), [
      'a 10.77.0.1%prov0 dhcp boot-server tftp http (a=10.77.0.1 b=10.77.0.1)',
      'b with a',
    ])
    assert.deepEqual(wanted([a, b], { prov0: '10.78.0.1' }), [
      'a 10.78.0.1%prov0 dhcp (a=10.78.0.1 b=10.78.0.1)',
      'b 10.78.0.1%prov0 boot-server tftp http (a=10.78.0.1 b=10.78.0.1)',
    ])
  })

  test('an address that is written is waited for', () =>
    assert.deepEqual(wanted([{ ...a, address: ip('10.77.0.2') }, b], { prov0: '10.77.0.1 10.78.0.1' }), [
      'a waiting: the interface prov0 is missing, down, without carrier, or without 10.77.0.2',
      'b waiting: the interface prov0 is missing, down, without carrier, or without 10.77.0.2, for a, which hears its link',
    ]))
})
