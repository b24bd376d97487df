import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryDisk } from '../../test/helpers/memory.ts'
import { formatProblem } from '../config/source.ts'
import { loadConfig } from './load-config.ts'

const CONFIG = `version: 1
networks:
  - { name: rack, interface: eno2, subnet: 10.7.0.0/24, address: 10.7.0.1, dhcp: server }
images:
  d-i: { kernel: ./vmlinuz }
documents:
  debian: { kind: preseed, file: ./preseed.cfg }
  live: { kind: cloud-init, file: ./user-data }
profiles:
  control-plane: { image: d-i, document: live }
  worker: { image: d-i, document: debian }
  all-in-one: { image: d-i }
nodes:
  - { name: w1, mac: "52:54:00:12:34:56", profile: worker, serial: X1 }
  - { name: w2, mac: "52:54:00:12:34:57", profile: worker }
  - { name: c1, mac: "52:54:00:12:34:58", profile: control-plane, labels: { motd: "; rm -rf /" } }
`
const FILES = {
  '/c/vmlinuz': 'k',
  '/c/preseed.cfg': 'd-i a/b string {{node.serial}}\n',
  '/c/user-data': '#cloud-config\nmotd: {{label.motd}}\n',
}

async function problems(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const disk = new MemoryDisk({ '/c/lab.yaml': CONFIG, ...FILES, ...files })
  const found = (await loadConfig('/c/lab.yaml', disk)).problems
  return found.map(formatProblem).filter((line) => !line.includes('firmware'))
}

test('each node is told of that lacks a value, at its place', async () => {
  assert.deepEqual(await problems({}), [
    '/c/lab.yaml:15:5: w2: debian, preseed.cfg, line 1: {{node.serial}} has no value for this machine',
  ])
})

test('a value that would begin something in a shell is refused for the node that has it', async () => {
  const lines = await problems({
    '/c/preseed.cfg': 'd-i a/b string x\n',
    '/c/user-data': '#cloud-config\nruncmd: [echo {{label.motd}}]\n',
  })
  assert.deepEqual(lines, [
    '/c/lab.yaml:16:5: c1: live, user-data, line 2: {{label.motd}}, "; rm -rf /", is more than one plain word, and only that may be a part of something larger',
  ])
})

test('what is wrong in a template is told with its file and line', async () => {
  const lines = await problems({
    '/c/preseed.cfg': 'd-i a/b string x\nd-i a/b string {{node.nmae}}\n',
    '/c/user-data': 'motd: x\n',
  })
  assert.match(
    lines[0] ?? '',
    /^\/c\/preseed\.cfg:2:1: preseed\.cfg: there is no variable "node\.nmae"; there are/,
  )
  assert.equal(
    lines[1],
    '/c/user-data:1:1: user-data: begins with the line #cloud-config, or cloud-init ignores it',
  )
})

test('a template that is not there, a document that nobody wrote, and a key of another kind', async () => {
  const config = CONFIG.replace('file: ./preseed.cfg', 'file: ./other.cfg, metaData: ./user-data')
  const lines = await problems({
    '/c/lab.yaml': config.replace('all-in-one: { image: d-i }', 'all-in-one: { image: d-i, document: none }'),
  })
  assert.deepEqual(
    lines.map((line) => line.replace(/cannot be read: .*/, 'cannot be read')),
    [
      '/c/lab.yaml:7:34: documents.debian.file: cannot be read',
      '/c/lab.yaml:7:57: documents.debian.metaData: a document of kind preseed has only file:',
      '/c/lab.yaml:12:39: profiles.all-in-one.document: there is no document none; there are debian, live',
    ],
  )
})

describe('what `node install` would boot, and kernel arguments', () => {
  const VALID = { '/c/user-data': '#cloud-config\nlocale: C\n' }
  const of = (nodes: string, profiles = '', image = ''): Promise<readonly string[]> =>
    problems({
      ...VALID,
      '/c/lab.yaml': `${CONFIG.slice(0, CONFIG.indexOf('nodes:'))}nodes:\n${nodes}`
        .replace('profiles:\n', `profiles:\n${profiles}`)
        .replace('{ kernel: ./vmlinuz }', `{ kernel: ./vmlinuz${image} }`),
    })

  test('the document of the profile under install: is read with the values of the node', async () => {
    const node = '  - { name: w1, mac: "52:54:00:12:34:56", profile: all-in-one, install: deb }\n'
    const deb = '  deb: { image: d-i, document: debian, install: installer }\n'
    assert.deepEqual(await of(node, deb), [
      '/c/lab.yaml:15:5: w1: debian, preseed.cfg, line 1: {{node.serial}} has no value for this machine',
    ])
    assert.deepEqual(await of(node.replace('{ name', '{ serial: X1, name'), deb), [])
  })

  test('a value that is not there, or no plain word, in the arguments of image, profile and node', async () => {
    const node = '  - { name: w1, mac: "52:54:00:12:34:56", profile: all-in-one, labels: { nic: "a b" } }\n'
    const says = '/c/lab.yaml:14:5: w1: warning: cannot boot the profile all-in-one: '
    for (const [text, why] of [
      ['{{label.disk}}', '{{label.disk}} has no value for this machine'],
      ['{{node.uuid}}', '{{node.uuid}} has no value for this machine'],
      ['{{label.nic}}', '{{label.nic}} is "a b", which is no plain word'],
      ['{{node.address}}-{{network.router}}-{{node.name}}', undefined],
    ] as const) {
      const expected = why === undefined ? [] : [`${says}${why}`]
      assert.deepEqual(await of(node, '', `, cmdline: "x=${text}"`), expected)
      assert.deepEqual(await of(node.replace('{ name', `{ cmdline: "x=${text}", name`)), expected)
    }
    assert.deepEqual(
      await of(node.replace('all-in-one', 'san'), '  san: { image: d-i, cmdline: "y={{label.z}}" }\n'),
      [
        '/c/lab.yaml:15:5: w1: warning: cannot boot the profile san: {{label.z}} has no value for this machine',
      ],
    )
  })
})
