import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { readPcap } from './pcap.ts'

/** A capture of Ethernet frames with the magic number and the fraction of a second given. */
function file(
  magic: number,
  littleEndian: boolean,
  packets: readonly { fraction: number; bytes: number[]; wire?: number }[],
): Uint8Array {
  const octets: number[] = []
  const u32 = (value: number): void => {
    const big = [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
    octets.push(...(littleEndian ? big.toReversed() : big))
  }
  for (const field of [magic, littleEndian ? 0x00040002 : 0x00020004, 0, 0, 262_144, 1]) u32(field)
  for (const { fraction, bytes, wire } of packets) {
    for (const field of [1_700_000_000, fraction, bytes.length, wire ?? bytes.length]) u32(field)
    octets.push(...bytes)
  }
  return Uint8Array.from(octets)
}

const MICRO = 0xa1b2c3d4
const NANO = 0xa1b23c4d

describe('readPcap', () => {
  for (const [name, magic, littleEndian, fraction] of [
    ['big-endian, microseconds', MICRO, false, 123_456],
    ['little-endian, microseconds', MICRO, true, 123_456],
    ['big-endian, nanoseconds', NANO, false, 123_456_789],
    ['little-endian, nanoseconds', NANO, true, 123_456_789],
  ] as const) {
    test(name, () => {
      const bytes = file(magic, littleEndian, [
        { fraction, bytes: [1, 2, 3] },
        { fraction: 0, bytes: [4], wire: 1500 },
      ])
      assert.deepEqual(readPcap(bytes), {
        ok: true,
        value: {
          linkType: 1,
          packets: [
            { timeMicros: 1_700_000_000_123_456, bytes: Uint8Array.of(1, 2, 3), originalLength: 3 },
            { timeMicros: 1_700_000_000_000_000, bytes: Uint8Array.of(4), originalLength: 1500 },
          ],
          truncatedAt: undefined,
        },
      })
    })
  }

  test('no packets', () => {
    const capture = readPcap(file(MICRO, true, []))
    assert.ok(capture.ok)
    assert.deepEqual(capture.value.packets, [])
  })
  test('the length of the frame check sequence is no part of the link type', () => {
    const bytes = file(MICRO, false, [])
    bytes[20] = 0x14
    const capture = readPcap(bytes)
    assert.ok(capture.ok)
    assert.equal(capture.value.linkType, 1)
  })
  test('a file that breaks off keeps its whole packets', () => {
    const whole = file(MICRO, true, [
      { fraction: 0, bytes: [1, 2, 3] },
      { fraction: 0, bytes: [4, 5] },
    ])
    for (const length of [44, 58, 59, 60]) {
      const capture = readPcap(whole.subarray(0, length))
      assert.ok(capture.ok)
      assert.equal(capture.value.packets.length, 1)
      assert.equal(capture.value.truncatedAt, 43)
    }
  })
  test('a lying packet length ends the capture', () => {
    const bytes = file(MICRO, false, [{ fraction: 0, bytes: [1] }])
    bytes.set([0xff, 0xff, 0xff, 0xff], 32)
    const capture = readPcap(bytes)
    assert.ok(capture.ok)
    assert.equal(capture.value.truncatedAt, 24)
  })

  for (const [name, bytes, error] of [
    ['nothing', new Uint8Array(), { code: 'too-short', at: 0 }],
    ['half a header', file(MICRO, true, []).subarray(0, 23), { code: 'too-short', at: 23 }],
    ['another file', file(0x7f454c46, false, []), { code: 'bad-magic', at: 0 }],
    ['pcapng', file(0x0a0d0d0a, false, []), { code: 'pcapng', at: 0 }],
  ] as const)
    test(`refuses ${name}`, () => assert.deepEqual(readPcap(bytes), { ok: false, error }))

  test('random bytes after a sound magic number never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (octets, littleEndian) => {
        const header = file(MICRO, littleEndian, [])
        const capture = readPcap(Uint8Array.from([...header, ...octets]))
        assert.ok(capture.ok)
      }),
      { seed: 9, numRuns: 300 },
    )
  })
})
