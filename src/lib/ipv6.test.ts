import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatIpv6 } from './ipv6.ts'
import { fromHex } from './text.ts'

/** RFC 5952 §4 with its examples. */
const ROWS: readonly (readonly [hex: string, text: string])[] = [
  ['fe800000000000005054 00fffe770001', 'fe80::5054:ff:fe77:1'],
  ['00000000000000000000000000000000', '::'],
  ['00000000000000000000000000000001', '::1'],
  ['20010db8000000000000000000000000', '2001:db8::'],
  ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
  ['20010000000000010000000000000001', '2001:0:0:1::1'],
  ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
  ['20010db8aaaa bbbbccccddddeeee0001', '2001:db8:aaaa:bbbb:cccc:dddd:eeee:1'],
]

for (const [hex, text] of ROWS)
  test(`IPv6 ${text}`, () => {
    assert.equal(formatIpv6(fromHex(hex.replace(' ', '')) ?? assert.fail(hex)), text)
  })
