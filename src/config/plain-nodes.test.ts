import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LineCounter, parseDocument } from 'yaml'
import { readPlainNodes } from './plain-nodes.ts'
import { resolveConfig } from './resolve.ts'

const HEAD = 'version: 1\n'

/** What the YAML parser makes of a text. */
function slowly(text: string) {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' })
  const list = document.getIn(['nodes'], true)
  const items: readonly unknown[] =
    typeof list === 'object' && list !== null && 'items' in list && Array.isArray(list.items)
      ? list.items
      : []
  const places = items.map((item) => {
    const range: unknown = Reflect.get(Object(item), 'range')
    const { line, col } = lines.linePos(Array.isArray(range) ? Number(range[0]) : -1)
    return [line, col]
  })
  return { problems: document.errors.length + document.warnings.length, value: document.toJS(), places }
}

/** Returns whether it was read so. */
function assertSame(text: string): boolean {
  const quick = readPlainNodes(text)
  if (quick === undefined) return false
  const rest = parseDocument(quick.rest, { logLevel: 'error' })
  if (rest.errors.length + rest.warnings.length > 0) return false
  const slow = slowly(text)
  assert.equal(slow.problems, 0, text)
  assert.deepEqual({ ...rest.toJS(), nodes: quick.items }, slow.value, text)
  assert.deepEqual(
    quick.lines.map((line, index) => [line, quick.columns[index]]),
    slow.places,
    text,
  )
  return true
}

test('what programs write is read without a syntax tree, with its places', () => {
  const text = [
    ...['version: 1', 'nodes:'],
    ...[
      '# two of them',
      '  - { name: n0, mac: "02-de-00-00-00-00", labels: { rack: r1, unit: 7 } } # first',
      '',
    ],
    ...[
      '  - name: n1',
      '    mac: [02:de:00:00:00:01, 02:de:00:00:00:02]',
      '    # its own',
      "    cmdline: 'a b'",
    ],
    ...['    address: 10.77.0.9', 'unknown: local', ''],
  ].join('\n')
  assert.deepEqual(readPlainNodes(text), {
    items: [
      { name: 'n0', mac: '02-de-00-00-00-00', labels: { rack: 'r1', unit: 7 } },
      {
        ...{ name: 'n1', mac: ['02:de:00:00:00:01', '02:de:00:00:00:02'], cmdline: 'a b' },
        address: '10.77.0.9',
      },
    ],
    lines: [4, 6],
    columns: [5, 5],
    rest: 'version: 1\nnodes:\nunknown: local\n',
    ...{ cut: 18, cutLines: 8 },
  })
  assert.ok(assertSame(text))
})

const STRANGE = [
  ...[
    '- {name: &a x}',
    '- {name: *a}',
    '- {name: !!str 1}',
    '- name: |\n    x',
    '- name: a\n  name: b',
    '- null',
  ],
  ...[
    '- {name: "a\\n"}',
    '- name: a\n    b: c',
    '- name: a b',
    '- {name: ~}',
    '- {name: Null}',
    '- {name: 0x1f}',
  ],
  ...['- {name: 1.5}', '- {name: 012}', '- {a, b}', '- {name: a', '- [a]', '- name:\n    x: y', '-\tname: a'],
  ...[
    '- name: a\r',
    '- {"name": a}',
    '- {name: "a" b}',
    '- {name: ä}',
    '- name: a\n...',
    '- name: a\n---\nb: c',
  ],
  ...[
    '- {name: a,}',
    '- {name: {}}',
    '- true: a',
    '- <<: a',
    `- {name: ${'['.repeat(20)}a${']'.repeat(20)}}`,
  ],
]

test('anything else is left to YAML', () => {
  for (const strange of STRANGE)
    assert.equal(readPlainNodes(`nodes:\n- name: a\n${strange}\n`), undefined, strange)
  for (const text of [
    '',
    'nodes:\n',
    'nodes: []\n',
    '%YAML 1.1\n---\nnodes:\n- name: a\n',
    '\ufeffnodes:\n- name: a\n',
  ])
    assert.equal(readPlainNodes(text), undefined, text)
})

test('whatever is read so means what YAML says', () => {
  const piece = fc.constantFrom(
    ...[
      '- ',
      '- name: a',
      '  - { ',
      '{ name: a, mac: "x y" }',
      ' }',
      '[a, b]',
      'mac: ',
      'name: ',
      'a',
      ':',
      ': ',
      ',',
    ],
    ...[
      ', ',
      '\n',
      '\n  ',
      '\n    ',
      '\n- ',
      '\n  - ',
      '#',
      ' # c',
      '"',
      "'",
      'q: "x"',
      "q: 'x'",
      '12',
      '1.5',
      '0',
      '-1',
    ],
    ...[
      '1e3',
      '0x1',
      'true',
      'null',
      'Yes',
      '02:de:00:00:00:01',
      '12-34-56-12-34-56',
      '10.0.0.1',
      '/24',
      '.',
      '-',
      '_',
    ],
    ...[
      '&x',
      '*x',
      '!',
      '|',
      '>',
      '?',
      '%',
      '\\',
      '\t',
      '12:30',
      '2026-01-01',
      'version: 1\n',
      'nodes:\n',
      '\nunknown: a\n',
    ],
  )
  const text = fc.array(piece, { minLength: 1, maxLength: 14 }).map((pieces) => `nodes:\n${pieces.join('')}`)
  const line = fc.constantFrom(
    ...[
      '- name: a',
      '- {name: b, mac: [c, d]}',
      '  mac: "x"',
      '  n: 12',
      '- { labels: { a: b } }',
      '# c',
      '',
      '  # c',
    ],
    ...[
      'unknown: x',
      '  - name: a',
      '    mac: y',
      "  q: 'z' # c",
      '- name: 10.0.0.1/24',
      'nodes:',
      'images: { a: b }',
    ],
  )
  const lines = fc
    .array(line, { minLength: 1, maxLength: 9 })
    .map((all) => `${HEAD}nodes:\n${all.join('\n')}\n`)
  let read = 0
  const check = (one: string): void => {
    if (assertSame(one)) read += 1
  }
  fc.assert(fc.property(fc.oneof(text, lines), check), { seed: 20261123, numRuns: 10_000 })
  assert.ok(read > 300, `${read} were read`)
})

test('what is wrong with a plain node is told at its line and column, as everywhere', () => {
  const text = `${HEAD}nodes:\n  - { name: n0, mac: "02-de-00-00-00-00" }\n  - { name: n0, mac: x, profil: y }\nunknwn: z\n`
  assert.notEqual(readPlainNodes(text), undefined)
  const quick = resolveConfig({ file: 'a', text }, []).problems
  // An anchor nobody uses is nothing that can be read so.
  const slow = resolveConfig(
    { file: 'a', text: text.replace('unknwn: z', 'unknwn: &a z').replace('nodes:\n', 'nodes: \n') },
    [],
  )
  assert.deepEqual(quick, slow.problems)
  assert.deepEqual(
    quick
      .filter(({ severity }) => severity === 'error')
      .map(({ origin, path }) => [origin.line, origin.column, path]),
    [
      [4, 13, 'nodes[1].name'],
      [4, 22, 'nodes[1].mac'],
      [4, 25, 'nodes[1].profil'],
      [5, 1, 'unknwn'],
    ],
  )
})
