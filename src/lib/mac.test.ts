import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  isGroupMac,
  macFromBytes,
  macFromNumber,
  macToBytes,
  macToNumber,
  macWithDashes,
  parseMac,
} from './mac.ts'

describe('parseMac', () => {
  for (const text of ['52:54:00:ab:cd:ef', '52-54-00-AB-CD-EF', '525400ABCDEF', '52:54:00:AB:cd:EF'])
    test(text, () => assert.equal(parseMac(text), '52:54:00:ab:cd:ef'))
  for (const text of [
    '',
    '52:54:00:ab:cd',
    '52:54:00:ab:cd:ef:01',
    '52:54-00:ab:cd:ef',
    '5254:00ab:cdef',
    '52:54:00:ab:cd:eg',
  ])
    test(`refuses "${text}"`, () => assert.equal(parseMac(text), undefined))
})

describe('bytes', () => {
  test('of six or more octets the first six count', () => {
    assert.equal(macFromBytes(Uint8Array.of(0x52, 0x54, 0, 0, 0x0a, 0xff, 1, 2)), '52:54:00:00:0a:ff')
    assert.equal(macFromBytes(Uint8Array.of(1, 2, 3, 4, 5)), undefined)
  })
  test('there and back', () => {
    const mac = parseMac('52:54:00:00:0a:ff')
    assert.ok(mac)
    assert.deepEqual(macToBytes(mac), Uint8Array.of(0x52, 0x54, 0, 0, 0x0a, 0xff))
    assert.equal(macFromBytes(macToBytes(mac)), mac)
    assert.equal(macWithDashes(mac), '52-54-00-00-0a-ff')
  })
})

test('multicast and broadcast are group addresses', () => {
  for (const [text, group] of [
    ['ff:ff:ff:ff:ff:ff', true],
    ['01:00:5e:00:00:01', true],
    ['52:54:00:00:0a:ff', false],
  ] as const) {
    const mac = parseMac(text)
    assert.ok(mac)
    assert.equal(isGroupMac(mac), group)
  }
})

test('a MAC as a number, there and back', () => {
  for (const [text, number] of [
    ['52:54:00:ab:cd:ef', 0x525400abcdef],
    ['ff:ff:ff:ff:ff:ff', 2 ** 48 - 1],
    ['00:00:00:00:00:00', 0],
  ] as const) {
    assert.equal(macToNumber(parseMac(text) ?? assert.fail()), number)
    assert.equal(macFromNumber(number), text)
  }
  for (const wrong of [-1, 2 ** 48, 0.5, Number.NaN]) assert.equal(macFromNumber(wrong), undefined)
})
