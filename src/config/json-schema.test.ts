import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parse } from 'yaml'
import { z } from 'zod'
import { configJsonSchema } from './json-schema.ts'
import { ConfigSchema, IncludedSchema } from './schema.ts'

const ROOT = join(import.meta.dirname, '../..')
type Schema = Parameters<typeof z.fromJSONSchema>[0]

/** What a validator that has the JSON Schema alone says; zod turns the printed schema into one. */
function accepts(value: unknown, which: 'main' | 'included' = 'main'): boolean {
  return validators[which].safeParse(value).success
}

const validators = {
  main: z.fromJSONSchema(JSON.parse(JSON.stringify(configJsonSchema('main'))) as Schema),
  included: z.fromJSONSchema(JSON.parse(JSON.stringify(configJsonSchema('included'))) as Schema),
}

/** Every property below a schema, with its path. */
function propertiesOf(schema: unknown, path = ''): readonly (readonly [string, unknown])[] {
  if (typeof schema !== 'object' || schema === null) return []
  const own = Object.entries((schema as { properties?: Record<string, unknown> }).properties ?? {}).flatMap(
    ([key, value]) => [[`${path}.${key}`, value] as const, ...propertiesOf(value, `${path}.${key}`)],
  )
  const below = Object.entries(schema)
    .filter(([key]) => key !== 'properties')
    .flatMap(([, value]) => propertiesOf(value, path))
  return [...own, ...below]
}

test('every key has a description of its own', () => {
  for (const which of ['main', 'included'] as const) {
    const found = propertiesOf(configJsonSchema(which))
    assert.ok(found.length > (which === 'main' ? 45 : 25), `${found.length} keys`)
    for (const [path, schema] of found) {
      const { description } = schema as { readonly description?: string }
      assert.match(description ?? '', /^\S.{7,}\S$/, `${path} has no description`)
    }
  }
})

test('it is draft 2020-12, and needs no other document', () => {
  const text = JSON.stringify(configJsonSchema('main'))
  assert.equal(configJsonSchema('main')['$schema'], 'https://json-schema.org/draft/2020-12/schema')
  assert.ok(!text.includes('"$ref"'))
})

test('it accepts every configuration of this repository', () => {
  const files = globSync(['examples/**/*.yaml', 'test/fixtures/config/*.yaml'], { cwd: ROOT })
  assert.ok(files.length >= 2)
  for (const file of files) {
    const value = parse(readFileSync(join(ROOT, file), 'utf8'))
    const which = typeof value === 'object' && value !== null && 'version' in value ? 'main' : 'included'
    assert.deepEqual(validators[which].safeParse(value).error?.issues ?? [], [], file)
  }
})

const NET = { name: 'a', interface: 'eth0', subnet: '10.0.0.0/24' }

describe('what validate refuses for its shape, editors refuse too', () => {
  const rows: readonly (readonly [string, unknown])[] = [
    ['no version', {}],
    ['another version', { version: 2 }],
    ['an unknown key', { version: 1, nodez: [] }],
    ['a section of the wrong kind', { version: 1, nodes: 7 }],
    ['a list where names are wanted', { version: 1, images: [] }],
    ['a name in capitals', { version: 1, images: { Bad: { kernel: 'k' } } }],
    ['a network without a subnet', { version: 1, networks: [{ name: 'a' }] }],
    ['a subnet without a prefix', { version: 1, networks: [{ ...NET, subnet: '10.0.0.0' }] }],
    ['an octet of 256', { version: 1, networks: [{ ...NET, address: '10.0.0.256' }] }],
    ['an octet with a leading zero', { version: 1, networks: [{ ...NET, address: '10.0.0.01' }] }],
    ['an unknown mode', { version: 1, networks: [{ ...NET, dhcp: 'on' }] }],
    ['a pool that is no range', { version: 1, networks: [{ ...NET, pool: ['10.0.0.1-x'] }] }],
    ['a lease without a unit', { version: 1, networks: [{ ...NET, lease: '60' }] }],
    ['an unknown key in a network', { version: 1, networks: [{ ...NET, gateway: '10.0.0.1' }] }],
    ['a MAC address that is too short', { version: 1, nodes: [{ name: 'n', mac: '52:54:00:12:34' }] }],
    ['a group address', { version: 1, nodes: [{ name: 'n', mac: '01:00:5e:00:00:01' }] }],
    ['a MAC address of mixed form', { version: 1, nodes: [{ name: 'n', mac: '52:54-00:12:34:56' }] }],
    ['no MAC address', { version: 1, nodes: [{ name: 'n', mac: [] }] }],
    ['a kernel with a space', { version: 1, images: { i: { kernel: 'my kernel' } } }],
    ['a port that is none', { version: 1, server: { boot: { http: 0 } } }],
    ['a listener without a port', { version: 1, server: { operator: { listen: 'nowhere' } } }],
    ['a number as a path', { version: 1, include: 5 }],
    ['half a core', { version: 1, profiles: { w: { requires: { cores: 0.5 } } } }],
    ['an unknown answer to strangers', { version: 1, unknown: 'maybe' }],
  ]
  for (const [name, value] of rows)
    test(name, () => {
      assert.equal(ConfigSchema.safeParse(value).success, false, 'validate accepts it')
      assert.equal(accepts(value), false, 'the JSON Schema accepts it')
    })
})

test('one or a list of them, and a section left empty', () => {
  for (const value of [
    { version: 1, networks: [{ ...NET, pool: '10.0.0.9', dns: '10.0.0.1' }] },
    { version: 1, networks: [{ ...NET, pool: ['10.0.0.9', '10.0.0.20 - 10.0.0.30'], dns: [] }] },
    { version: 1, nodes: [{ name: 'n', mac: '525400123456' }] },
    { version: 1, nodes: [{ name: 'n', mac: ['52:54:00:12:34:56', '52-54-00-12-34-57'] }] },
    { version: 1, nodes: null, server: null, menu: null, include: null },
  ])
    assert.ok(accepts(value), JSON.stringify(value))
  assert.equal(accepts({ version: null }), false)
})

test('included files have the four sections and no version', () => {
  assert.ok(accepts({ nodes: [{ name: 'n', mac: '52:54:00:12:34:56' }] }, 'included'))
  assert.equal(accepts({ version: 1 }, 'included'), false)
  assert.equal(accepts({ menu: {} }, 'included'), false)
})

test('whatever validate accepts in shape, editors accept', () => {
  const octet = fc.oneof(fc.nat(255), fc.constantFrom(0, 99, 100, 199, 200, 249, 250, 255)).map(String)
  const ip = fc.tuple(octet, octet, octet, octet).map((parts) => parts.join('.'))
  const text = fc.oneof(fc.string({ maxLength: 8 }), ip, fc.constantFrom('a', 'eth0', '1h', '[::1]:80', '-'))
  const range = fc.tuple(ip, fc.constantFrom('-', ' - ', ''), ip).map((parts) => parts.join(''))
  const mac = fc
    .tuple(fc.constantFrom(':', '-', ''), fc.array(fc.nat(255), { minLength: 6, maxLength: 6 }))
    .map(([separator, octets]) => octets.map((one) => one.toString(16).padStart(2, '0')).join(separator))
  const subnet = fc.tuple(octet, fc.nat(33)).map(([first, prefix]) => `${first}.0.0.0/${prefix}`)
  const one = fc.oneof(text, range, mac, subnet, ip)
  const value = fc.oneof(one, fc.array(one, { maxLength: 3 }))
  // One key at a time beside those that must be there: with more, nearly everything is refused for one of them.
  const network = fc
    .tuple(
      subnet,
      fc.oneof(
        fc.record({ pool: value }),
        fc.record({ dns: value }),
        fc.record({ address: one }),
        fc.record({ lease: text }),
        fc.record({ domain: text }),
        fc.record({ interface: text }),
      ),
    )
    .map(([of, rest]) => ({ networks: [{ name: 'a', subnet: of, ...rest }] }))
  const node = fc
    .tuple(value, fc.oneof(fc.record({ cmdline: text }), fc.record({ address: ip })))
    .map(([macs, rest]) => ({ nodes: [{ name: 'n', mac: macs, ...rest }] }))
  const image = fc.record({ kernel: text, initrd: value }).map((i) => ({ images: { i } }))
  const part = fc.oneof(network, node, image)
  let accepted = 0
  fc.assert(
    fc.property(part, (sample) => {
      if (!IncludedSchema.safeParse(sample).success) return
      accepted += 1
      assert.ok(accepts(sample, 'included'), JSON.stringify(sample))
    }),
    { seed: 20261123, numRuns: 3000 },
  )
  assert.ok(accepted > 500, `${accepted} samples were valid`)
})
