import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { formatBytes, formatTable, fromHex, printable, toHex } from './text.ts'

describe('printable', () => {
  for (const [input, output] of [
    ['node7', 'node7'],
    ['a\nb\r', 'a\\x0ab\\x0d'],
    ['\u001b[2J', '\\x1b[2J'],
    ['back\\slash', 'back\\\\slash'],
    ['é', '\\xc3\\xa9'],
    [Uint8Array.of(0x00, 0x41, 0x7f, 0xff), '\\x00A\\x7f\\xff'],
  ] as const)
    test(JSON.stringify(output), () => assert.equal(printable(input), output))

  test('stops at the limit and says so', () => {
    assert.equal(printable('abcdef', 3), 'abc...')
    assert.equal(printable('abc', 3), 'abc')
  })

  test('any octets come out as one line of printable ASCII, no two alike', () => {
    const seen = new Map<string, string>()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const text = printable(bytes)
        assert.match(text, /^[\x20-\x7e]*$/)
        assert.equal(seen.get(text) ?? toHex(bytes), toHex(bytes))
        seen.set(text, toHex(bytes))
      }),
      { seed: 1 },
    )
  })
})

describe('hex', () => {
  test('there and back', () => {
    assert.equal(toHex(Uint8Array.of(0, 0x0a, 0xff)), '000aff')
    assert.deepEqual(fromHex('000AfF'), Uint8Array.of(0, 0x0a, 0xff))
    assert.deepEqual(fromHex(''), new Uint8Array())
  })
  for (const text of ['0', '0g', '0x00', '00 11', ' 0'])
    test(`refuses "${text}"`, () => assert.equal(fromHex(text), undefined))
})

describe('formatBytes', () => {
  for (const [bytes, text] of [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [12_345_678, '12.3 MB'],
    [5e15, '5000.0 TB'],
  ] as const)
    test(text, () => assert.equal(formatBytes(bytes), text))
})

test('formatTable aligns columns and leaves no blanks at the end', () => {
  assert.equal(
    formatTable([
      ['a', 'bb', 'c'],
      ['dddd', 'e'],
      ['f', '', ''],
    ]),
    'a     bb  c\ndddd  e\nf',
  )
  assert.equal(formatTable([]), '')
})
