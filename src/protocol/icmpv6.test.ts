import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromHex, toHex } from '../lib/text.ts'
import {
  decodeRouterSolicitation,
  encodeEmptyRouterAdvertisement,
  encodeRouterSolicitation,
  macOfLinkLocal,
} from './icmpv6.ts'

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

test('a solicitation of ours is one', () => {
  assert.deepEqual(decodeRouterSolicitation(encodeRouterSolicitation()), { ok: true, value: {} })
})

const ADDRESSES: readonly (readonly [name: string, address: string, mac: string | undefined])[] = [
  ['a MAC in a link-local address', 'fe80000000000000505400fffe770001', '52:54:00:77:00:01'],
  [
    'one of a maker (bit 1 of the first octet turned)',
    'fe80000000000000021122fffe334455',
    '00:11:22:33:44:55',
  ],
  ['no EUI-64', 'fe800000000000005054000012770001', undefined],
  ['not link-local', '20010db800000000505400fffe770001', undefined],
  ['fe80 with a subnet', 'fe80000000000001505400fffe770001', undefined],
  ['::', '00000000000000000000000000000000', undefined],
]
for (const [name, address, mac] of ADDRESSES)
  test(`link-local: ${name}`, () => assert.equal(macOfLinkLocal(hex(address)), mac))
