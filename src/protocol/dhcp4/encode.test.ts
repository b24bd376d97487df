import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { vector } from '../../../test/helpers/dhcp-fixtures.ts'
import { type Ipv4, parseIpv4 } from '../../lib/ipv4.ts'
import { toHex } from '../../lib/text.ts'
import { OPTION } from '../iana/options.ts'
import { decodeDhcp4 } from './decode.ts'
import { encodeDhcp4 } from './encode.ts'
import { blankMessage, type DhcpMessage } from './message.ts'
import { codeOfMessageType, MESSAGE_TYPES, messageTypeOfCode } from './message-types.ts'
import * as pxe from './option-43.ts'
import * as value from './option-values.ts'
import { optionBytes } from './options.ts'

const reply = blankMessage('reply')

function ip(text: string): Ipv4 {
  const address = parseIpv4(text)
  assert.ok(address !== undefined)
  return address
}

describe('encodeDhcp4', () => {
  test('an empty message: header, cookie, END, zeros to 300', () => {
    const bytes = encodeDhcp4(reply)
    assert.equal(bytes.length, 300)
    assert.equal(toHex(bytes.subarray(0, 4)), '02010600')
    assert.equal(toHex(bytes.subarray(236, 242)), '63825363ff00')
    assert.ok(bytes.subarray(241).every((octet) => octet === 0))
  })
  test('options stand in the order given, without PAD', () => {
    const options = [
      { code: OPTION.messageType, data: value.messageTypeValue('OFFER') },
      { code: OPTION.router, data: value.ipv4ListValue([ip('192.0.2.1')]) },
      { code: OPTION.subnetMask, data: value.ipv4Value(ip('255.255.255.0')) },
    ]
    const bytes = encodeDhcp4({ ...reply, options }, { minLength: 0 })
    assert.equal(toHex(bytes.subarray(240)), '350102' + '0304c0000201' + '0104ffffff00' + 'ff')
  })
  test('without the cookie there is the header alone', () => {
    const bytes = encodeDhcp4({ ...reply, cookie: false })
    assert.equal(bytes.length, 300)
    assert.ok(bytes.subarray(236).every((octet) => octet === 0))
  })

  const option = (code: number, length: number): Partial<DhcpMessage> => ({
    options: [{ code, data: new Uint8Array(length) }],
  })
  const refused: readonly (readonly [string, Partial<DhcpMessage>])[] = [
    ['an option of 256 octets', option(43, 256)],
    ['PAD as an option', option(0, 1)],
    ['END as an option', option(255, 1)],
    ['an option code of 256', option(256, 1)],
    ['options without the cookie', { cookie: false, ...option(1, 4) }],
    ['a short chaddr', { chaddr: new Uint8Array(6) }],
    ['a long sname', { sname: new Uint8Array(65) }],
    ['a short file', { file: new Uint8Array(127) }],
    ['hlen 17', { hlen: 17 }],
    ['flags of 17 bits', { flags: 0x10000 }],
    ['a negative xid', { xid: -1 }],
  ]
  for (const [name, fields] of refused)
    test(`refuses ${name}`, () => assert.throws(() => encodeDhcp4({ ...reply, ...fields }), RangeError))
  test('says which option is too long', () => {
    assert.throws(() => encodeDhcp4({ ...reply, ...option(43, 256) }), /option 43 has 256 octets/)
  })
  test('accepts an option of 255 octets', () => {
    assert.equal(encodeDhcp4({ ...reply, ...option(43, 255) }).length, 240 + 257 + 1)
  })
})

describe('option values', () => {
  const router = ip('192.0.2.1')
  for (const [name, bytes, expected] of [
    ['message type', value.messageTypeValue('NAK'), '06'],
    ['u32', value.u32Value(3600), '00000e10'],
    ['address', value.ipv4Value(router), 'c0000201'],
    ['addresses', value.ipv4ListValue([router, ip('10.0.0.1')]), 'c00002010a000001'],
    ['text', value.textValue('node7'), '6e6f646537'],
    ['text with NUL', value.textWithNulValue('a'), '6100'],
    ['iPXE settings', value.encapsulated([{ code: 0xb0, data: Uint8Array.of(1) }]), 'b00101'],
  ] as const)
    test(name, () => assert.equal(toHex(bytes), expected))

  test('file: text, NUL, zeros to 128; at most 127 octets', () => {
    assert.equal(toHex(value.fieldValue('ab')), `6162${'00'.repeat(126)}`)
    assert.equal(value.fieldValue('x'.repeat(127))[127], 0)
    assert.throws(() => value.fieldValue('x'.repeat(128)), RangeError)
    assert.equal(value.fieldValue('host', 64).length, 64)
  })
  test('nothing of zero length is built: EDK2 drops messages for it', () => {
    assert.throws(() => value.ipv4ListValue([]), RangeError)
    assert.throws(() => value.textValue(''), RangeError)
  })
})

test('PXE vendor options give the octets of P2: just the boot file', () => {
  const message = decodeDhcp4(vector('P2').bytes)
  assert.ok(message.ok)
  const { data } = pxe.pxeVendorOptions([pxe.pxeDiscoveryControl(pxe.DISCOVERY_CONTROL.useThisBootFile)])
  assert.deepEqual(data, optionBytes(message.value, 43))
})

test('message types: names and numbers agree', () => {
  for (const { code, name } of MESSAGE_TYPES) {
    assert.equal(messageTypeOfCode(code), name)
    assert.equal(codeOfMessageType(name), code)
  }
  assert.equal(messageTypeOfCode(0), undefined)
  assert.equal(messageTypeOfCode(19), undefined)
})
