import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import { describeDhcp4 } from '../../src/protocol/dhcp4/describe.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import { vectors } from '../helpers/dhcp-fixtures.ts'
import { assertGolden } from '../helpers/golden.ts'

/** Vectors that are not DHCPv4. TFTP is read by `src/protocol/tftp`; DHCPv6 by nobody yet. */
const NOT_DHCP4: Readonly<Record<string, 'tftp' | 'dhcpv6'>> = {
  T1: 'tftp',
  T2: 'tftp',
  T3: 'tftp',
  T4: 'tftp',
  T5: 'tftp',
  T6: 'tftp',
  T7: 'tftp',
  T8: 'tftp',
  S1: 'dhcpv6',
  S2: 'dhcpv6',
}

/** Why a vector does not come back byte for byte from `encodeDhcp4(decodeDhcp4(...))` with the default length. */
const NOT_IDENTICAL: Readonly<Record<string, 'padded beyond 300 octets'>> = {
  P11: 'padded beyond 300 octets',
  P19: 'padded beyond 300 octets',
}

describe('the 41 worked packets', () => {
  test('are all accounted for', () => {
    const dhcp4 = vectors().filter(({ name }) => NOT_DHCP4[name] === undefined)
    assert.equal(vectors().length, 41)
    assert.equal(dhcp4.length, 31)
    assert.deepEqual(
      dhcp4.map(({ name }) => name),
      Array.from({ length: 31 }, (_, i) => `P${i + 1}`),
    )
  })

  for (const { name, bytes, source, destination } of vectors()) {
    const other = NOT_DHCP4[name]
    if (other !== undefined) {
      test(`${name} (${other}) is no DHCPv4 message`, () => {
        assert.equal(decodeDhcp4(bytes).ok, false)
      })
      continue
    }
    test(`${name} reads as its golden text`, () => {
      const message = decodeDhcp4(bytes)
      assert.ok(message.ok)
      assertGolden(`vectors/${name}.txt`, `${source} > ${destination}\n${describeDhcp4(message.value)}`)
    })
    test(`${name} ${NOT_IDENTICAL[name] ?? 'encodes to the same octets'}`, () => {
      const message = decodeDhcp4(bytes)
      assert.ok(message.ok)
      assert.deepEqual(message.value.notes, [])
      const encoded = encodeDhcp4(message.value)
      if (NOT_IDENTICAL[name] === undefined) {
        assert.deepEqual(encoded, bytes)
        return
      }
      assert.ok(encoded.length < bytes.length)
      assert.deepEqual(encodeDhcp4(message.value, { minLength: bytes.length }), bytes)
    })
  }
})
