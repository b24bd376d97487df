import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromHex, toHex } from '../lib/text.ts'
import { decodeRouterSolicitation, encodeEmptyRouterAdvertisement } from './icmpv6.ts'

const hex = (text: string): Uint8Array => fromHex(text.replaceAll(' ', '')) ?? assert.fail(text)

const ROWS: readonly (readonly [name: string, message: string, expected: unknown])[] = [
  ['no options, as from an unspecified source', '85 00 7bb8 00000000', { ok: true, value: {} }],
  [
    'source link-layer address, as iPXE sends it',
    '85 00 1234 00000000 01 01 525400770001',
    { ok: true, value: { sourceLinkLayer: hex('525400770001') } },
  ],
  [
    'an unknown option is skipped',
    '85 00 0000 00000000 fd 02 0000000000000000000000000000',
    { ok: true, value: {} },
  ],
  [
    'an advertisement',
    '86 00 0000 00000000',
    { ok: false, error: { code: 'not-router-solicitation', at: 0 } },
  ],
  ['code 1', '85 01 0000 00000000', { ok: false, error: { code: 'not-router-solicitation', at: 0 } }],
  [
    'an option of length zero',
    '85 00 0000 00000000 01 00',
    { ok: false, error: { code: 'bad-option', at: 8 } },
  ],
  [
    'an option cut short',
    '85 00 0000 00000000 01 01 5254',
    { ok: false, error: { code: 'truncated', at: 10 } },
  ],
  ['nothing', '', { ok: false, error: { code: 'truncated', at: 0 } }],
]

for (const [name, message, expected] of ROWS) {
  test(`router solicitation: ${name}`, () => {
    assert.deepEqual(decodeRouterSolicitation(hex(message)), expected)
  })
}

test('every truncation of a solicitation is an error value, but for the cut before its option', () => {
  const whole = hex('85 00 1234 00000000 01 01 525400770001')
  for (let length = 0; length < whole.length; length += 1)
    assert.equal(decodeRouterSolicitation(whole.subarray(0, length)).ok, length === 8, `length ${length}`)
})

test('random bytes never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      decodeRouterSolicitation(Uint8Array.of(0x85, 0, ...bytes))
      decodeRouterSolicitation(bytes)
    }),
    { seed: 6, numRuns: 500 },
  )
})

test('the empty router advertisement promises nothing', () => {
  assert.equal(toHex(encodeEmptyRouterAdvertisement()), '86000000' + '00000000' + '00000000' + '00000000')
})
