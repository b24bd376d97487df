import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lexIpxe } from './lex.ts'

const commands = (text: string): readonly string[] =>
  lexIpxe(text).commands.map(({ after, words }) => `${after} ${words.join(' ')}`.trim())

test('lines, spaces, carriage returns and continuations', () => {
  assert.deepEqual(commands('a  b\tc\r\nd \\\ne\n\n'), ['start a b c', 'start d e'])
})

test('a word that begins with # ends the line, anywhere', () => {
  assert.deepEqual(commands('#!ipxe\nkernel x #y z\n# all'), ['start kernel x'])
})

test('separators are words of their own', () => {
  assert.deepEqual(commands('a || b && c ; d'), ['start a', '|| b', '&& c', '; d'])
  assert.deepEqual(commands('a||b'), ['start a||b'])
  assert.deepEqual(commands('a ||'), ['start a', '||'])
})

test('a label, and what stands behind it', () => {
  assert.deepEqual(lexIpxe(':retry\n:x echo y'), {
    labels: ['retry', 'x'],
    commands: [{ line: 2, words: ['echo', 'y'], after: 'start' }],
  })
})
