import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  broadcastOf,
  formatIpv4,
  formatSubnet,
  ipv4FromBytes,
  ipv4FromU32,
  ipv4ToBytes,
  maskOf,
  parseIpv4,
  parseRange,
  parseSubnet,
  rangeContains,
  subnetContains,
} from './ipv4.ts'

describe('parseIpv4', () => {
  for (const [text, value] of [
    ['0.0.0.0', 0],
    ['192.0.2.1', 0xc0000201],
    ['255.255.255.255', 0xffffffff],
  ] as const) {
    test(text, () => {
      assert.equal(parseIpv4(text), value)
      assert.equal(formatIpv4(ipv4FromU32(value)), text)
    })
  }
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '01.2.3.4',
    '1.2.3.4 ',
    '1.2.3.-4',
    '0x1.2.3.4',
    '1..2.3',
  ])
    test(`refuses "${text}"`, () => assert.equal(parseIpv4(text), undefined))
})

describe('bytes', () => {
  test('text, number and octets of any address agree', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), (value) => {
        const address = ipv4FromU32(value)
        assert.equal(parseIpv4(formatIpv4(address)), address)
        assert.equal(ipv4FromBytes(ipv4ToBytes(address)), address)
      }),
      { seed: 1 },
    )
  })
  test('only four octets are an address', () => {
    assert.equal(ipv4FromBytes(Uint8Array.of(1, 2, 3)), undefined)
    assert.equal(ipv4FromBytes(Uint8Array.of(1, 2, 3, 4, 5)), undefined)
    assert.throws(() => ipv4FromU32(2 ** 32), RangeError)
    assert.throws(() => ipv4FromU32(-1), RangeError)
  })
})

describe('subnets', () => {
  for (const [prefix, mask] of [
    [0, '0.0.0.0'],
    [1, '128.0.0.0'],
    [24, '255.255.255.0'],
    [32, '255.255.255.255'],
  ] as const)
    test(`mask of /${prefix}`, () => assert.equal(formatIpv4(maskOf(prefix)), mask))

  for (const [text, inside, outside, broadcast] of [
    ['10.77.0.0/24', '10.77.0.255', '10.77.1.0', '10.77.0.255'],
    ['192.168.128.0/17', '192.168.200.1', '192.168.127.255', '192.168.255.255'],
    ['203.0.113.7/32', '203.0.113.7', '203.0.113.8', '203.0.113.7'],
  ] as const) {
    test(text, () => {
      const parsed = parseSubnet(text)
      assert.ok(parsed.ok)
      assert.equal(formatSubnet(parsed.value), text)
      assert.ok(subnetContains(parsed.value, parseIpv4(inside) ?? ipv4FromU32(0)))
      assert.ok(!subnetContains(parsed.value, parseIpv4(outside) ?? ipv4FromU32(0)))
      assert.equal(formatIpv4(broadcastOf(parsed.value)), broadcast)
    })
  }

  for (const [text, error] of [
    ['10.77.0.1/24', '10.77.0.1/24 has host bits set; the subnet is 10.77.0.0/24'],
    ['10.77.0.0', 'expected a subnet such as 10.77.0.0/24, got "10.77.0.0"'],
    ['10.77.0.0/33', 'expected a subnet such as 10.77.0.0/24, got "10.77.0.0/33"'],
    ['10.77.0.0/24/8', 'expected a subnet such as 10.77.0.0/24, got "10.77.0.0/24/8"'],
  ] as const)
    test(`refuses ${text}`, () => assert.deepEqual(parseSubnet(text), { ok: false, error }))
})

describe('ranges', () => {
  test('both ends belong', () => {
    const range = parseRange('10.77.0.100 - 10.77.0.199')
    assert.ok(range.ok)
    assert.ok(rangeContains(range.value, range.value.first))
    assert.ok(rangeContains(range.value, range.value.last))
    assert.ok(!rangeContains(range.value, ipv4FromU32(range.value.last + 1)))
    assert.ok(!rangeContains(range.value, ipv4FromU32(range.value.first - 1)))
  })
  test('one address is a range', () => {
    const range = parseRange('10.77.0.5')
    assert.ok(range.ok)
    assert.equal(range.value.first, range.value.last)
  })
  for (const text of ['', '10.77.0.9-10.77.0.8', '10.77.0.1-', '10.0.0.1-10.0.0.2-10.0.0.3'])
    test(`refuses "${text}"`, () => assert.equal(parseRange(text).ok, false))
})
