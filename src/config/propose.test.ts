import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ip } from '../../test/helpers/world.ts'
import {
  addIpv4,
  broadcastOf,
  formatIpv4,
  type Ipv4,
  maskOf,
  rangeContains,
  type Subnet,
  subnetContains,
} from '../lib/ipv4.ts'
import { parseMac } from '../lib/mac.ts'
import type { HeardServer, Hearing, Host, HostInterface } from '../model/host.ts'
import {
  freePool,
  interfacesToAsk,
  type NetworkProposal,
  proposeNetwork,
  rankInterfaces,
  type Wishes,
} from './propose.ts'

function net(text: string, prefix = 24): Subnet {
  return { network: ip(text), prefix }
}

function card(name: string, rest: Partial<HostInterface> = {}): HostInterface {
  const mac = parseMac('52:54:00:00:00:01')
  assert.ok(mac)
  return { name, mac, subnets: [], isRunning: true, hasDefaultRoute: false, ...rest }
}

function host(...interfaces: readonly HostInterface[]): Host {
  return { interfaces, neighbours: [], hasDhcpServer: false }
}

const ETH0 = card('eth0', {
  subnets: [{ subnet: net('192.168.1.0'), address: ip('192.168.1.20') }],
  hasDefaultRoute: true,
  gateway: ip('192.168.1.1'),
})
const ETH1 = card('eth1', { subnets: [{ subnet: net('10.77.0.0'), address: ip('10.77.0.1') }] })
const DOCKER = card('docker0', { subnets: [{ subnet: net('172.17.0.0', 16), address: ip('172.17.0.1') }] })
const CABLE = card('eth2', { subnets: [{ subnet: net('10.88.0.0') }], isRunning: false })
const BARE = card('eth3')
const TUNNEL: HostInterface = { ...card('wg0'), subnets: [{ subnet: net('10.6.0.0') }] }

function listened(servers: readonly HeardServer[], interfaces = ['eth0', 'eth1']): Hearing {
  return { kind: 'listened', interfaces, seconds: 5, servers }
}

const SILENCE = listened([])
const NOT: Hearing = { kind: 'not-listened', why: 'that needs root' }
const OTHER: HeardServer = {
  interface: 'eth1',
  address: ip('10.77.0.254'),
  kind: 'dhcp',
  offered: ip('10.77.0.200'),
  router: ip('10.77.0.253'),
  dns: [ip('10.77.0.252')],
}

function propose(on: Host, hearing: Hearing, wishes: Wishes = {}): NetworkProposal {
  const proposed = proposeNetwork(on, hearing, wishes)
  assert.ok(proposed.ok, proposed.ok ? '' : proposed.error)
  return proposed.value
}

function summary({ interface: name, dhcp, pool, router, dns }: NetworkProposal): string {
  const range = pool === undefined ? '-' : `${formatIpv4(pool.first)}-${formatIpv4(pool.last)}`
  return [name, dhcp, range, router === undefined ? '-' : formatIpv4(router), ...dns.map(formatIpv4)].join(
    ' ',
  )
}

describe('what is proposed where', () => {
  const proxy: HeardServer = { interface: 'eth1', address: ip('10.77.0.3'), kind: 'proxy', dns: [] }
  const rows: readonly (readonly [string, Host, Hearing, Wishes, string])[] = [
    [
      'silence on a network of its own',
      host(ETH0, ETH1),
      SILENCE,
      {},
      'eth1 server 10.77.0.128-10.77.0.227 -',
    ],
    [
      'another server: its router and name servers, nothing of what it has',
      host(ETH0, ETH1),
      listened([OTHER]),
      {},
      'eth1 observe 10.77.0.128-10.77.0.199 10.77.0.253 10.77.0.252',
    ],
    ['a proxy alone', host(ETH0, ETH1), listened([proxy]), {}, 'eth1 observe 10.77.0.128-10.77.0.227 -'],
    ['nobody listened', host(ETH0, ETH1), NOT, {}, 'eth1 observe 10.77.0.128-10.77.0.227 -'],
    [
      'nobody listened there',
      host(ETH0, ETH1),
      listened([], ['eth0']),
      {},
      'eth1 observe 10.77.0.128-10.77.0.227 -',
    ],
    [
      'one interface, with the default route: no server by itself',
      host(ETH0),
      SILENCE,
      {},
      'eth0 observe 192.168.1.128-192.168.1.227 192.168.1.1',
    ],
    [
      'the operator decides',
      host(ETH0, ETH1),
      listened([OTHER]),
      {
        interface: 'eth0',
        dhcp: 'server',
        pool: { first: ip('192.168.1.50'), last: ip('192.168.1.60') },
        router: ip('192.168.1.9'),
        dns: [],
      },
      'eth0 server 192.168.1.50-192.168.1.60 192.168.1.9',
    ],
    ['no pool is wished', host(ETH1), SILENCE, { pool: 'none' }, 'eth1 server - -'],
    [
      'a bridge of containers comes last',
      host(DOCKER, ETH0),
      SILENCE,
      {},
      'eth0 observe 192.168.1.128-192.168.1.227 192.168.1.1',
    ],
    ['a cable without carrier', host(ETH0, CABLE), SILENCE, {}, 'eth2 observe 10.88.0.128-10.88.0.227 -'],
    [
      'an interface that is not there yet',
      host(ETH0),
      SILENCE,
      { interface: 'eth9', subnet: net('10.9.0.0'), address: ip('10.9.0.200') },
      'eth9 observe 10.9.0.128-10.9.0.199 -',
    ],
    [
      'an interface without an address, and a subnet',
      host(BARE),
      listened([], ['eth3']),
      { subnet: net('10.9.0.0') },
      'eth3 server 10.9.0.128-10.9.0.227 -',
    ],
  ]
  for (const [name, on, hearing, wishes, expected] of rows)
    test(name, () => assert.equal(summary(propose(on, hearing, wishes)), expected))

  test('neighbours keep their addresses', () => {
    const busy = { ...host(ETH1), neighbours: [ip('10.77.0.150'), ip('10.77.0.11')] }
    const { pool, exampleAddress } = propose(busy, SILENCE)
    assert.deepEqual(pool, { first: ip('10.77.0.151'), last: ip('10.77.0.250') })
    assert.equal(exampleAddress, ip('10.77.0.12'))
  })
})

test('what cannot be proposed is asked for', () => {
  for (const [on, wishes, words] of [
    [host(), {}, /no network interface has an IPv4 address/],
    [host(BARE), {}, /no network interface has an IPv4 address/],
    [host(ETH1, BARE), { interface: 'eth3' }, /eth3 has no IPv4 network.*--subnet/],
    [host(ETH1), { interface: 'eth\x1b[2J' }, /^there is no interface eth\\x1b\[2J here; there are eth1/],
  ] as const) {
    const proposed = proposeNetwork(on, SILENCE, wishes)
    assert.match(proposed.ok ? '' : proposed.error, words)
  }
})

describe('warnings', () => {
  const rows: readonly (readonly [string, Host, Hearing, Wishes, readonly RegExp[]])[] = [
    ['watching a network of its own', host(ETH0, ETH1), NOT, {}, []],
    ['serving it', host(ETH0, ETH1), SILENCE, {}, [/makes this machine the DHCP server of 10\.77\.0\.0\/24/]],
    [
      'the default route',
      host(ETH0, ETH1),
      SILENCE,
      { interface: 'eth0' },
      [/^eth0 carries the default route.*--interface chooses/],
    ],
    [
      'the default route alone',
      host(ETH0),
      SILENCE,
      {},
      [/^eth0 carries the default route.*there is no other interface/],
    ],
    [
      'two servers',
      host(ETH1),
      listened([OTHER]),
      { dhcp: 'server' },
      [/although 10\.77\.0\.254 answers DHCP there/],
    ],
    ['serving unheard', host(ETH1), NOT, { dhcp: 'server' }, [/nobody listened.*that needs root/]],
    ['port 67 is taken', { ...host(ETH1), hasDhcpServer: true }, NOT, {}, [/UDP port 67/]],
    ['port 67 is taken, and not wanted', { ...host(ETH1), hasDhcpServer: true }, NOT, { dhcp: 'off' }, []],
    ['no carrier', host(CABLE), NOT, {}, [/^eth2 is not up and running/]],
    [
      'no such interface',
      host(),
      NOT,
      { interface: 'e', subnet: net('10.9.0.0') },
      [/^there is no interface e/],
    ],
    [
      'an address it does not have',
      host(ETH1),
      NOT,
      { address: ip('10.77.0.2') },
      [/ip address add 10\.77\.0\.2\/24 dev eth1/],
    ],
    [
      'a pool over our own address',
      host(ETH1),
      NOT,
      { pool: { first: ip('10.77.0.1'), last: ip('10.77.0.9') } },
      [/the pool contains 10\.77\.0\.1,/],
    ],
  ]
  for (const [name, on, hearing, wishes, expected] of rows)
    test(name, () => {
      const { warnings } = propose(on, hearing, wishes)
      assert.equal(warnings.length, expected.length, warnings.join('\n'))
      expected.forEach((words, i) => {
        assert.match(warnings[i] ?? '', words)
      })
    })
})

test('whom to ask: what runs and is no manager’s; or the one that is wished', () => {
  const all = host(ETH0, ETH1, DOCKER, CABLE, BARE)
  const names = (wishes: Wishes): readonly string[] => interfacesToAsk(all, wishes).map(({ name }) => name)
  assert.deepEqual(names({}), ['eth0', 'eth1', 'eth3'])
  assert.deepEqual(names({ interface: 'docker0' }), ['docker0'])
  assert.deepEqual(names({ interface: 'eth2' }), [])
})

test('what is no Ethernet is never proposed', () => {
  const { mac: _, ...tunnel } = TUNNEL
  assert.deepEqual(rankInterfaces(host(tunnel), SILENCE), [])
})

test('a pool: inside the subnet, nothing taken, the upper half while there is room', () => {
  const subnet = fc
    .tuple(fc.nat(0xffffffff), fc.integer({ min: 8, max: 30 }))
    .map(([bits, prefix]) => ({ network: ((bits & maskOf(prefix)) >>> 0) as Ipv4, prefix }))
  const sample = subnet.chain((of) =>
    fc.record({
      subnet: fc.constant(of),
      taken: fc.array(
        fc.nat(broadcastOf(of) - of.network).map((n) => addIpv4(of.network, n)),
        { maxLength: 40 },
      ),
    }),
  )
  let found = 0
  fc.assert(
    fc.property(sample, ({ subnet: of, taken }) => {
      const pool = freePool(of, taken)
      const hosts = broadcastOf(of) - of.network - 1
      if (pool === undefined) {
        assert.ok(new Set(taken).size >= hosts, 'there was room')
        return
      }
      found += 1
      assert.ok(pool.first <= pool.last && pool.last - pool.first < 100)
      for (const end of [pool.first, pool.last]) {
        assert.ok(subnetContains(of, end))
        assert.ok(end !== of.network && end !== broadcastOf(of))
      }
      for (const one of taken) assert.ok(!rangeContains(pool, one), formatIpv4(one))
      const middle = of.network + (broadcastOf(of) - of.network) / 2
      const isAbove = new Set(taken.filter((one) => one > middle && one < broadcastOf(of))).size
      if (isAbove < Math.floor(hosts / 2)) assert.ok(pool.first > middle)
    }),
    { seed: 20261123, numRuns: 3000 },
  )
  assert.ok(found > 2000)
})

test('a proposal of any host is one that the pool and the example fit', () => {
  const address = fc.nat(0xffffffff).map((n) => n as Ipv4)
  const iface = fc
    .record({
      at: address,
      prefix: fc.integer({ min: 20, max: 30 }),
      gateway: fc.option(address),
      running: fc.boolean(),
    })
    .map(({ at, prefix, gateway, running }) => {
      const subnet = { network: ((at & maskOf(prefix)) >>> 0) as Ipv4, prefix }
      return card('eth1', {
        subnets: [{ subnet, address: at }],
        isRunning: running,
        hasDefaultRoute: gateway !== null,
        ...(gateway === null ? {} : { gateway }),
      })
    })
  const offset = fc.nat(300)
  fc.assert(
    fc.property(iface, offset, offset, (one, a, b) => {
      const network = one.subnets[0]?.subnet.network ?? ip('0.0.0.0')
      const heard = { ...OTHER, address: addIpv4(network, a), router: addIpv4(network, b), dns: [] }
      const { pool, subnet, address: own, router, exampleAddress } = propose(host(one), listened([heard]))
      if (pool !== undefined)
        for (const used of [own, router, heard.address, heard.offered])
          assert.ok(used === undefined || !rangeContains(pool, used))
      if (exampleAddress === undefined) return
      assert.ok(subnetContains(subnet, exampleAddress))
      assert.ok(pool === undefined || !rangeContains(pool, exampleAddress))
      assert.ok(![own, router, subnet.network, broadcastOf(subnet)].includes(exampleAddress))
    }),
    { seed: 20261123, numRuns: 2000 },
  )
})
