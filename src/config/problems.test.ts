import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errors, NET, problems, type Row, testRows } from '../../test/helpers/config-problems.ts'

const DOCUMENTS: readonly Row[] = [
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
  - {name: n7, clientId: ab}
  - {name: n8, clientId: "0x006162"}
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
      '/c/x.yaml:12:26: nodes[7].clientId: the client identifier 0x006162 is already taken, /c/x.yaml:11',
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

testRows('broken documents', DOCUMENTS)

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
