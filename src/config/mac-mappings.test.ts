import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parse } from 'yaml'
import type { Mac } from '../lib/mac.ts'
import { mappingsYaml, readMacMappings } from './mac-mappings.ts'
import { resolveConfig } from './resolve.ts'
import { formatProblem } from './source.ts'

const CONTEXT = {
  profiles: new Set(['worker', 'control-plane']),
  names: new Set(['taken']),
  macs: new Set(['52:54:00:00:00:99' as Mac]),
}
const read = (text: string) => {
  const { nodes, problems } = readMacMappings({ file: 'mac-mappings.txt', text }, CONTEXT)
  return { nodes, problems: problems.map(formatProblem) }
}

describe('mac-mappings', () => {
  test('a machine on each line, in all the forms that people write', () => {
    const { nodes, problems } = read(
      '\uFEFF# MAC profile host\r\n\n52:54:00:00:00:01 worker node01 # rack 1, left\r\n' +
        '52-54-00-00-00-02,control-plane,Node_02,the old one\n525400000003\tworker\tnode03\n' +
        '  52:54:00:00:00:04 | worker | node01 | its second card\n',
    )
    assert.deepEqual(problems, [])
    assert.deepEqual(nodes, [
      {
        name: 'node01',
        macs: ['52:54:00:00:00:01', '52:54:00:00:00:04'],
        profile: 'worker',
        comments: ['rack 1, left', 'its second card'],
      },
      { name: 'node-02', macs: ['52:54:00:00:00:02'], profile: 'control-plane', comments: ['the old one'] },
      { name: 'node03', macs: ['52:54:00:00:00:03'], profile: 'worker', comments: [] },
    ])
    assert.equal(
      mappingsYaml(nodes, 'mac-mappings.txt'),
      `# Made of mac-mappings.txt.

nodes:
  # rack 1, left
  # its second card
  - name: node01
    mac:
      - "52:54:00:00:00:01"
      - "52:54:00:00:00:04"
    profile: worker
  # the old one
  - name: node-02
    mac: "52:54:00:00:00:02"
    profile: control-plane
  - name: node03
    mac: "52:54:00:00:00:03"
    profile: worker
`,
    )
  })

  test('every problem at once, with its place', () => {
    const { problems } = read(`52:54:00:00:00:01 worker
01:00:5e:00:00:01 worker node01
52:54:00:00:00:02 wor/ker node02
52:54:00:00:00:03 worker n\u001bode
52:54:00:00:00:04 worker node04
52:54:00:00:00:04 worker node05
52:54:00:00:00:05 control-plane node04
52:54:00:00:00:99 worker node06
52:54:00:00:00:06 worker taken
52:54:00:00:00:07 database node07
00:00:00:00:00:00 worker node08
`)
    assert.deepEqual(problems, [
      'mac-mappings.txt:1:1: expected a MAC address, a profile and a host name, such as 52:54:00:12:34:56 worker web-01',
      'mac-mappings.txt:2:1: expected the MAC address of a network card, got "01:00:5e:00:00:01"',
      'mac-mappings.txt:3:19: expected a name of letters, digits and dashes, got "wor/ker"',
      'mac-mappings.txt:4:26: expected a name of letters, digits and dashes, got "n\\x1bode"',
      'mac-mappings.txt:6:1: 52:54:00:00:00:04 is on line 5 already',
      'mac-mappings.txt:7:1: node04 has the profile worker on an earlier line, and control-plane here',
      "mac-mappings.txt:8:1: 52:54:00:00:00:99 is a node's of the configuration already",
      'mac-mappings.txt:9:1: the configuration has a node taken already',
      'mac-mappings.txt:10:1: warning: there is no profile database; write it under profiles:',
      'mac-mappings.txt:11:1: expected the MAC address of a network card, got "00:00:00:00:00:00"',
    ])
  })

  test('two spellings that would become one name are an error that names both', () => {
    const { problems } = read(`52:54:00:00:00:01 worker web_01
52:54:00:00:00:02 worker  Web-01
52:54:00:00:00:03 worker db.a.example
52:54:00:00:00:04 worker db.b.example
52:54:00:00:00:05 control_plane n1
52:54:00:00:00:06 control-plane n2
52:54:00:00:00:07 worker N1
`)
    assert.deepEqual(
      problems.filter((problem) => !problem.includes('warning')),
      [
        'mac-mappings.txt:2:27: web-01 here and web_01 (mac-mappings.txt:1:26) both become web-01; if they are one, write them alike',
        'mac-mappings.txt:4:26: db.b.example here and db.a.example (mac-mappings.txt:3:26) both become db; if they are one, write them alike',
        'mac-mappings.txt:6:19: control-plane here and control_plane (mac-mappings.txt:5:19) both become control-plane; if they are one, write them alike',
        'mac-mappings.txt:7:1: n1 has the profile control-plane on an earlier line, and worker here',
      ],
    )
  })

  test('a # begins a comment at the beginning of a line or after a blank, and nowhere else', () => {
    const { nodes, problems } = read(`# all of it
 \t# and this
52:54:00:00:00:01 worker n1 # room#3
52:54:00:00:00:02 worker n2\t#left
52:54:00:00:00:03 worker n3,rack#4
52:54:00:00:00:04 worker h#1
52:54:00:00:00:05#worker n5
`)
    assert.deepEqual(
      nodes.map(({ name, comments }) => [name, ...comments]),
      [
        ['n1', 'room#3'],
        ['n2', 'left'],
        ['n3', 'rack#4'],
      ],
    )
    assert.deepEqual(problems, [
      'mac-mappings.txt:6:26: expected a name of letters, digits and dashes, got "h#1"',
      'mac-mappings.txt:7:1: expected a MAC address, a profile and a host name, such as 52:54:00:12:34:56 worker web-01',
    ])
  })

  test('a domain is left out, and said once', () => {
    const { nodes, problems } = read(`52:54:00:00:00:01 worker web-01.example.org
52:54:00:00:00:02 worker web_02.EXAMPLE.org.
52:54:00:00:00:03 worker web-01.example.org # its second card
52:54:00:00:00:04 worker 10.0.0.5
52:54:00:00:00:06 worker web_02.example.org
52:54:00:00:00:05 worker a..b
`)
    assert.deepEqual(
      nodes.map(({ name, macs }) => [name, macs.length]),
      [
        ['web-01', 2],
        ['web-02', 2],
      ],
    )
    assert.deepEqual(problems, [
      'mac-mappings.txt:1:26: warning: the domain example.org is left out of names: web-01.example.org is the node web-01',
      'mac-mappings.txt:4:26: expected a name of letters, digits and dashes, got "10.0.0.5"',
      'mac-mappings.txt:6:26: expected a name of letters, digits and dashes, got "a..b"',
    ])
  })

  test('whatever the file is, what comes out is nodes that the configuration takes, or nothing', () => {
    const line = fc
      .tuple(
        fc.nat({ max: 0xffff }),
        fc.constantFrom('worker', 'control-plane'),
        fc.nat({ max: 9 }),
        fc.string({ unit: 'binary' }),
      )
      .map(
        ([mac, profile, name, comment]) =>
          `52:54:00:00:${(mac >> 8).toString(16).padStart(2, '0')}:${(mac & 255).toString(16).padStart(2, '0')} ${profile} n${name} # ${comment}`,
      )
    fc.assert(
      fc.property(fc.array(fc.oneof(line, fc.string({ unit: 'binary' }))), (lines) => {
        const { nodes, problems } = read(lines.join('\n'))
        if (problems.length > 0 || nodes.length === 0) return
        const text = mappingsYaml(nodes, 'x')
        assert.equal(parse(text).nodes.length, nodes.length)
        const main = {
          file: '/c/x.yaml',
          text: 'version: 1\nimages: {x: {kernel: /k}}\nprofiles: {worker: {image: x}, control-plane: {image: x}}\nnetworks: [{name: a, interface: eth0, subnet: 10.0.0.0/24}]\n',
        }
        const { problems: wrong } = resolveConfig(main, [{ file: '/c/n.yaml', text }])
        assert.deepEqual(wrong.filter(({ severity }) => severity === 'error').map(formatProblem), [])
      }),
      { seed: 7, numRuns: 300 },
    )
  })
})

test('problems come in the order of the lines', () => {
  const { problems } = read(
    'x worker a\n52:54:00:00:00:01 nobodys web_01\n52:54:00:00:00:02 worker web-01\nx worker b\n52:54:00:00:00:02 worker c\n',
  )
  const lines = problems.map((problem) => Number(/^[^:]*:(\d+):/.exec(problem)?.[1]))
  assert.deepEqual([...new Set(lines)], [1, 2, 3, 4, 5])
  assert.deepEqual(
    lines,
    lines.toSorted((a, b) => a - b),
  )
})
