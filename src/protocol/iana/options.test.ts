import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HTYPE, hardwareTypeName } from './hardware.ts'
import { DHCP_OPTIONS, fixedLengthOf, lengthFits, OPTION, optionOfCode } from './options.ts'

describe('the table of options', () => {
  test('codes and names are unique, names are kebab-case', () => {
    assert.equal(new Set(DHCP_OPTIONS.map((row) => row.code)).size, DHCP_OPTIONS.length)
    assert.equal(new Set(DHCP_OPTIONS.map((row) => row.name)).size, DHCP_OPTIONS.length)
    for (const row of DHCP_OPTIONS) assert.match(row.name, /^[a-z0-9]+(-[a-z0-9]+)*$/)
  })
  test('every constant has a row, but PAD and END', () => {
    for (const [name, code] of Object.entries(OPTION))
      assert.equal(optionOfCode(code) === undefined, name === 'pad' || name === 'end', name)
  })
  test('rows are found by code', () => {
    for (const row of DHCP_OPTIONS) assert.equal(optionOfCode(row.code), row)
    assert.equal(optionOfCode(224), undefined)
  })
})

describe('lengths (RFC 2132)', () => {
  for (const [code, good, bad] of [
    [OPTION.subnetMask, [4], [0, 3, 5, 8]],
    [OPTION.router, [4, 8], [0, 3, 6]],
    [OPTION.messageType, [1], [0, 2]],
    [OPTION.maxMessageSize, [2], [1, 4]],
    [OPTION.leaseTime, [4], [2]],
    [OPTION.clientIdentifier, [1, 7, 300], [0]],
    [OPTION.clientArch, [2, 4], [0, 1, 3]],
    [OPTION.clientNdi, [3], [2, 4]],
    [OPTION.clientUuid, [17], [0, 16]],
    [OPTION.hostName, [1, 255], [0]],
    [224, [0, 1, 255], []],
  ] as const) {
    test(`option ${code}`, () => {
      for (const length of good) assert.ok(lengthFits(code, length), `${length}`)
      for (const length of bad) assert.ok(!lengthFits(code, length), `${length}`)
    })
  }
  test('fixed lengths', () => {
    assert.equal(fixedLengthOf(OPTION.requestedAddress), 4)
    assert.equal(fixedLengthOf(OPTION.hostName), undefined)
    assert.equal(fixedLengthOf(224), undefined)
  })
})

test('hardware types', () => {
  assert.equal(hardwareTypeName(HTYPE.ethernet), 'ethernet')
  assert.equal(hardwareTypeName(HTYPE.ieee802), 'ieee-802')
  assert.equal(hardwareTypeName(HTYPE.infiniband), 'infiniband')
  assert.equal(hardwareTypeName(0), undefined)
})
