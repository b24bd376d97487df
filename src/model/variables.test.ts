import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPlainText, isPlainWord, readPlaceholders, VARIABLES } from './variables.ts'

test('placeholders are found with their places, the text between them stays', () => {
  assert.deepEqual(readPlaceholders('ip={{node.address}}::{{ network.router }}:x'), {
    ok: true,
    value: [
      'ip=',
      { variable: 'node.address', at: 3, length: 16 },
      '::',
      { variable: 'network.router', at: 21, length: 20 },
      ':x',
    ],
  })
  assert.deepEqual(readPlaceholders('rack={{label.rack}}'), {
    ok: true,
    value: ['rack=', { variable: 'label.rack', at: 5, length: 14 }],
  })
  assert.deepEqual(readPlaceholders('no braces, {one} $' + '{two}'), {
    ok: true,
    value: ['no braces, {one} $' + '{two}'],
  })
})

for (const text of [
  '{{node.nmae}}',
  '{{node.name',
  '{{ }}',
  '{{__proto__}}',
  '{{constructor}}',
  '{{label.}}',
  '{{label.a b}}',
  '{{node\n.name}}',
  '{{{node.name}}}',
])
  test(`what is no placeholder is an error: ${JSON.stringify(text)}`, () => {
    const found = readPlaceholders(`abc ${text}`)
    assert.ok(!found.ok)
    assert.equal(found.error.at, 4)
  })

test('plain words mean nothing to a shell, plain text has one line', () => {
  for (const word of [
    'node-01',
    '10.77.0.11',
    '52:54:00:12:34:56',
    'http://10.77.0.1:8080/documents/x/',
    '_a',
  ])
    assert.ok(isPlainWord(word), word)
  for (const text of [
    '',
    '-rf',
    'a b',
    "a'b",
    'a"b',
    '$(x)',
    '`x`',
    'a\\',
    'a;b',
    'a|b',
    'a#b',
    'a\nb',
    '#a',
    '~a',
  ])
    assert.ok(!isPlainWord(text), text)
  for (const text of ['a b', '"', "'; rm -rf /", '#x', 'a\\']) assert.ok(isPlainText(text), text)
  for (const text of ['', ' a', 'a ', 'a\nb', 'a\rb', 'a\0b', 'ä', '\u2028', 'a\tb'])
    assert.ok(!isPlainText(text), text)
})

test('every variable of the table can be written', () => {
  for (const name of Object.keys(VARIABLES)) {
    const found = readPlaceholders(`{{${name}}}`)
    assert.ok(found.ok)
    assert.deepEqual(found.value, [{ variable: name, at: 0, length: name.length + 4 }])
  }
})
