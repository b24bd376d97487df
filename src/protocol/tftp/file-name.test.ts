import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runs } from '../../../test/helpers/counts.ts'
import { candidateNames } from './file-name.ts'

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

const NAMES: readonly (readonly [name: string, sent: string, ...candidates: string[]])[] = [
  ['a plain name', 'undionly.kpxe', 'undionly.kpxe'],
  ['T22: with the octet behind option 67', 'undionly.kpxe\xff', 'undionly.kpxe\xff', 'undionly.kpxe'],
  ['cut at 0xff, whatever follows', 'a.efi\xff\x03\x04../', 'a.efi'],
  ['a carriage return behind it', 'a.efi\r\n', 'a.efi'],
  ['octets above 127 behind it', 'a.efi\x80\x81', 'a.efi\x80\x81', 'a.efi'],
  ['octets above 127 inside', 'gr\xfcn.efi', 'gr\xfcn.efi'],
  ['T23: backslashes', '\\boot\\x64\\file', '\\boot\\x64\\file', 'boot/x64/file'],
  ['T23: /a', '/a', '/a', 'a'],
  ['T23: //a', '//a', '//a', 'a'],
  ['T23: ./a', './a', './a', 'a'],
  ['doubled slashes and dots inside', 'a//b/./c', 'a//b/./c', 'a/b/c'],
  ['a URL', 'tftp://192.0.2.1/a/b', 'tftp://192.0.2.1/a/b', 'a/b'],
  ['a URL in capitals with an empty part', 'TFTP://host:69//a', 'TFTP://host:69//a', 'a'],
  ['percent-encoded: the literal name first', 'a%20b', 'a%20b', 'a b'],
  ['percent-encoded slash', '/x%2fy', '/x%2fy', 'x%2fy', 'x/y'],
  ['encoded twice is decoded once', 'a%2525', 'a%2525', 'a%25'],
  ['broken encoding', 'a%2', 'a%2'],
  ['broken and good encoding', 'a%41%zz', 'a%41%zz'],
  ['dots that are no parent', 'a..b/.c', 'a..b/.c'],
  ['a PXELINUX name', 'pxelinux.cfg/01-52-54-00-12-34-56', 'pxelinux.cfg/01-52-54-00-12-34-56'],
  ['T38: below a serial number', 'dc2d6e8f/config.txt', 'dc2d6e8f/config.txt', 'config.txt'],
  ['T38: below a MAC address', 'dc-a6-32-01-02-03/start4.elf', 'dc-a6-32-01-02-03/start4.elf', 'start4.elf'],
  ['below something else', 'dc2d6e8/config.txt', 'dc2d6e8/config.txt'],
  ['a drive letter is no candidate for anything', 'C:\\boot.ini', 'C:\\boot.ini', 'C:/boot.ini'],
]

for (const [name, sent, ...candidates] of NAMES) {
  test(`${name}: ${JSON.stringify(sent)}`, () => {
    assert.deepEqual(candidateNames(bytes(sent)), { ok: true, value: candidates })
  })
}

const REFUSED = [
  '..',
  '../../etc/passwd',
  'a/../b',
  'a/..',
  '..\\..\\windows\\win.ini',
  'a\\..\\b',
  '....//....//etc/passwd',
  '.../a',
  '/../a',
  './../a',
  'tftp://host/../a',
  '%2e%2e/a',
  '%2e%2e%2fa',
  '..%5ca',
  'a%00.efi',
  'a%0ab',
  'a\0b',
  'a\0',
  'a\x01b',
  'a\x7fb',
  'a\nb.efi',
  '../a\xff',
  'dc2d6e8f/../a',
] as const

for (const sent of REFUSED) {
  test(`T24: refused: ${JSON.stringify(sent)}`, () => {
    const refusal = { code: 2, message: 'Access violation' }
    assert.deepEqual(candidateNames(bytes(sent)), { ok: false, error: refusal })
  })
}

for (const sent of ['/', './', '\\', '\xff', '\xffabc', 'tftp://host', 'tftp://host/', '\r\n']) {
  test(`nothing left: ${JSON.stringify(sent)}`, () => {
    assert.deepEqual(candidateNames(bytes(sent)), {
      ok: false,
      error: { code: 1, message: 'File not found' },
    })
  })
}

test('no octets give a candidate with a parent part, a control character or no characters', () => {
  const pieces = fc.constantFrom(
    '..',
    '.',
    '/',
    '\\',
    '%2e',
    '%2f',
    '%5c',
    '%00',
    'a',
    '\xff',
    '\x01',
    'tftp://h/',
    '%25',
  )
  const name = fc.oneof(
    fc.array(pieces, { minLength: 1, maxLength: 8 }).map((parts) => bytes(parts.join(''))),
    fc.uint8Array({ minLength: 1, maxLength: 20 }),
  )
  fc.assert(
    fc.property(name, (sent) => {
      const names = candidateNames(sent)
      if (!names.ok) return
      assert.ok(names.value.length > 0 && names.value.length <= 5)
      for (const candidate of names.value) {
        assert.notEqual(candidate, '')
        assert.ok(!candidate.split(/[/\\]/).includes('..'), candidate)
        assert.ok(!Array.from(candidate).some((c) => c < ' ' || c === '\x7f'), candidate)
      }
    }),
    { seed: 24, numRuns: runs(20_000, 400_000) },
  )
})
