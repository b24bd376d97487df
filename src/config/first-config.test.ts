import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parse } from 'yaml'
import { z } from 'zod'
import { ip } from '../../test/helpers/world.ts'
import type { Config } from '../model/config.ts'
import { type FirstConfig, firstConfig } from './first-config.ts'
import { configJsonSchema } from './json-schema.ts'
import type { NetworkProposal } from './propose.ts'
import { resolveConfig } from './resolve.ts'
import { formatProblem } from './source.ts'

const NETWORK: NetworkProposal = {
  interface: 'eth1',
  subnet: { network: ip('10.77.0.0'), prefix: 24 },
  address: ip('10.77.0.1'),
  dhcp: 'server',
  why: 'No other DHCP server was heard.',
  pool: { first: ip('10.77.0.128'), last: ip('10.77.0.227') },
  dns: [],
  exampleAddress: ip('10.77.0.11'),
  heard: [],
  warnings: [],
}
const OTHER = { interface: 'eth1', address: ip('10.77.0.254'), kind: 'dhcp', dns: [] } as const
const FIRST: FirstConfig = { network: NETWORK, wishes: {}, stateDir: '/var/lib/centra-pxe' }
const IMAGE = { kernel: './images/vmlinuz', initrd: ['./images/initrd.img'] }

/** The configuration, which must have no error. */
function resolved(text: string): Config {
  const { config, problems } = resolveConfig({ file: '/c/x.yaml', text }, [])
  const errors = problems.filter(({ severity }) => severity === 'error').map(formatProblem)
  assert.deepEqual(errors, [], text)
  assert.ok(config)
  return config
}

/** Every example made a key. */
function uncommented(text: string): string {
  return text.replaceAll(/^#(?=\S| {2})/gm, '')
}

const VARIANTS: Readonly<Record<string, FirstConfig>> = {
  'a server without an image': FIRST,
  'a server with an image': { ...FIRST, image: IMAGE },
  'several initrds': { ...FIRST, image: { ...IMAGE, initrd: ['a', 'b'] } },
  'a kernel alone': { ...FIRST, image: { kernel: 'k', initrd: [] } },
  'beside another server': {
    ...FIRST,
    network: {
      ...NETWORK,
      dhcp: 'observe',
      heard: [OTHER],
      router: ip('10.77.0.254'),
      dns: [ip('10.77.0.9')],
    },
  },
  off: { ...FIRST, network: { ...NETWORK, dhcp: 'off' } },
  'a subnet of two hosts': {
    ...FIRST,
    network: {
      interface: 'eth1',
      subnet: { network: ip('10.77.0.0'), prefix: 30 },
      dhcp: 'server',
      why: 'So it is.',
      pool: { first: ip('10.77.0.2'), last: ip('10.77.0.2') },
      dns: [],
      heard: [],
      warnings: [],
    },
  },
}

describe('it is valid as it stands, for editors too, and with every example uncommented', () => {
  const editor = z.fromJSONSchema(configJsonSchema('main') as Parameters<typeof z.fromJSONSchema>[0])
  for (const [name, first] of Object.entries(VARIANTS))
    test(name, () => {
      const text = firstConfig(first)
      const { networks } = resolved(text)
      assert.deepEqual([networks[0]?.dhcp, networks[0]?.interface], [first.network.dhcp, 'eth1'])
      const everything = uncommented(text)
      const { nodes, profiles, menu, images } = resolved(everything)
      assert.deepEqual(
        [nodes.map((node) => node.profile), profiles.get('worker')?.image, menu.default, [...images.keys()]],
        [['worker'], 'linux', 'local', ['linux']],
      )
      assert.equal(resolved(everything).images.get('linux')?.cmdline[0], 'quiet')
      for (const version of [text, everything])
        assert.deepEqual(editor.safeParse(parse(version)).error?.issues ?? [], [])
    })
})

test('every section and every key of a network, a node and the menu is there, as key or example', () => {
  const text = uncommented(firstConfig({ ...FIRST, image: IMAGE }))
  const { networks, nodes, ...rest } = parse(text)
  assert.deepEqual(Object.keys(rest).sort(), [
    'images',
    'include',
    'menu',
    'profiles',
    'server',
    'unknown',
    'version',
  ])
  assert.deepEqual(Object.keys(networks[0]).sort(), [
    ...['address', 'clients', 'dhcp', 'dns', 'interface', 'lease', 'name', 'pool', 'router', 'subnet'],
  ])
  assert.deepEqual(Object.keys(nodes[0]), ['name', 'mac', 'address', 'profile'])
  assert.match(text, /mac: "52:54:00:12:34:56"/)
  assert.doesNotMatch(text, /[&*]a1/, 'no anchors')
})

test('only what the mode uses is set, but what the operator wished always is', () => {
  const observing = { ...NETWORK, dhcp: 'observe', router: ip('10.77.0.9'), dns: [ip('10.77.0.9')] } as const
  assert.deepEqual(Object.keys(parse(firstConfig({ ...FIRST, network: observing })).networks[0]), [
    ...['name', 'interface', 'subnet', 'dhcp'],
  ])
  const wishes = {
    address: ip('10.77.0.1'),
    router: ip('10.77.0.9'),
    dns: [ip('10.77.0.9')],
    pool: NETWORK.pool,
  }
  const wished = parse(firstConfig({ ...FIRST, network: observing, wishes: wishes as FirstConfig['wishes'] }))
  assert.deepEqual(Object.keys(wished.networks[0]), [
    ...['name', 'interface', 'subnet', 'address', 'dhcp', 'pool', 'router', 'dns'],
  ])
})

test('comments: lines of at most 100 characters, and the first one is for editors', () => {
  for (const first of Object.values(VARIANTS)) {
    const lines = firstConfig(first).split('\n')
    assert.equal(lines[0], '# yaml-language-server: $schema=centra-pxe.schema.json')
    for (const line of lines) assert.ok(line.length <= 100, line)
  }
})

test('names and paths come out as they went in, whatever is in them', () => {
  const odd = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  const tricky = fc.constantFrom(
    ...['yes', 'null', '1', '0x1', '#', '- a', '{a: b}', '*a', '&a', '!a', 'a: b', "'", '"', ' a', 'a\n# b'],
    ...['a\nversion: 2', '%', '@', '`', '\t', '~', '\u001b[2J', '\u2028', '...', '---', '?', '|', '>'],
  )
  const name = fc.oneof(odd, tricky)
  const iface = name.filter((text) => /^[^\s/]{1,15}$/.test(text))
  fc.assert(
    fc.property(iface, name, name, (interfaceName, folder, stateDir) => {
      const kernel = `/${folder}/vmlinuz`
      const text = firstConfig({
        ...FIRST,
        network: { ...NETWORK, interface: interfaceName },
        stateDir: `/${stateDir}`,
        image: { kernel, initrd: [`/${folder}/a`, `/${folder}/b`] },
      })
      const value = parse(text)
      assert.equal(value.networks[0].interface, interfaceName)
      assert.equal(value.server.stateDir, `/${stateDir}`)
      assert.deepEqual(value.images.linux, { kernel, initrd: [`/${folder}/a`, `/${folder}/b`] })
      resolved(text)
    }),
    { seed: 20261123, numRuns: 2000 },
  )
})
