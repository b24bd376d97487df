import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Reader, Writer } from './bytes.ts'

describe('Reader', () => {
  test('reads in network order', () => {
    const r = new Reader(Uint8Array.of(0x01, 0x02, 0x03, 0xff, 0xfe, 0xfd, 0xfc, 0xaa, 0xbb))
    assert.equal(r.u8(), 0x01)
    assert.equal(r.u16(), 0x0203)
    assert.equal(r.u32(), 0xfffefdfc)
    assert.deepEqual(r.bytes(2), Uint8Array.of(0xaa, 0xbb))
    assert.equal(r.at, 9)
    assert.equal(r.remaining, 0)
    assert.equal(r.failedAt, undefined)
  })

  test('a read past the end gives zeros and fails for good', () => {
    const r = new Reader(Uint8Array.of(1, 2, 3))
    assert.equal(r.u16(), 0x0102)
    assert.equal(r.u16(), 0)
    assert.equal(r.failedAt, 2)
    assert.equal(r.u8(), 0, 'the octet that is left is not read any more')
    assert.equal(r.failedAt, 2, 'the first failure stays')
    assert.equal(r.bytes(4).length, 4)
    assert.equal(r.bytes(100_000).length, 256, 'a lying length costs no memory')
  })
})

describe('Writer', () => {
  test('writes in network order and pads', () => {
    const w = new Writer()
    w.u8(0x01)
    w.u16(0x0203)
    w.u32(0xfffefdfc)
    w.bytes(Uint8Array.of(9))
    w.padTo(10)
    w.padTo(3)
    assert.equal(w.length, 10)
    assert.deepEqual(w.finish(), Uint8Array.of(1, 2, 3, 0xff, 0xfe, 0xfd, 0xfc, 9, 0, 0))
  })

  for (const [name, write] of [
    ['u8 of 256', (w: Writer): void => w.u8(256)],
    ['u16 of 65536', (w: Writer): void => w.u16(65536)],
    ['u32 of 2^32', (w: Writer): void => w.u32(2 ** 32)],
    ['a negative number', (w: Writer): void => w.u32(-1)],
    ['a fraction', (w: Writer): void => w.u8(1.5)],
    ['NaN', (w: Writer): void => w.u16(Number.NaN)],
  ] as const) {
    test(`refuses ${name}`, () => assert.throws(() => write(new Writer()), RangeError))
  }

  test('what is written is read back, past the first buffer too', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffffffff), { maxLength: 400 }), (values) => {
        const w = new Writer()
        for (const value of values) w.u32(value)
        const r = new Reader(w.finish())
        assert.deepEqual(
          values.map(() => r.u32()),
          values,
        )
        assert.equal(r.remaining, 0)
      }),
      { seed: 1 },
    )
  })
})
