import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIpv4 } from '../../lib/ipv4.ts'
import { decodeDhcp4 } from './decode.ts'
import { describeDhcp4 } from './describe.ts'
import { encodeDhcp4 } from './encode.ts'
import { blankMessage, type DhcpMessage } from './message.ts'
import { fieldValue } from './option-values.ts'

const request = blankMessage('request')

/** The last lines of the text: those about options and notes. */
function options(message: DhcpMessage): string[] {
  return describeDhcp4(message).trimEnd().split('\n').slice(13)
}

test('the whole text of a message', () => {
  const message: DhcpMessage = {
    ...request,
    xid: 0x2a,
    flags: 0x8000,
    giaddr: parseIpv4('198.51.100.1') ?? request.giaddr,
    chaddr: Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56, 0xaa, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    file: fieldValue('a\u001b.efi'),
    options: [
      { code: 53, data: Uint8Array.of(1) },
      { code: 93, data: Uint8Array.of(0, 7, 0, 99) },
      { code: 224, data: Uint8Array.of(1, 2) },
    ],
    notes: [
      { code: 'bad-length', at: 240, option: 57 },
      { code: 'missing-end', at: 300 },
    ],
  }
  assert.equal(
    describeDhcp4(message),
    `op      request
htype   1 ethernet
hops    0
xid     0x0000002a
secs    0
flags   0x8000 broadcast
ciaddr  0.0.0.0
yiaddr  0.0.0.0
siaddr  0.0.0.0
giaddr  198.51.100.1
chaddr  52:54:00:12:34:56 then aa000000000000000000
sname   -
file    "a\\x1b.efi"
option 53   dhcp-message-type           DISCOVER
option 93   client-system-architecture  7 uefi-x64, 99 unassigned
option 224  unnamed                     0102
note  bad-length at 240, option 57
note  missing-end at 300
`,
  )
})

for (const [name, code, data, text] of [
  ['malformed values are hex', 54, [1, 2], 'option 54  server-identifier  malformed 0102'],
  ['empty values say so', 12, [], 'option 12  host-name  empty'],
  ['text cannot forge a line', 12, [0x61, 0x0a, 0x31], 'option 12  host-name  "a\\x0a1"'],
  ['user classes too', 77, [1, 0x0a], 'option 77  user-class  "\\x0a"'],
  ['signed numbers', 2, [0xff, 0xff, 0xff, 0xff], 'option 2  time-offset  -1'],
  ['large unsigned numbers', 51, [0xff, 0xff, 0xff, 0xff], 'option 51  ip-address-lease-time  4294967295'],
  ['a PXE menu', 43, [6, 1, 8, 255], 'option 43  vendor-specific-information  6=08'],
  ['vendor bytes that are no options', 43, [6, 9, 8], 'option 43  vendor-specific-information  060908'],
  ['iPXE features by name', 175, [0x13, 1, 1, 0xb0, 1, 1], 'option 175  ipxe-encapsulated  http=01 176=01'],
] as const) {
  test(name, () =>
    assert.deepEqual(options({ ...request, options: [{ code, data: Uint8Array.from(data) }] }), [text]),
  )
}

test('a split option is shown in pieces and joined', () => {
  const pieces = [
    { code: 53, data: Uint8Array.of(3) },
    { code: 12, data: Uint8Array.of(0x61) },
    { code: 12, data: Uint8Array.of(0x62) },
  ]
  const message = decodeDhcp4(encodeDhcp4({ ...request, options: pieces }))
  assert.ok(message.ok)
  assert.deepEqual(options(message.value), [
    'option 53  dhcp-message-type  REQUEST',
    'option 12  host-name          piece 61',
    'option 12  host-name          piece 62',
    'joined 12  host-name          "ab"',
  ])
})
