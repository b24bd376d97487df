import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toHex } from '../../lib/text.ts'
import { pem } from './certificate.ts'
import { bitString, booleanTrue, integer, octetString, oid, sequence, time, utf8String } from './der.ts'

test('lengths take one octet up to 127, then as few as they need (X.690 §8.1.3)', () => {
  const head = (length: number): string => toHex(octetString(new Uint8Array(length)).subarray(0, 4))
  assert.deepEqual([0, 127, 128, 255, 256, 65_535].map(head), [
    '0400',
    '047f0000',
    '04818000',
    '0481ff00',
    '04820100',
    '0482ffff',
  ])
})

test('integers are not negative and have no zeros in front but the one that says so', () => {
  const of = (hex: string): string => toHex(integer(Buffer.from(hex, 'hex')))
  assert.deepEqual(['00', '0000', '7f', '80', '0080', '00017f'].map(of), [
    '020100',
    '020100',
    '02017f',
    '02020080',
    '02020080',
    '0202017f',
  ])
})

test('object identifiers, texts, flags', () => {
  assert.equal(toHex(oid('1.2.840.113549.1.1.11')), '06092a864886f70d01010b')
  assert.equal(toHex(oid('2.5.29.17')), '0603551d11')
  assert.equal(toHex(sequence(booleanTrue(), utf8String('é'))), '30070101ff0c02c3a9')
  assert.equal(toHex(bitString(Uint8Array.of(0xa0), 5)), '030205a0')
})

test('times have two digits of the year until 2049, four after (RFC 5280 §4.1.2.5)', () => {
  const of = (text: string): string => Buffer.from(time(Date.parse(text))).toString('latin1')
  assert.equal(of('2000-01-01T00:00:00Z'), '\x17\x0d000101000000Z')
  assert.equal(of('2049-12-31T23:59:59.999Z'), '\x17\x0d491231235959Z')
  assert.equal(of('2050-01-01T00:00:00Z'), '\x18\x0f20500101000000Z')
})

test('PEM has lines of 64 characters', () => {
  assert.equal(
    pem('CERTIFICATE', 'A'.repeat(65)),
    `-----BEGIN CERTIFICATE-----\n${'A'.repeat(64)}\nA\n-----END CERTIFICATE-----\n`,
  )
})
