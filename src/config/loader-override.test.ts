import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { resolveConfig } from './resolve.ts'

const FILE = '/c/x.yaml'

function nodeWith(loader: string): ReturnType<typeof resolveConfig> {
  const node = `  - name: a\n    mac: "52:54:00:12:34:56"\n    loader: ${loader}\n`
  return resolveConfig({ file: FILE, text: `version: 1\nnodes:\n${node}` }, [])
}

describe('the loader of a node', () => {
  for (const [loader, expected] of [
    ['ipxe.efi', 'ipxe.efi'],
    ['{ uefi-x64: ipxe.efi, onie: onie-installer }', { 'uefi-x64': 'ipxe.efi', onie: 'onie-installer' }],
    ['x'.repeat(127), 'x'.repeat(127)],
  ] as const)
    test(loader.slice(0, 60), () => {
      const { config } = nodeWith(loader)
      assert.deepEqual(config?.nodes[0]?.loader, expected)
    })
})

const NAME = /expected a file name of letters, digits, .* without folders/
const FORM = /^expected a file name such as my\.efi, or file names by architecture/

describe('X36, X37: loaders that are refused, at their place', () => {
  for (const [loader, path, message] of [
    ['"ipxe.efi "', 'nodes[0].loader', NAME],
    ['"ipxe.efi\\xff"', 'nodes[0].loader', NAME],
    ['efi/ipxe.efi', 'nodes[0].loader', NAME],
    ['../ipxe.efi', 'nodes[0].loader', NAME],
    ['.hidden', 'nodes[0].loader', NAME],
    ['"${filename}"', 'nodes[0].loader', NAME],
    ['x'.repeat(128), 'nodes[0].loader', /^expected at most 127 characters$/],
    ['{ uefi-x64: a/b }', 'nodes[0].loader.uefi-x64', NAME],
    [
      '{ uefi-x65: a.efi }',
      'nodes[0].loader',
      /^there is no architecture uefi-x65; there are bios-x86, .*, onie$/,
    ],
    ['[a.efi]', 'nodes[0].loader', FORM],
    ['5', 'nodes[0].loader', FORM],
  ] as const)
    test(loader.slice(0, 60), () => {
      const { config, problems } = nodeWith(loader)
      const errors = problems.filter(({ severity }) => severity === 'error')
      assert.equal(config, undefined)
      assert.deepEqual([errors.length, errors[0]?.path], [1, path])
      assert.match(errors[0]?.message ?? '', message)
    })
})

test('a profile and a network have loaders too, and every name is looked for with its place', () => {
  const text = `version: 1
networks:
  - { name: p, interface: lo, subnet: 10.77.0.0/24, dhcp: off, loader: s.efi }
profiles:
  worker: { loader: w.efi }
  db:
    loader:
      uefi-x64: d.efi
      bios-x86: no/name
nodes:
  - { name: a, mac: "52:54:00:12:34:56", loader: n.efi }
`
  const { loaders, config } = resolveConfig({ file: FILE, text: text.replace('no/name', 'd.pxe') }, [])
  assert.equal(config?.profiles.get('worker')?.loader, 'w.efi')
  const shown = (found: typeof loaders): readonly string[] =>
    found.map(({ target, origin, path }) => `${origin.line}:${origin.column} ${path} ${target}`)
  assert.deepEqual(
    [...(config?.networks ?? [])].map(({ loader }) => loader),
    ['s.efi'],
  )
  assert.deepEqual(shown(loaders), [
    '3:72 networks[0].loader s.efi',
    '5:21 profiles.worker.loader w.efi',
    '8:17 profiles.db.loader.uefi-x64 d.efi',
    '9:17 profiles.db.loader.bios-x86 d.pxe',
    '11:50 nodes[0].loader n.efi',
  ])
  const broken = resolveConfig({ file: FILE, text }, [])
  assert.deepEqual(
    shown(broken.loaders).map((line) => line.split(' ')[2]),
    ['s.efi', 'w.efi', 'd.efi', 'n.efi'],
  )
})
