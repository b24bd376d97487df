import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseKeys } from './keys.ts'

test('steps are read in order; names, characters, texts, comments', () => {
  const parsed = parseKeys(
    [
      '# choose the second profile',
      '',
      'unknown-1  "Centra boot"  2          # worker',
      'node01 "Press Ctrl-B" ctrl-b',
      'node01 "iPXE>" "show net0/mac\\n" down enter',
      '\tnode02 "a \\"quoted\\" # text" esc\r',
    ].join('\n'),
    'keys.txt',
  )
  assert.deepEqual(parsed, {
    ok: true,
    value: [
      { machine: 'unknown-1', waitFor: 'Centra boot', send: '2' },
      { machine: 'node01', waitFor: 'Press Ctrl-B', send: '\x02' },
      { machine: 'node01', waitFor: 'iPXE>', send: 'show net0/mac\r\x1b[B\r' },
      { machine: 'node02', waitFor: 'a "quoted" # text', send: '\x1b' },
    ],
  })
})

test('every error is told, with its place', () => {
  const parsed = parseKeys(
    'node01\nnode01 Menu 2\nnode01 "Menu"\nnode01 "Menu 2\nnode01 "Menu" F12 enter',
    'k',
  )
  assert.ok(!parsed.ok)
  assert.deepEqual(
    parsed.error.map((line) => line.split(', such as')[0]?.split('; there are')[0]),
    [
      'k:1:1: expected MACHINE "text to wait for" KEY...',
      'k:2:1: expected MACHINE "text to wait for" KEY...',
      'k:3:1: expected MACHINE "text to wait for" KEY...',
      'k:4:8: a quote without an end',
      'k:5:15: there is no key F12',
    ],
  )
})
