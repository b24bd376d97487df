/** Which profile a machine boots of which no node says it: by rules, by its network, by `unknown:`. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { explain } from '../../src/app/explain.ts'
import { loadConfig } from '../../src/app/load-config.ts'
import { takePicture, worldAt } from '../../src/app/world.ts'
import { classifyScript } from '../../src/boot/classify-http.ts'
import { decide } from '../../src/boot/decide.ts'
import type { SupposedClient } from '../../src/boot/suppose.ts'
import { formatProblem } from '../../src/config/source.ts'
import { MemoryDisk } from '../helpers/memory.ts'
import { ip, mac } from '../helpers/world.ts'
import { yamlScene } from '../helpers/yaml-scene.ts'

const FILE = '/c/x.yaml'
const CONFIG = `version: 1
networks:
  - {name: a, interface: eth0, subnet: 10.77.0.0/24, address: 10.77.0.1, dhcp: server, pool: 10.77.0.100-10.77.0.199}
  - {name: lab, interface: eth1, subnet: 10.78.0.0/24, address: 10.78.0.1, dhcp: server, profile: all-in-one}
images: {debian: {kernel: /srv/vmlinuz}}
profiles:
  worker: {image: debian}
  control-plane: {image: debian}
  all-in-one: {image: debian}
  storage: {image: debian, loader: {uefi-x64: ipxe.efi}}
nodes:
  - {name: own, mac: "52:54:00:aa:00:01", profile: worker, labels: {rack: r7}}
  - {name: labelled, mac: "52:54:00:aa:00:02", labels: {rack: r7, role: db}}
  - {name: bare, mac: "52:54:00:aa:00:03"}
rules:
  - {name: databases, match: {labels: {role: db}}, profile: storage}
  - {match: {vendor: [Supermicro, "Dell Inc."], arch: uefi-x64}, profile: control-plane}
  - {match: {subnet: 10.77.0.128/25}, profile: worker}
`

async function answer(
  machine: string,
  supposed: Partial<SupposedClient> = {},
  on = 0,
): Promise<{ readonly answer: string; readonly tried: readonly string[] }> {
  const disk = new MemoryDisk({
    [FILE]: CONFIG,
    '/srv/vmlinuz': 'kernel',
    '/usr/lib/ipxe/snponly.efi': 'l',
    '/usr/lib/ipxe/ipxe.efi': 'l',
  })
  const { config, problems } = await loadConfig(FILE, disk)
  assert.ok(config, problems.map(formatProblem).join('\n'))
  const network = config.networks[on]
  assert.ok(network?.address)
  const client = {
    mac: mac(machine),
    arch: 'uefi-x64',
    stage: 'rom',
    via: 'http',
    form: 'ipxe',
    ...supposed,
  } as const
  const { answer: text, steps } = explain(
    { ...client, network, server: network.address },
    await takePicture(config, disk),
    0,
  )
  return {
    answer: text,
    tried: steps.filter(({ rule }) => /^profile/.test(rule)).map(({ outcome }) => outcome),
  }
}

const NOT_DB = 'databases does not fit: it has no label role'

describe('the profile of a machine', () => {
  for (const [name, asked, expected, tried] of [
    ['its node names it, and no rule is tried', answer('52:54:00:aa:00:01'), 'debian as worker', ['worker']],
    [
      'the first rule that fits',
      answer('52:54:00:aa:00:02'),
      'debian as storage',
      ['labelled names none', 'databases: storage'],
    ],
    [
      'by manufacturer and architecture, without case',
      answer('52:54:00:aa:00:09', { says: { manufacturer: 'dell inc. ' } }),
      'debian as control-plane',
      [NOT_DB, 'rule 2: control-plane'],
    ],
    [
      'nothing fits: each rule says why, and unknown: decides',
      answer('52:54:00:aa:00:03', { says: { manufacturer: 'Acme' } }),
      'script: menu',
      [
        'bare names none',
        NOT_DB,
        'rule 2 does not fit: its vendor is Acme, not Supermicro or Dell Inc.',
        'rule 3 does not fit: it has no address yet',
      ],
    ],
    [
      'another architecture',
      answer('52:54:00:aa:00:09', { arch: 'bios-x86', says: { manufacturer: 'Supermicro' } }),
      'script: menu',
      [
        NOT_DB,
        'rule 2 does not fit: its arch is bios-x86, not uefi-x64',
        'rule 3 does not fit: it has no address yet',
      ],
    ],
    [
      'the network, when no rule fits',
      answer('52:54:00:aa:00:09', {}, 1),
      'debian as all-in-one',
      [
        NOT_DB,
        'rule 2 does not fit: its vendor is not known',
        'rule 3 does not fit: it has no address yet',
        'all-in-one, which every machine on lab boots that nothing else is said of',
      ],
    ],
  ] as const)
    test(name, async () => {
      const { answer: text, tried: seen } = await asked
      assert.deepEqual(seen, tried)
      assert.ok(text.includes(expected.replace(/^script: /, '')), text)
    })

  test('by the address of its lease, or where its request comes from', async () => {
    const scene = await yamlScene(
      CONFIG.replace('version: 1\n', '').replace(', loader: {uefi-x64: ipxe.efi}', ''),
    )
    assert.match(
      await scene.ask('52:54:00:aa:00:09', { type: 'REQUEST', requested: ip('10.77.0.150') }),
      /^ACK 10\.77\.0\.150/,
    )
    const { running } = scene
    const { network } = scene.on('a')
    const client = {
      mac: mac('52:54:00:aa:00:09'),
      arch: 'bios-x86',
      stage: 'rom',
      via: 'http',
      form: 'ipxe',
    } as const
    const { answer: text } = explain(
      { ...client, network, server: ip('10.77.0.1') },
      running.picture,
      running.now(),
      { leases: running.leases },
    )
    assert.match(text, /debian as worker/)
  })

  test("the loader of a rule's profile counts over DHCP, as far as DHCP can tell", async () => {
    assert.match((await answer('52:54:00:aa:00:02', { via: 'dhcp' })).answer, /ipxe\.efi/)
    assert.match((await answer('52:54:00:aa:00:03', { via: 'dhcp' })).answer, /snponly\.efi/)
  })

  test('at the port that a relay told when the machine asked for its address', async () => {
    const scene = await yamlScene(`networks:
  - {name: a, subnet: 10.77.0.0/24, address: 192.0.2.1, dhcp: server, pool: 10.77.0.100-10.77.0.199, relays: [10.77.0.254]}
images: {debian: {kernel: /srv/vmlinuz}}
profiles: {worker: {image: debian}}
rules: [{match: {relayPort: {circuitId: eth7}}, profile: worker}]
`)
    const { running } = scene
    const boots = (machine: string): string | undefined => {
      const asked = classifyScript(`${machine.replaceAll(':', '-')}.ipxe`, new URLSearchParams(), {
        network: 'a',
        server: ip('192.0.2.1'),
      })
      assert.ok(asked.ok)
      const { recognised } = running
      const world = worldAt(running.picture, running.leases, running.now(), { recognised })
      const { action } = decide(asked.value.boot, world)
      return action.kind === 'script' ? action.boots?.profile : undefined
    }
    assert.equal(boots('52:54:00:aa:00:09'), undefined)
    await scene.ask(
      '52:54:00:aa:00:09',
      {
        type: 'DISCOVER',
        giaddr: ip('10.77.0.254'),
        circuitId: new TextEncoder().encode('eth7'),
      },
      { stage: 'rom' },
    )
    assert.equal(boots('52:54:00:aa:00:09'), 'worker')
    await scene.ask(
      '52:54:00:aa:00:08',
      {
        type: 'DISCOVER',
        giaddr: ip('10.77.0.253'),
        circuitId: new TextEncoder().encode('eth7'),
      },
      { stage: 'rom' },
    )
    assert.equal(boots('52:54:00:aa:00:08'), undefined, 'of a relay that relays: does not list')
  })

  test('mistakes are told with their place, all at once', async () => {
    const text = `version: 1
networks: [{name: a, interface: eth0, subnet: 10.77.0.0/24, profile: nope}]
images: {debian: {kernel: /srv/vmlinuz}}
profiles: {worker: {image: debian}}
rules:
  - {match: {}, profile: worker}
  - {match: {arch: x86}, profile: worker}
  - {match: {network: b}, profile: worker}
  - {match: {arch: uefi-x64}, profile: wroker}
  - {match: {labels: {"a b": x}}, profile: worker}
`
    const { problems } = await loadConfig(FILE, new MemoryDisk({ [FILE]: text, '/srv/vmlinuz': 'k' }))
    const errors = problems.filter(({ severity }) => severity === 'error').map(formatProblem)
    assert.deepEqual(
      errors.map((line) => line.slice(0, 62)),
      [
        '/c/x.yaml:2:70: networks[0].profile: there is no profile nope;',
        '/c/x.yaml:6:13: rules[0].match: expected at least one thing to',
        '/c/x.yaml:7:20: rules[1].match.arch: expected one of bios-x86,',
        '/c/x.yaml:8:23: rules[2].match.network: there is no network b',
        '/c/x.yaml:9:40: rules[3].profile: there is no profile wroker; ',
        '/c/x.yaml:10:23: rules[4].match.labels.a b: expected a name of',
      ],
    )
  })

  test('a condition without a value, which would fit every machine or none', async () => {
    const text = `version: 1
networks: [{name: a, interface: eth0, subnet: 10.77.0.0/24}]
images: {debian: {kernel: /srv/vmlinuz}}
profiles: {worker: {image: debian}}
rules:
  - {match: {labels: {}}, profile: worker}
  - {match: {labels: {rack: r7}, relayPort: {}}, profile: worker}
  - {match: {network: [], arch: [], vendor: [], product: [], subnet: []}, profile: worker}
`
    const { problems } = await loadConfig(FILE, new MemoryDisk({ [FILE]: text, '/srv/vmlinuz': 'k' }))
    const errors = problems.filter(({ severity }) => severity === 'error').map(formatProblem)
    assert.deepEqual(errors, [
      '/c/x.yaml:6:22: rules[0].match.labels: expected at least one label, such as rack: r7',
      '/c/x.yaml:7:45: rules[1].match.relayPort: expected circuitId:, remoteId: or relay:',
      '/c/x.yaml:8:23: rules[2].match.network: expected at least one network',
      '/c/x.yaml:8:33: rules[2].match.arch: expected at least one client architecture',
      '/c/x.yaml:8:45: rules[2].match.vendor: expected at least one manufacturer',
      '/c/x.yaml:8:58: rules[2].match.product: expected at least one product',
      '/c/x.yaml:8:70: rules[2].match.subnet: expected at least one subnet',
    ])
  })
})
