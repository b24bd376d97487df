import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseMac } from '../lib/mac.ts'
import { type AccessEntry, accessLine } from './access-line.ts'

const ENTRY: AccessEntry = {
  ...{ time: Date.UTC(2026, 10, 23), plane: 'http', network: 'provisioning', address: '10.77.0.11' },
  ...{ method: 'GET', path: '/boot.ipxe', status: 200, octets: 812, milliseconds: 1.234 },
}
const MIB = 1 << 20

/** What no viewer shall meet, decoded or not: control characters and everything that is not ASCII. */
const UNSAFE = /[^\x20-\x7e]/

function decoded(line: string): Record<string, unknown> {
  assert.ok(line.endsWith('\n') && line.length <= 8192, `${line.length} octets`)
  assert.doesNotMatch(line.slice(0, -1), UNSAFE)
  const entry = JSON.parse(line)
  for (const value of Object.values(entry)) assert.doesNotMatch(String(value), UNSAFE)
  return entry
}

test('a line has what is known, in a fixed order', () => {
  const mac = parseMac('52:54:00:77:00:01')
  assert.ok(mac)
  assert.equal(
    accessLine({ ...ENTRY, mac, node: 'node01', range: 'bytes=0-1', userAgent: 'iPXE/1.21.1', cut: true }),
    '{"time":"2026-11-23T00:00:00.000Z","plane":"http","network":"provisioning","address":"10.77.0.11",' +
      '"mac":"52:54:00:77:00:01","node":"node01","method":"GET","path":"/boot.ipxe","status":200,"octets":812,' +
      '"ms":1.2,"range":"bytes=0-1","agent":"iPXE/1.21.1","cut":true}\n',
  )
})

for (const [name, text, shown] of [
  ['LF', 'a\nb', 'a\\x0ab'],
  ['CR', 'a\rb', 'a\\x0db'],
  ['ESC', '\x1b[2J', '\\x1b[2J'],
  ['NUL', 'a\0b', 'a\\x00b'],
  ['C1', 'a\x9bb', 'a\\x9bb'],
  ['bidi', 'a\u202eb', 'a\\xe2\\x80\\xaeb'],
  ['bidi as octets', 'a\xe2\x80\xaeb', 'a\\xe2\\x80\\xaeb'],
  ['quotes', '"},{"x":"', '"},{"x":"'],
  ['backslash', 'a\\nb', 'a\\\\nb'],
] as const)
  test(`S-11: ${name} in every field stays one line, and is shown as what it is`, () => {
    const line = accessLine({
      ...ENTRY,
      method: text,
      path: text,
      range: text,
      userAgent: text,
      outcome: text,
    })
    const entry = decoded(line)
    for (const key of ['method', 'path', 'range', 'agent', 'outcome']) assert.equal(entry[key], shown, key)
  })

test('S-11: strings of 1 MiB leave a line of at most 8 KiB, the user agent is cut at 256 octets', () => {
  for (const character of ['a', '\n', '"', '\\', '\u202e', '\xff', '\u{1f480}']) {
    const text = character.repeat(MIB)
    decoded(accessLine({ ...ENTRY, method: text, path: text, range: text, userAgent: text, outcome: text }))
  }
  const { agent } = decoded(accessLine({ ...ENTRY, userAgent: 'a'.repeat(MIB) }))
  assert.equal(agent, `${'a'.repeat(256)}...`)
})

test('S-11: any text', () => {
  const text = fc.string({ unit: 'binary', maxLength: 3000 })
  fc.assert(
    fc.property(text, text, text, (path, range, userAgent) => {
      decoded(accessLine({ ...ENTRY, path, range, userAgent }))
    }),
  )
})
