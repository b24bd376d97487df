import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatIpv4 } from '../../lib/ipv4.ts'
import { fromHex, toHex } from '../../lib/text.ts'
import { decodeDhcp4 } from './decode.ts'
import { encodeDhcp4 } from './encode.ts'
import { blankMessage, type DhcpMessage, FILE, isBootp, SNAME } from './message.ts'
import { pxeBootItem } from './option-43.ts'
import * as get from './options.ts'

/** Hex with blanks, as the tables below have it. */
function hex(text: string): Uint8Array {
  const bytes = fromHex(text.replaceAll(' ', ''))
  assert.ok(bytes, `not hex: ${text}`)
  return bytes
}

/** A decoded DISCOVER with these octets after option 53, and with these at the start of `file` and `sname`. */
function received(
  options: string,
  areas: { file?: string; sname?: string; type?: string } = {},
): DhcpMessage {
  const bytes = encodeDhcp4(blankMessage('request'), { minLength: 600 })
  bytes.set(hex(areas.sname ?? ''), SNAME.at)
  bytes.set(hex(areas.file ?? ''), FILE.at)
  bytes.set(hex(`${areas.type ?? '35 01 01'} ${options} ff`), 240)
  const message = decodeDhcp4(bytes)
  assert.ok(message.ok, JSON.stringify(message))
  return message.value
}

function address(value: Parameters<typeof formatIpv4>[0] | undefined): string | undefined {
  return value === undefined ? undefined : formatIpv4(value)
}

function octets(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : toHex(value)
}

/** Each row: options in hex (beside 53 = DISCOVER), and what the getter makes of them. */
function table<T>(
  name: string,
  getter: (message: DhcpMessage) => T,
  rows: readonly (readonly [string, T])[],
): void {
  describe(name, () => {
    for (const [options, expected] of rows)
      test(options === '' ? 'absent' : options, () => assert.deepEqual(getter(received(options)), expected))
  })
}

table('host name, option 12 (RFC 2132 §3.14)', get.hostName, [
  ['', undefined],
  ['0c 05 6e6f646537', 'node7'],
  ['0c 07 6e6f6465370000', 'node7'],
  ['0c 02 6162 0c 02 6364', 'abcd'],
  ['0c 03 e9 1b 0a', '\u00e9\u001b\n'],
  ['0c 02 0000', ''],
  ['0c 00', undefined],
])

table('requested address, option 50 (RFC 2132 §9.1)', (m) => address(get.requestedAddress(m)), [
  ['', undefined],
  ['32 04 c0000232', '192.0.2.50'],
  ['32 04 ffffffff', '255.255.255.255'],
  ['32 03 c00002', undefined],
  ['32 05 c000023200', undefined],
  ['32 04 c0000232 32 04 c0000233', '192.0.2.50'],
  ['32 02 c000 32 02 0232', '192.0.2.50'],
])

table('lease time, option 51 (RFC 2132 §9.2)', get.leaseTime, [
  ['', undefined],
  ['33 04 00000e10', 3600],
  ['33 04 ffffffff', 0xffffffff],
  ['33 02 0e10', undefined],
])

describe('message type, option 53 (RFC 2132 §9.6)', () => {
  for (const [type, expected] of [
    ['35 01 01', 'DISCOVER'],
    ['35 01 03', 'REQUEST'],
    ['35 01 04', 'DECLINE'],
    ['35 01 07', 'RELEASE'],
    ['35 01 08', 'INFORM'],
    ['35 01 12', 'TLS'],
    ['35 01 03 35 01 01', 'REQUEST'],
    ['', undefined],
  ] as const) {
    test(type === '' ? 'absent: BOOTP' : type, () => {
      const message = received('', { type })
      assert.equal(get.messageType(message), expected)
      assert.equal(isBootp(message), expected === undefined)
    })
  }
})

table('server identifier, option 54 (RFC 2132 §9.7)', (m) => address(get.serverIdentifier(m)), [
  ['', undefined],
  ['36 04 c0000202', '192.0.2.2'],
  ['36 00', undefined],
])

table('parameter request list, option 55 (RFC 2132 §9.8)', get.parameterRequestList, [
  ['', []],
  ['37 04 01 03 06 fc', [1, 3, 6, 252]],
  ['37 02 42 43 37 01 01', [66, 67, 1]],
])

table('maximum message size, option 57 (RFC 2132 §9.10)', get.maxMessageSize, [
  ['', 576],
  ['39 02 05c0', 1472],
  ['39 02 ff00', 65280],
  ['39 02 012c', 576],
  ['39 01 ff', 576],
])

table('limit of the reply in octets', get.replyLengthLimit, [
  ['', 548],
  ['39 02 012c', 548],
  ['39 02 04ec', 1232],
  ['39 02 05c0', 1444],
  ['39 02 ff00', 1472],
])

test('limit of the reply to BOOTP: 300 octets', () => {
  assert.equal(get.replyLengthLimit(received('39 02 05c0', { type: '' })), 300)
})

table('vendor class, option 60 (RFC 2132 §9.13)', get.vendorClass, [
  ['', undefined],
  ['3c 09 505845436c69656e74', 'PXEClient'],
  ['3c 0a 505845436c69656e7400', 'PXEClient'],
])

table('client identifier, option 61 (RFC 2132 §9.14, RFC 4361)', (m) => octets(get.clientIdentifier(m)), [
  ['', undefined],
  ['3d 07 01525400123456', '01525400123456'],
  ['3d 0b ff 00123456 0003 0001 5254', 'ff0012345600030001' + '5254'],
  ['3d 01 41', '41'],
  ['3d 00', undefined],
])

table('user class, option 77 (RFC 3004 §4, or raw)', get.userClasses, [
  ['', []],
  ['4d 04 69505845', ['iPXE']],
  ['4d 05 04 69505845', ['iPXE']],
  ['4d 08 04 69505845 02 6162', ['iPXE', 'ab']],
  ['4d 09 56656e646f72505845', ['VendorPXE']],
  ['4d 07 04 69505845 09 61', ['\u0004iPXE\ta']],
  ['4d 06 04 69505845 00', ['\u0004iPXE']],
  ['4d 04 04 695058', ['\u0004iPX']],
  ['4d 05 04 6950 5800', ['iPX']],
  ['4d 03 04 6950 4d 02 5845', ['iPXE']],
  ['4d 00', []],
])

table('client architectures, option 93 (RFC 4578 §2.1)', get.clientArches, [
  ['', []],
  ['5d 02 0007', [7]],
  ['5d 04 0010 0007', [16, 7]],
  ['5d 02 0007 5d 02 0009', [7, 9]],
  ['5d 02 0100', [256]],
  ['5d 03 000700', []],
  ['5d 00', []],
])

table('machine identifier, option 97 (RFC 4578 §2.3)', get.clientUuid, [
  ['', undefined],
  ['61 11 00 78563412 3412 7856 9abc def012345678', '12345678-1234-5678-9abc-def012345678'],
  ['61 11 00 00000000 0000 0000 0000 000000000000', undefined],
  ['61 11 00 ffffffff ffff ffff ffff ffffffffffff', undefined],
  ['61 11 00 00020003 0004 0005 0006 000700080009', '03000200-0400-0500-0006-000700080009'],
  ['61 11 01 78563412 3412 7856 9abc def012345678', undefined],
  ['61 10 00 78563412 3412 7856 9abc def0123456', undefined],
  ['61 00', undefined],
])

table(
  'vendor options, option 43 (RFC 2132 §8.4)',
  (m) => get.vendorOptions(m)?.map(({ code, data }) => [code, toHex(data)]),
  [
    ['', undefined],
    ['2b 04 06 01 08 ff', [[6, '08']]],
    ['2b 03 06 01 08', [[6, '08']]],
    ['2b 05 00 06 01 08 ff', [[6, '08']]],
    [
      '2b 04 01 02 41 42 2b 03 03 01 43',
      [
        [1, '4142'],
        [3, '43'],
      ],
    ],
    ['2b 04 06 09 08 ff', undefined],
    ['2b 01 ff', undefined],
    ['2b 00', undefined],
  ],
)

table('PXE boot item, option 43.71 (PXE 2.1, Table 2-1)', pxeBootItem, [
  ['', undefined],
  ['2b 07 47 04 8000 0000 ff', { type: 0x8000, layer: 0 }],
  ['2b 07 47 04 0003 8001 ff', { type: 3, layer: 0x8001 }],
  ['2b 05 47 02 8000 ff', undefined],
  ['2b 04 06 01 08 ff', undefined],
])

describe('iPXE features, option 175', () => {
  test('absent', () => assert.equal(get.ipxeFeatures(received('')), undefined))
  test('no encapsulated options', () => assert.equal(get.ipxeFeatures(received('af 03 13 09 01')), undefined))
  test('empty', () => assert.equal(get.ipxeFeatures(received('af 01 ff')), undefined))
  test('as a chained EFI iPXE sends them', () => {
    const sent =
      'b1 05 01 8086 100e eb 03 01 15 01 17 01 01 15 01 01 13 01 01 14 01 00 27 01 01 24 01 01 10 01 02'
    assert.deepEqual(get.ipxeFeatures(received(`af 21 ${sent}`)), {
      http: true,
      https: false,
      tftp: true,
      dns: true,
      vlan: false,
      menu: true,
      bzimage: false,
      efi: true,
      pxe: false,
      names: ['dns', 'tftp', 'http', 'menu', 'efi', 'pxe-extensions'],
      version: '1.21.1',
      pci: { vendor: 0x8086, device: 0x100e },
    })
  })
})

describe('boot file and server name (RFC 2132 §9.4, §9.5)', () => {
  const file = '612e656669 00'
  const sname = '746674 70'
  for (const [name, message, expected] of [
    ['nothing', received(''), [undefined, undefined]],
    ['header fields', received('', { file, sname }), ['a.efi', 'tftp']],
    ['garbage after the NUL is not part of it', received('', { file: `${file} ff41` }), ['a.efi', undefined]],
    ['options win', received('43 02 6200 42 01 63', { file, sname }), ['b', 'c']],
    [
      'overloaded fields are no text',
      received('34 01 03', { file: 'ff61', sname: 'ff62' }),
      [undefined, undefined],
    ],
  ] as const) {
    test(name, () => assert.deepEqual([get.bootFileName(message), get.tftpServerName(message)], expected))
  }
})

describe('option overload, option 52 (RFC 2132 §9.3, RFC 2131 §4.1)', () => {
  const areas = { file: '0c 01 66 ff', sname: '0c 01 73 ff' }
  for (const [name, options, expected] of [
    ['absent: the fields are text', '0c 01 6d', 'm'],
    ['1: file', '34 01 01 0c 01 6d', 'mf'],
    ['2: sname', '34 01 02 0c 01 6d', 'ms'],
    ['3: file before sname', '34 01 03 0c 01 6d', 'mfs'],
    ['3, and 52 after the option it extends', '0c 01 6d 34 01 03', 'mfs'],
    ['0: ignored', '34 01 00 0c 01 6d', 'm'],
    ['4: ignored', '34 01 04 0c 01 6d', 'm'],
    ['two octets: ignored', '34 02 0101 0c 01 6d', 'm'],
  ] as const) {
    test(name, () => assert.equal(get.hostName(received(options, areas)), expected))
  }

  test('52 inside file does not open sname', () => {
    const message = received('34 01 01', { file: '34 01 03 0c 01 66 ff', sname: '0c 01 73 ff' })
    assert.equal(get.hostName(message), 'f')
    assert.equal(message.snameOptions, undefined)
    assert.deepEqual(message.notes, [{ code: 'nested-overload', at: FILE.at, option: 52 }])
  })
  test('an option in sname does not reach into file', () => {
    const sname = `0c 01 73 ${'00'.repeat(59)} 0c 05`
    const message = received('34 01 02', { file: '0102030405', sname })
    assert.equal(get.hostName(message), 's')
    assert.deepEqual(message.notes, [{ code: 'truncated-option', at: FILE.at - 2 }])
  })
  test('the message type may stand in file', () => {
    assert.equal(get.messageType(received('', { type: '34 01 01', file: '35 01 03 ff' })), 'REQUEST')
  })
  test('END in file does not end sname', () => {
    assert.equal(get.hostName(received('34 01 03', { file: 'ff', sname: '0c 01 73 ff' })), 's')
  })
})
