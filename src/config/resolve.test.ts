import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ip, mac } from '../../test/helpers/world.ts'
import { DEFAULT_HTTP_LIMITS } from '../model/http-limits.ts'
import { linuxVariants } from '../model/image.ts'
import { DEFAULT_TFTP_LIMITS } from '../model/tftp-limits.ts'
import { BUILTIN_PROFILES } from './builtin-profiles.ts'
import { includedGlobs, resolveConfig } from './resolve.ts'
import { formatProblem } from './source.ts'

const LAB = readFileSync(join(import.meta.dirname, '../../test/fixtures/config/lab.yaml'), 'utf8')
const FILE = '/c/x.yaml'

/** The errors of one file; warnings apart. */
function errors(text: string, included: Readonly<Record<string, string>> = {}): readonly string[] {
  return problems(text, included).filter((line) => !line.includes(': warning: '))
}

function problems(text: string, included: Readonly<Record<string, string>> = {}): readonly string[] {
  const others = Object.entries(included).map(([file, body]) => ({ file, text: body }))
  return resolveConfig({ file: FILE, text }, others).problems.map(formatProblem)
}

describe("the contract's lab.yaml", () => {
  const { config, problems: found } = resolveConfig({ file: '/c/lab.yaml', text: LAB }, [])
  assert.ok(config)

  test('has nothing wrong or doubtful', () => assert.deepEqual(found, []))

  test('server, menu, unknown', () => {
    assert.deepEqual(config.server, {
      stateDir: '/c/state',
      imageStore: '/c/state/images',
      listing: false,
      limits: { http: DEFAULT_HTTP_LIMITS, tftp: DEFAULT_TFTP_LIMITS },
      httpPort: 8080,
      operator: { host: '127.0.0.1', port: 8081 },
      firmware: ['/c/state/firmware', '/usr/lib/ipxe', '/usr/share/ipxe'],
    })
    assert.deepEqual(config.menu, { title: 'Centra boot', timeoutSeconds: 30, default: 'local' })
    assert.equal(config.unknown, 'menu')
  })

  test('the network', () => {
    assert.deepEqual(config.networks, [
      {
        name: 'provisioning',
        interface: 'prov0',
        subnet: { network: ip('10.77.0.0'), prefix: 24 },
        address: ip('10.77.0.1'),
        dhcp: 'server',
        clients: 'all',
        pools: [{ first: ip('10.77.0.100'), last: ip('10.77.0.199') }],
        pingCheckMs: 100,
        leaseSeconds: 3600,
        identity: 'mac',
        authoritative: true,
        bootp: false,
        besides: [],
        probe: true,
        quietRouter: false,
        relays: [],
        foreignIpxe: 'script',
        https: [],
        boots: 'auto',
        options: { router: ip('10.77.0.1'), dns: [ip('10.77.0.1')] },
        origin: { file: '/c/lab.yaml', line: 10, column: 5 },
      },
    ])
  })

  test('image, profiles and nodes', () => {
    assert.deepEqual(config.images.get('debian-live'), {
      name: 'debian-live',
      variants: linuxVariants('/c/images/vmlinuz', ['/c/images/initrd.img']),
      cmdline: ['quiet'],
      origin: { file: '/c/lab.yaml', line: 21, column: 3 },
    })
    assert.deepEqual(
      [...config.profiles.values()].map(({ name, image, cmdline }) => [name, image, ...cmdline].join(' ')),
      [
        'control-plane debian-live centra.profile=control-plane',
        'worker debian-live centra.profile=worker',
        'all-in-one debian-live centra.profile=all-in-one',
        'rescue rescue centra.profile=rescue',
      ],
    )
    const [node01, node02] = config.nodes
    assert.deepEqual(node01, {
      name: 'node01',
      macs: [mac('52:54:00:77:00:01')],
      address: ip('10.77.0.11'),
      profile: 'control-plane',
      cmdline: [],
      options: {},
      origin: { file: '/c/lab.yaml', line: 38, column: 5 },
    })
    assert.deepEqual(node02?.macs, [mac('52:54:00:77:00:02'), mac('52:54:00:77:10:02')])
    assert.deepEqual(node02?.cmdline, ['console=ttyS1,115200'])
  })
})

test('pingCheck: 100 ms unless told, another time, or none', () => {
  const times = ['', ', pingCheck: true', ', pingCheck: 50ms', ', pingCheck: false'].map((key) => {
    const text = `version: 1\nnetworks:\n  - { name: a, interface: eth0, subnet: 10.0.0.0/24${key} }\n`
    return resolveConfig({ file: FILE, text }, []).config?.networks[0]?.pingCheckMs
  })
  assert.deepEqual(times, [100, 100, 50, undefined])
})

test('boots: auto unless told, a number, or any number', () => {
  const numbers = ['', ', boots: 8', ', boots: false'].map((key) => {
    const text = `version: 1\nnetworks: [{ name: a, interface: eth0, subnet: 10.0.0.0/24${key} }]\n`
    return resolveConfig({ file: FILE, text }, []).config?.networks[0]?.boots
  })
  assert.deepEqual(numbers, ['auto', 8, undefined])
})

test('the smallest configuration: everything has its default, and nothing answers DHCP', () => {
  const text = 'version: 1\nnetworks:\n  - { name: a, interface: eth0, subnet: 10.0.0.0/24 }\n'
  const { config } = resolveConfig({ file: FILE, text }, [])
  assert.ok(config)
  assert.equal(config.networks[0]?.dhcp, 'observe')
  assert.equal(config.networks[0]?.clients, 'all')
  assert.equal(config.networks[0]?.leaseSeconds, 3600)
  assert.equal(config.unknown, 'menu')
  assert.deepEqual(config.menu, { title: 'Centra PXE', timeoutSeconds: 30, default: 'local' })
  assert.equal(config.server.stateDir, '/var/lib/centra-pxe')
  assert.deepEqual([...config.profiles.keys()], ['control-plane', 'worker', 'all-in-one', 'rescue'])
  assert.deepEqual(config.consoles, ['tty0', 'ttyS0,115200'])
  assert.deepEqual(
    problems(text),
    ['control-plane', 'worker', 'all-in-one'].map(
      (name) =>
        `/c/x.yaml:1:1: profiles.${name}: warning: the profile ${name} has no image and stays out of the menu: set profiles.${name}.image`,
    ),
  )
})

test('the built-in profiles are what a Centra Cloud node needs', () => {
  const roles = BUILTIN_PROFILES.filter(({ name }) => name !== 'rescue')
  const table = roles.map(({ name, services, requires, warning }) => ({
    name,
    services: services.join(', '),
    requires: `${requires.cores} cores, ${requires.memoryGB} GB, ${requires.diskGB} GB`,
    warning: warning ?? '',
  }))
  const core = 'FlareDB, IAM, PlasmaVMC, K8sHost, FlashDNS, ChainFire, Object Storage, Monitoring'
  assert.deepEqual(table, [
    { name: 'control-plane', services: core, requires: '8 cores, 32 GB, 500 GB', warning: '' },
    {
      name: 'worker',
      services: 'K8sHost, PlasmaVMC, ChainFire, FlashDNS, Monitoring agents',
      requires: '16 cores, 64 GB, 1000 GB',
      warning: '',
    },
    {
      name: 'all-in-one',
      services: core,
      requires: '16 cores, 64 GB, 1000 GB',
      warning: 'all-in-one is not for production: no high availability',
    },
  ])
})

test('a written profile replaces the parts it names; a later file wins', () => {
  const text = `version: 1
images: { i: { kernel: k } }
profiles:
  worker: { image: i, requires: { cores: 4 }, services: [A] }
  mine: { image: i }
`
  const more = { file: '/c/more.yaml', text: 'profiles: { worker: { title: Two, cmdline: a=b } }\n' }
  const { config } = resolveConfig({ file: FILE, text }, [more])
  const worker = config?.profiles.get('worker')
  assert.deepEqual(
    { ...worker, origin: undefined },
    {
      name: 'worker',
      title: 'Two',
      description: 'Runs containers and virtual machines',
      services: ['A'],
      requires: { cores: 4, memoryGB: 64, diskGB: 1000 },
      image: 'i',
      cmdline: ['a=b'],
      origin: undefined,
    },
  )
  assert.equal(worker?.origin?.file, '/c/more.yaml')
  assert.deepEqual(config?.profiles.get('mine')?.title, 'mine')
})

const NET = 'version: 1\nnetworks:\n  - {name: a, interface: eth0, subnet: 10.0.0.0/24}\n'

describe('broken documents', () => {
  const rows: readonly (readonly [string, string, readonly string[]])[] = [
    ['an empty file', '', ['/c/x.yaml:1:1: the file is empty; begin with version: 1']],
    [
      'a list at the top',
      '- a\n',
      ['/c/x.yaml:1:1: expected keys with values, such as nodes:, but the file is a list'],
    ],
    [
      'a text at the top',
      'just text',
      ['/c/x.yaml:1:1: expected keys with values, such as nodes:, but the file is a single text'],
    ],
    ['another version', 'version: 2\n', ['/c/x.yaml:1:10: version: expected version: 1']],
    [
      'a section that is no section',
      'version: 1\nserver: 5\n',
      ['/c/x.yaml:2:9: server: expected keys with values'],
    ],
    [
      'a section of the wrong kind',
      'version: 1\nnodes: 7\n',
      ['/c/x.yaml:2:8: nodes: expected a list of nodes'],
    ],
    [
      'an alias without an anchor',
      'version: 1\nmenu: *nope\n',
      ['/c/x.yaml:2:7: nothing above is named &nope; a text that begins with * must be in quotes'],
    ],
    [
      'a billion laughs',
      [
        'a: &a [x,x,x,x,x,x,x,x,x,x]',
        ...['b', 'c', 'd', 'e', 'f'].map((key, i) => `${key}: &${key} [${`*${'abcde'[i]},`.repeat(10)}]`),
      ].join('\n'),
      ['/c/x.yaml:1:1: its aliases (*name) expand to too much; write the values out'],
    ],
    [
      'names that are traps of JavaScript',
      'version: 1\n__proto__: {a: 1}\nimages: {__proto__: {kernel: k}}\nprofiles: {__proto__: {}}\n',
      [
        '/c/x.yaml:2:1: __proto__: there is no such key; look for a typing error, or remove it',
        '/c/x.yaml:3:21: images.__proto__: cannot be a name',
        '/c/x.yaml:4:23: profiles.__proto__: cannot be a name',
      ],
    ],
    [
      'MAC addresses: a number, too short, a group, none, missing',
      `${NET}nodes:\n  - {name: n1, mac: 525400123456}\n  - {name: n2, mac: "52:54:00:12:34"}\n  - {name: n3, mac: ["01:00:5e:00:00:01"]}\n  - {name: n4, mac: []}\n  - {name: n5}\n  - {name: n6, mac: "00-00-00-00-00-00"}\n`,
      [
        '/c/x.yaml:5:21: nodes[0].mac: expected a MAC address in quotes, such as "52:54:00:12:34:56"',
        '/c/x.yaml:6:21: nodes[1].mac: expected a MAC address such as "52:54:00:12:34:56", got "52:54:00:12:34"',
        '/c/x.yaml:7:22: nodes[2].mac[0]: 01:00:5e:00:00:01 is a group address; a network card has an individual one',
        '/c/x.yaml:8:21: nodes[3].mac: expected at least one MAC address',
        '/c/x.yaml:9:5: nodes[4]: nothing tells this machine from others: write mac:, clientId:, relayPort:, uuid: or serial:',
        '/c/x.yaml:10:21: nodes[5].mac: 00-00-00-00-00-00 is what a network card without an address shows',
      ],
    ],
    [
      'shape and reference errors of one and of two nodes, all at once',
      `${NET}nodes:\n  - name: n1\n    mac: "52:54:00:00:00:01"\n    address: 10.9.0.1\n    profile: nope\n    colour: red\n  - name: n1\n    mac: ["52-54-00-00-00-01"]\n    address: 10.0.0.255\n    cmdline: 'a="b'\n`,
      [
        '/c/x.yaml:7:14: nodes[0].address: 10.9.0.1 is not in the subnet of any network',
        '/c/x.yaml:8:14: nodes[0].profile: there is no profile nope; there are control-plane, worker, all-in-one, rescue',
        '/c/x.yaml:9:5: nodes[0].colour: there is no such key; look for a typing error, or remove it',
        '/c/x.yaml:10:11: nodes[1].name: the node name n1 is already taken, /c/x.yaml:5',
        '/c/x.yaml:11:11: nodes[1].mac[0]: the MAC address 52:54:00:00:00:01 is already taken, /c/x.yaml:5',
        '/c/x.yaml:12:14: nodes[1].address: 10.0.0.255 belongs to the network a itself',
        '/c/x.yaml:13:14: nodes[1].cmdline: has a quote without an end: "b',
      ],
    ],
    [
      'networks',
      `version: 1
networks:
  - name: a
    subnet: 10.0.0.5/24
  - name: b
    interface: eth0
    subnet: 10.0.0.0/24
    dhcp: proxy
    pool: [10.0.1.1-10.0.1.5, 10.0.0.9-10.0.0.20, 10.0.0.20]
    router: 10.0.0.0
    lease: 1s
    clients: some
  - name: b
    interface: eth0
    subnet: 10.0.0.0/25
  - name: c
    interface: eth1.4095
    subnet: 10.3.0.0/24
    address: 10.4.0.1
  - name: d
    interface: eth2.20
    subnet: 10.5.0.0/24
    lease: { default: 1h, min: 2h, max: 1d }
  - name: e
    subnet: 10.6.0.0/24
    lease: { default: 1h, min: 1s }
  - name: f
    subnet: 10.7.0.0/24
    lease: [1h]
`,
      [
        '/c/x.yaml:4:13: networks[0].subnet: 10.0.0.5/24 has host bits set; the subnet is 10.0.0.0/24',
        '/c/x.yaml:9:12: networks[1].pool[0]: the range is not inside 10.0.0.0/24',
        '/c/x.yaml:9:51: networks[1].pool[2]: overlaps the range 10.0.0.9-10.0.0.20',
        '/c/x.yaml:10:13: networks[1].router: 10.0.0.0 is not a host of 10.0.0.0/24',
        '/c/x.yaml:11:12: networks[1].lease: expected a duration from 10s to 3650d, got "1s"',
        '/c/x.yaml:12:14: networks[1].clients: expected all, netboot or known',
        '/c/x.yaml:13:11: networks[2].name: the network b is already taken, /c/x.yaml:5',
        '/c/x.yaml:14:16: networks[2].interface: the interface eth0 is already taken, /c/x.yaml:5; several subnets of one link have the same sharedNetwork:',
        '/c/x.yaml:15:13: networks[2].subnet: overlaps the subnet of b, /c/x.yaml:5',
        '/c/x.yaml:17:16: networks[3].interface: VLAN ids are 1 to 4094, and eth1.4095 has 4095',
        '/c/x.yaml:19:14: networks[3].address: 10.4.0.1 is not a host of 10.3.0.0/24',
        '/c/x.yaml:23:12: networks[4].lease: min, default and max are not in this order',
        '/c/x.yaml:26:12: networks[5].lease: min: expected a duration from 10s to 3650d, got "1s"',
        '/c/x.yaml:29:12: networks[6].lease: expected a duration such as 1h, or default:, min: and max:',
      ],
    ],
    [
      'nodes by other keys than MAC addresses',
      `version: 1
networks:
  - {name: a, interface: eth0, subnet: 10.0.0.0/24, relays: [10.0.0.9]}
nodes:
  - {name: n1, clientId: "0x0f", relayPort: {circuitId: eth7}, uuid: 12345678-1234-5678-9abc-def012345678}
  - {name: n2, clientId: "0x0F", relayPort: {circuitId: "0x65746837"}, uuid: 78563412-3412-7856-9ABC-DEF012345678}
  - {name: n3, clientId: "0x0", relayPort: {relay: 10.0.0.9}, uuid: 12345678}
  - {name: n4, clientId: "", relayPort: {circuitId: eth7, relay: 10.0.0.8}}
  - {name: n5, relayPort: {circuitid: eth7}}
  - {name: n6}
`,
      [
        '/c/x.yaml:6:26: nodes[1].clientId: the client identifier 0x0f is already taken, /c/x.yaml:5',
        '/c/x.yaml:6:45: nodes[1].relayPort: the port circuitId 0x65746837 is already taken, /c/x.yaml:5',
        '/c/x.yaml:6:78: nodes[1].uuid: the UUID 12345678-1234-5678-9abc-def012345678 is already taken, /c/x.yaml:5',
        '/c/x.yaml:7:26: nodes[2].clientId: expected 1 to 254 octets, as text or as 0x and pairs of digits, got "0x0"',
        '/c/x.yaml:7:44: nodes[2].relayPort: write circuitId:, remoteId: or both: a relay has many ports',
        '/c/x.yaml:7:69: nodes[2].uuid: expected a UUID such as 12345678-1234-5678-9abc-def012345678',
        '/c/x.yaml:8:26: nodes[3].clientId: expected 1 to 254 octets, as text or as 0x and pairs of digits, got ""',
        '/c/x.yaml:8:66: nodes[3].relayPort.relay: 10.0.0.8 is not among the relays: of any network',
        '/c/x.yaml:9:28: nodes[4].relayPort.circuitid: there is no such key; look for a typing error, or remove it',
        '/c/x.yaml:10:5: nodes[5]: nothing tells this machine from others: write mac:, clientId:, relayPort:, uuid: or serial:',
      ],
    ],
    [
      'networks behind relays: an address of ours to send to, or a network with an interface',
      `version: 1
networks:
  - {name: a, subnet: 10.0.0.0/24}
  - {name: b, subnet: 10.1.0.0/24}
`,
      ['a', 'b'].map(
        (_, i) =>
          `/c/x.yaml:${3 + i}:5: networks[${i}]: no network names an interface, and this one no address: that its relays send to; one of them is needed`,
      ),
    ],
    [
      'several subnets of one link',
      `version: 1
networks:
  - {name: a, sharedNetwork: rack, interface: eth0, subnet: 10.0.0.0/24, dhcp: server, pool: 10.0.0.9}
  - {name: b, sharedNetwork: rack, interface: eth0, subnet: 10.1.0.0/24, dhcp: server}
  - {name: c, sharedNetwork: rack, interface: eth1, subnet: 10.2.0.0/24, dhcp: proxy, authoritative: false}
  - {name: d, sharedNetwork: rack, subnet: 10.3.0.0/24, clients: known}
  - {name: e, sharedNetwork: other, interface: eth0, subnet: 10.4.0.0/24, dhcp: server}
  - {name: f, sharedNetwork: rack, interface: eth/0, subnet: 10.1.0.0/25, dhcp: server}
`,
      [
        '/c/x.yaml:5:47: networks[2].interface: interface: eth1 here and eth0 in a, /c/x.yaml:3: the subnets of rack have it alike',
        '/c/x.yaml:5:80: networks[2].dhcp: dhcp: proxy here and server in a, /c/x.yaml:3: the subnets of rack have it alike',
        '/c/x.yaml:5:102: networks[2].authoritative: authoritative: false here and true in a, /c/x.yaml:3: the subnets of rack have it alike',
        '/c/x.yaml:6:5: networks[3]: interface: none here and eth0 in a, /c/x.yaml:3: the subnets of rack have it alike',
        '/c/x.yaml:6:5: networks[3]: dhcp: observe here and server in a, /c/x.yaml:3: the subnets of rack have it alike',
        '/c/x.yaml:6:66: networks[3].clients: clients: known here and all in a, /c/x.yaml:3: the subnets of rack have it alike',
        '/c/x.yaml:7:48: networks[4].interface: the interface eth0 is already taken, /c/x.yaml:3; several subnets of one link have the same sharedNetwork:',
        '/c/x.yaml:8:47: networks[5].interface: expected the name of a network interface, at most 15 characters',
        '/c/x.yaml:8:62: networks[5].subnet: overlaps the subnet of b, /c/x.yaml:4',
      ],
    ],
    [
      'addresses that relays cannot send to',
      `version: 1
networks:
  - {name: a, subnet: 10.0.0.0/24, address: 192.0.2.1}
  - {name: b, subnet: 10.1.0.0/24, address: 0.0.0.0}
  - {name: c, subnet: 10.2.0.0/24, address: 224.0.0.1}
  - {name: d, subnet: 10.3.0.0/24}
`,
      [
        '/c/x.yaml:4:45: networks[1].address: 0.0.0.0 is not an address that relays can send to',
        '/c/x.yaml:5:45: networks[2].address: 224.0.0.1 is not an address that relays can send to',
      ],
    ],
    [
      'machines that load at the same time',
      `version: 1
networks:
  - { name: a, interface: eth0, subnet: 10.0.0.0/24, boots: 0 }
  - { name: b, interface: eth1, subnet: 10.1.0.0/24, boots: true }
  - { name: c, interface: eth2, subnet: 10.2.0.0/24, boots: 1.5 }
  - { name: d, interface: eth3, subnet: 10.3.0.0/24, boots: none }
`,
      [3, 4, 5, 6].map(
        (line, i) =>
          `/c/x.yaml:${line}:61: networks[${i}].boots: expected auto, a whole number of machines from 1 to 10000, or false`,
      ),
    ],
    [
      'ping checks',
      `version: 1
networks:
  - { name: a, interface: eth0, subnet: 10.0.0.0/24, pingCheck: 1s }
  - { name: b, interface: eth1, subnet: 10.1.0.0/24, pingCheck: 500ms }
  - { name: c, interface: eth2, subnet: 10.2.0.0/24, pingCheck: 100 }
  - { name: d, interface: eth3, subnet: 10.3.0.0/24, pingCheck: yes }
  - { name: e, interface: eth4, subnet: 10.4.0.0/24, pingCheck: true }
`,
      [
        '/c/x.yaml:3:65: networks[0].pingCheck: expected false, or a time from 10ms to 400ms, got "1s"',
        '/c/x.yaml:4:65: networks[1].pingCheck: expected false, or a time from 10ms to 400ms, got "500ms"',
        '/c/x.yaml:5:65: networks[2].pingCheck: expected true, false or a time such as 100ms',
        '/c/x.yaml:6:65: networks[3].pingCheck: expected false, or a time from 10ms to 400ms, got "yes"',
      ],
    ],
    [
      'options of networks and nodes',
      `version: 1
networks:
  - name: a
    interface: eth0
    subnet: 10.0.0.0/24
    router: 10.0.0.1
    options:
      router: 10.0.0.2
      mtu: 100
      routes: [10.1.0.0/16 via 10.9.0.1, default]
      search: [example.org, a..b]
      custom:
        - { code: 224, text: a, hex: "00" }
        - { code: 6, addresses: 10.0.0.1 }
        - { code: 67, text: a }
        - { code: 43, hex: "01" }
        - { code: 129, hex: "01" }
        - { code: 255, hex: "01" }
  - name: b
    interface: eth1
    subnet: 10.2.0.0/24
    options:
      custom:
        - { code: 224, text: a }
        - { code: 224, text: b }
        - { code: 72, addresses: [10.2.0.9] }
        - { code: 6, addresses: 10.0.0.1 }
        - { code: 67, text: a }
        - { code: 43, hex: "01" }
        - { code: 129, hex: "01" }
nodes:
  - name: n2
    mac: "52:54:00:00:00:02"
    address: 10.2.0.5
    options: { router: 10.3.0.1, hostName: "n" }
  - name: n3
    mac: "52:54:00:00:00:03"
    options: { hostName: "-n" }
`,
      [
        '/c/x.yaml:8:15: networks[0].options.router: router: is there already, beside options:; keep one of them',
        '/c/x.yaml:9:12: networks[0].options.mtu: expected at least 576 octets',
        '/c/x.yaml:10:42: networks[0].options.routes[1]: expected a route such as 10.1.0.0/16 via 10.77.0.254, got "default"',
        '/c/x.yaml:11:29: networks[0].options.search[1]: expected a domain name such as example.org',
        '/c/x.yaml:13:11: networks[0].options.custom[0]: expected one value: text, hex or addresses',
        '/c/x.yaml:18:19: networks[0].options.custom[5].code: expected an option code from 1 to 254',
        '/c/x.yaml:25:19: networks[1].options.custom[1].code: option 224 is already in this list',
        '/c/x.yaml:27:19: networks[1].options.custom[3].code: option 6 is options.dns',
        '/c/x.yaml:28:19: networks[1].options.custom[4].code: option 67 is told by what a machine boots; see loader:, nextServer: and profiles:',
        '/c/x.yaml:29:19: networks[1].options.custom[5].code: option 43 is told by what a machine boots; see loader:, nextServer: and profiles:',
        '/c/x.yaml:30:19: networks[1].options.custom[6].code: option 129 is kept for PXE firmware',
        '/c/x.yaml:35:24: nodes[0].options.router: 10.3.0.1 is not a host of 10.2.0.0/24',
        '/c/x.yaml:38:26: nodes[1].options.hostName: expected a host name such as node01 or node01.example.org',
      ],
    ],
    [
      'images, profiles, menu, server',
      `${NET}images:
  i: {kernel: "./my kernel", cmdline: "#x"}
  Bad: {kernel: k}
  j: {kernel: a/f, initrd: [b/f, c/g]}
profiles:
  local: {image: j}
  w: {image: nope, title: "-x", requires: {cores: 0}, services: [a, "b || c", "it's"]}
menu: {default: zz, timeout: forever, title: "x \${y}"}
unknown: maybe
include: 5
server: {boot: {http: 0}, operator: {listen: nowhere}, extra: 1}
`,
      [
        '/c/x.yaml:5:15: images.i.kernel: expected a file name of letters, digits, "_", ".", "+", "~" and "-", which loaders can carry',
        '/c/x.yaml:5:39: images.i.cmdline: the kernel argument "#x" must begin with a name of letters, digits, "_", "." or "-"',
        '/c/x.yaml:6:3: images.Bad: expected a name of lower-case letters, digits and dashes, such as worker or rack-1',
        '/c/x.yaml:7:29: images.j.initrd[0]: another file of this image is named f too',
        "/c/x.yaml:9:10: profiles.local: local is an entry of the menu's own; choose another name",
        '/c/x.yaml:10:27: profiles.w.title: cannot be shown on a machine: it begins with a dash, which begins an option in iPXE and GRUB',
        '/c/x.yaml:10:51: profiles.w.requires.cores: expected a number above 0',
        '/c/x.yaml:10:69: profiles.w.services[1]: cannot be shown on a machine: it is ||, which separates commands in iPXE',
        '/c/x.yaml:10:79: profiles.w.services[2]: cannot be shown on a machine: it has a single quote, which GRUB cannot show',
        '/c/x.yaml:11:30: menu.timeout: expected a duration such as 30s, 90m, 1h or 1d, got "forever"',
        '/c/x.yaml:11:46: menu.title: cannot be shown on a machine: it has ${...}, which iPXE expands',
        '/c/x.yaml:12:10: unknown: expected menu, local or ignore',
        '/c/x.yaml:13:10: include: expected a path',
        '/c/x.yaml:14:23: server.boot.http: expected a port number',
        '/c/x.yaml:14:46: server.operator.listen: expected HOST:PORT, such as 127.0.0.1:8081, got "nowhere"',
        '/c/x.yaml:14:56: server.extra: there is no such key; look for a typing error, or remove it',
      ],
    ],
    [
      'one mistake does not look like two',
      `version: 1\nnetworks:\n  - {name: a, interface: eth/0, subnet: 10.0.0.0/24}\n  - {name: b, interface: eth1, subnet: 10.1.0.0}\nimages:\n  i: {kernel: ""}\nprofiles:\n  w: {image: i}\n  v: {image: I}\nnodes:\n  - {name: n1, mac: "52:54:00:00:00:01", address: 10.1.0.5, profile: w}\n  - {name: n2, mac: "52:54:00:00:00:02", profile: v}\n`,
      [
        '/c/x.yaml:3:26: networks[0].interface: expected the name of a network interface, at most 15 characters',
        '/c/x.yaml:4:40: networks[1].subnet: expected a subnet such as 10.77.0.0/24, got "10.1.0.0"',
        '/c/x.yaml:6:15: images.i.kernel: expected a file name of letters, digits, "_", ".", "+", "~" and "-", which loaders can carry',
        '/c/x.yaml:9:14: profiles.v.image: expected a name of lower-case letters, digits and dashes, such as worker or rack-1',
      ],
    ],
  ]
  for (const [name, text, expected] of rows) test(name, () => assert.deepEqual(errors(text), expected))
})

test('E14: kernel arguments that no kernel takes', () => {
  const text = (profile: number, node: number): string =>
    `${NET}images: {i: {kernel: k}}\nprofiles:\n  w: {image: i, cmdline: a=${'x'.repeat(profile - 2)}}\nnodes:\n  - {name: n, mac: "52:54:00:00:00:01", profile: w, cmdline: b=${'y'.repeat(node - 2)}}\n`
  assert.deepEqual(errors(text(1000, 599)), [])
  assert.deepEqual(errors(text(1000, 600)), [
    '/c/x.yaml:8:62: nodes[0].cmdline: image, profile and node give 1601 octets of kernel arguments; at most 1600 fit',
  ])
  assert.deepEqual(errors(text(1601, 2)).slice(0, 1), [
    '/c/x.yaml:6:6: profiles.w: image, profile and node give 1601 octets of kernel arguments; at most 1600 fit',
  ])
})

test('included files: only parts, their own places, and names across files', () => {
  const main = `${NET}images: {i: {kernel: k}}\nnodes:\n  - {name: n1, mac: "52:54:00:00:00:01"}\n`
  const more =
    'version: 1\nimages: {i: {kernel: k}}\nnodes:\n  - {name: n1, mac: "52:54:00:00:00:01", profile: worker}\n'
  assert.deepEqual(errors(main, { '/c/more.yaml': more }), [
    '/c/more.yaml:1:1: version: there is no such key; look for a typing error, or remove it',
    '/c/more.yaml:2:13: images.i: is already in /c/x.yaml:4',
    '/c/more.yaml:4:12: nodes[0].name: the node name n1 is already taken, /c/x.yaml:6',
    '/c/more.yaml:4:21: nodes[0].mac: the MAC address 52:54:00:00:00:01 is already taken, /c/x.yaml:6',
    '/c/more.yaml:4:51: nodes[0].profile: the profile worker has no image to boot: set profiles.worker.image',
  ])
})

test('an included file without networks hides no address outside of them; one with a network that has no subnet does', () => {
  const node = 'nodes:\n  - {name: n1, mac: "52:54:00:00:00:01", address: 10.9.0.1}\n'
  const outside = '/c/more.yaml:2:51: nodes[0].address: 10.9.0.1 is not in the subnet of any network'
  assert.deepEqual(errors(NET, { '/c/more.yaml': node, '/c/images.yaml': 'images: {}\n' }), [outside])
  const malformed = errors(NET, { '/c/more.yaml': `${node}networks: [{name: other, interface: eth1}]\n` })
  assert.equal(malformed.length, 1)
  assert.match(malformed.join(), /networks\[0\]\.subnet: /)
})

test('paths count from the file that has them', () => {
  const more = { file: '/c/d/more.yaml', text: 'images: {i: {kernel: ./k, initrd: ../r}}\n' }
  const { config } = resolveConfig({ file: FILE, text: NET }, [more])
  assert.deepEqual(config?.images.get('i')?.variants, linuxVariants('/c/d/k', ['/c/r']))
  const globs = includedGlobs({ file: FILE, text: 'include: [nodes/*.yaml, /etc/x.yaml]\n' })
  assert.deepEqual(
    globs.map(({ target }) => target),
    ['/c/nodes/*.yaml', '/etc/x.yaml'],
  )
  assert.deepEqual(includedGlobs({ file: FILE, text: 'include: {a: b}\n' }), [])
})

test('a port is doubtful where no network lists relays', () => {
  const text = `${NET}nodes:\n  - {name: n, relayPort: {remoteId: "0x00"}}\n`
  assert.deepEqual(errors(text), [])
  assert.ok(
    problems(text).includes(
      '/c/x.yaml:5:26: nodes[0].relayPort: warning: no network lists relays:, and the option 82 of any other is not believed',
    ),
  )
})

test('a shared network of one subnet is doubtful, not wrong', () => {
  const text =
    'version: 1\nnetworks:\n  - {name: a, sharedNetwork: rack, interface: eth0, subnet: 10.0.0.0/24}\n'
  assert.deepEqual(errors(text), [])
  assert.ok(
    problems(text).includes(
      '/c/x.yaml:3:30: networks[0].sharedNetwork: warning: rack has this subnet alone; others of the link have the same name here',
    ),
  )
})

test('a reservation inside the pool is doubtful, not wrong', () => {
  const text =
    'version: 1\nnetworks:\n  - {name: a, interface: eth0, subnet: 10.0.0.0/24, pool: 10.0.0.10-10.0.0.20}\nnodes:\n  - {name: n, mac: "52:54:00:00:00:01", address: 10.0.0.15}\n'
  assert.ok(
    problems(text).includes(
      '/c/x.yaml:5:50: nodes[0].address: warning: 10.0.0.15 lies in the pool 10.0.0.10-10.0.0.20; it is kept out of the pool, better choose another',
    ),
  )
  assert.deepEqual(errors(text), [])
})

test('whatever the text, there is an answer and no exception', () => {
  const key = fc.constantFrom(
    'version',
    'networks',
    'nodes',
    'images',
    'profiles',
    'menu',
    'server',
    'include',
    'name',
    'mac',
    'subnet',
    'kernel',
    '__proto__',
    'constructor',
    'toString',
  )
  const yamlish = fc
    .array(
      fc.oneof(
        key.map((name) => `${name}:`),
        fc.constantFrom(
          '\n',
          '\n  ',
          '- ',
          '{',
          '}',
          '[',
          ']',
          '&a ',
          '*a',
          '<<: ',
          '? ',
          '!!x ',
          '|',
          '"',
          "'",
          '#',
          '1',
          ' 10.0.0.0/24',
          '52:54:00:00:00:01',
        ),
        fc.string({ maxLength: 6 }),
      ),
      { maxLength: 40 },
    )
    .map((parts) => parts.join(''))
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<unknown>(null, 1, 'x', true, '10.0.0.1', 'worker'),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
    ),
  }))
  const json = tree.map((value) =>
    JSON.stringify({ version: 1, ...(typeof value === 'object' ? value : {}) }),
  )
  fc.assert(
    fc.property(fc.oneof(yamlish, json, fc.string()), (text) => {
      const included = [{ file: '/c/y.yaml', text }]
      includedGlobs({ file: FILE, text })
      for (const result of [
        resolveConfig({ file: FILE, text }, included),
        resolveConfig({ file: FILE, text: NET }, included),
      ]) {
        const failed = result.problems.some(({ severity }) => severity === 'error')
        assert.equal(result.config === undefined, failed, 'a configuration, or an error')
        for (const problem of result.problems)
          assert.match(formatProblem(problem), /^\/c\/[xy]\.yaml:\d+:\d+: \S/)
        for (const { target } of [...result.imageFiles, ...result.firmwareDirs]) assert.match(target, /^\//)
      }
    }),
    { seed: 20261123, numRuns: 3000 },
  )
})

test('an empty section is no section', () => {
  const { config, problems } = resolveConfig(
    { file: '/c/x.yaml', text: 'version: 1\nnodes:\nserver:\nmenu:\n' },
    [],
  )
  assert.deepEqual(
    problems.filter(({ severity }) => severity === 'error'),
    [],
  )
  assert.deepEqual(config?.nodes, [])
})
