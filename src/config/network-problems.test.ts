import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errors, NET, problems, type Row, testRows } from '../../test/helpers/config-problems.ts'

const NETWORKS: readonly Row[] = [
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
]

testRows('broken networks', NETWORKS)

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

test('a port is doubtful where no network lists relays', () => {
  const text = `${NET}nodes:\n  - {name: n, relayPort: {remoteId: "0x00"}}\n`
  assert.deepEqual(errors(text), [])
  assert.ok(
    problems(text).includes(
      '/c/x.yaml:5:26: nodes[0].relayPort: warning: no network lists relays:, and the option 82 of any other is not believed',
    ),
  )
})
