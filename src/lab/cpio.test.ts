import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { type CpioEntry, encodeCpio } from './cpio.ts'
import { findProgram } from './packages.ts'

const latin1 = new TextDecoder('latin1')
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

test('one file: header fields, name and data in their places, padded to four and to a block', () => {
  const archive = encodeCpio([{ kind: 'file', path: 'init', mode: 0o755, data: bytes('hello') }])
  assert.equal(
    latin1.decode(archive.subarray(0, 110)),
    [
      '070701',
      ...['00000001', '000081ed', '00000000', '00000000', '00000001', '00000000', '00000005'],
      ...['00000000', '00000000', '00000000', '00000000', '00000005', '00000000'],
    ].join(''),
  )
  // 110 + 5 = 115, padded to 116; data 5 bytes, padded to 124.
  assert.equal(latin1.decode(archive.subarray(110, 124)), 'init\0\0hello\0\0\0')
  assert.equal(latin1.decode(archive.subarray(124, 130)), '070701')
  assert.equal(latin1.decode(archive.subarray(124 + 110, 124 + 110 + 11)), 'TRAILER!!!\0')
  assert.equal(archive.length, 512)
})

test('each kind has its type bits; devices their numbers', () => {
  const modeOf = (entry: CpioEntry): string => latin1.decode(encodeCpio([entry]).subarray(14, 22))
  assert.equal(modeOf({ kind: 'directory', path: 'd', mode: 0o755 }), '000041ed')
  assert.equal(modeOf({ kind: 'symlink', path: 's', target: 't' }), '0000a1ff')
  const console: CpioEntry = { kind: 'character-device', path: 'c', mode: 0o600, major: 5, minor: 1 }
  assert.equal(modeOf(console), '00002180')
  assert.equal(latin1.decode(encodeCpio([console]).subarray(78, 94)), '0000000500000001')
})

test('the order of the entries does not matter', () => {
  const entries: CpioEntry[] = [
    { kind: 'directory', path: 'bin', mode: 0o755 },
    { kind: 'file', path: 'bin/sh', mode: 0o755, data: bytes('#') },
    { kind: 'symlink', path: 'bin/ash', target: 'sh' },
  ]
  assert.deepEqual(encodeCpio(entries), encodeCpio([...entries].reverse()))
})

for (const [name, entries] of [
  ['an absolute path', ['/init']],
  ['a path twice', ['init', 'init']],
  ['a missing parent', ['bin/sh']],
  ['an empty path', ['']],
] as const) {
  test(`${name} is our own nonsense`, () => {
    assert.throws(
      () => encodeCpio(entries.map((path) => ({ kind: 'file', path, mode: 0o644, data: bytes('') }))),
      /cpio/,
    )
  })
}

const cpio = findProgram('cpio') === undefined ? findProgram('busybox') : findProgram('cpio')
const cpioArgs = cpio?.endsWith('busybox') === true ? ['cpio', '-t'] : ['-t', '--quiet']

test('an independent reader lists every entry', { skip: cpio === undefined && 'no cpio' }, () => {
  const files = fc.uniqueArray(
    fc.stringMatching(/^[a-z0-9._-]{1,40}$/).filter((name) => !/^\.+$/.test(name)),
    {
      maxLength: 20,
    },
  )
  fc.assert(
    fc.property(
      files,
      fc.array(fc.uint8Array({ maxLength: 600 }), { minLength: 20, maxLength: 20 }),
      (names, data) => {
        const entries = names.map(
          (path, i): CpioEntry => ({ kind: 'file', path, mode: 0o644, data: data[i] ?? new Uint8Array(0) }),
        )
        const listed = spawnSync(cpio ?? '', cpioArgs, { input: encodeCpio(entries), encoding: 'utf8' })
        assert.equal(listed.status, 0)
        assert.deepEqual(listed.stdout.split('\n').filter(Boolean), [...names].sort())
      },
    ),
    { seed: 20, numRuns: 15 },
  )
})
