import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { dhcpMessages, vector } from '../../test/helpers/dhcp-fixtures.ts'
import { assertGolden } from '../../test/helpers/golden.ts'
import { ip, told } from '../../test/helpers/world.ts'
import { formatIpv4 } from '../lib/ipv4.ts'
import { formatTable } from '../lib/text.ts'
import type { LeaseAsk } from '../model/lease-request.ts'
import { decodeDhcp4 } from '../protocol/dhcp4/decode.ts'
import type { DhcpMessage, DhcpOption } from '../protocol/dhcp4/message.ts'
import { OPTION } from '../protocol/iana/options.ts'
import { classifyDhcp } from './classify.ts'

const INGRESS = { network: 'provisioning', server: ip('192.0.2.2') }

test('every message of the captures and vectors is classified as its golden row', () => {
  const rows = dhcpMessages().map(({ name, bytes }) => {
    const decoded = decodeDhcp4(bytes)
    return [name, decoded.ok ? describeMessage(decoded.value) : `no DHCPv4: ${decoded.error.code}`]
  })
  assertGolden('classify.txt', `${formatTable(rows)}\n`)
})

interface Row {
  readonly name: string
  readonly change: (message: DhcpMessage) => DhcpMessage
  readonly vector?: string
  readonly is: string
}

const UEFI = 'DISCOVER discover, rom uefi-x64 tftp'
const IPXE = 'DISCOVER discover, ipxe uefi-x64 http'
const set = (code: number, hex: string) => (message: DhcpMessage) => withOption(message, code, hex)
const drop = (code: number) => (message: DhcpMessage) => withOption(message, code)

const ROWS: readonly Row[] = [
  { name: 'P1', change: (m) => m, is: UEFI },
  {
    name: 'D02: a reply',
    change: (m) => ({ ...m, op: 'reply' }),
    is: 'not for us: a reply, sent by another DHCP server',
  },
  { name: 'no option 53', change: drop(OPTION.messageType), is: 'not for us: BOOTP: no option 53' },
  {
    name: 'InfiniBand',
    change: (m) => ({ ...m, htype: 32, hlen: 0 }),
    is: 'not for us: hardware type 32 with 0 octets',
  },
  {
    name: 'a relayed one',
    change: (m) => ({ ...m, giaddr: ip('198.51.100.1') }),
    is: 'not for us: relayed: networks behind a relay are not available yet',
  },
  {
    name: 'a group address',
    change: (m) => ({ ...m, chaddr: new Uint8Array(16).fill(255) }),
    is: 'not for us: no network card has this address',
  },
  {
    name: 'no address',
    change: (m) => ({ ...m, chaddr: new Uint8Array(16) }),
    is: 'not for us: no network card has this address',
  },
  {
    name: 'S18: a REQUEST that names nothing',
    change: set(OPTION.messageType, '03'),
    is: 'not for us: REQUEST that asks for nothing a server gives',
  },
  {
    name: 'S40: LEASEQUERY',
    change: set(OPTION.messageType, '0a'),
    is: 'not for us: LEASEQUERY that asks for nothing a server gives',
  },
  {
    name: 'X27: boot server discovery is not taken for REBINDING',
    change: (m) =>
      withOption(
        withOption({ ...m, ciaddr: ip('192.0.2.50') }, OPTION.messageType, '03'),
        43,
        '470480000000ff',
      ),
    is: 'not for us: PXE boot server discovery (option 43.71)',
  },
  { name: 'X32: a malformed option 43', change: set(43, '47ff'), is: UEFI },
  {
    name: 'X09: the first architecture that has a loader',
    change: set(OPTION.clientArch, '00060007'),
    is: UEFI,
  },
  {
    name: 'X09: the first that has a name, where none has a loader',
    change: set(OPTION.clientArch, '7fff0006'),
    is: 'DISCOVER discover, rom uefi-ia32 tftp',
  },
  {
    name: 'X08: an architecture without a name',
    change: set(OPTION.clientArch, '7fff'),
    is: 'DISCOVER discover, rom 32767 tftp',
  },
  { name: 'X10: no option 93, but Arch: in option 60', change: drop(OPTION.clientArch), is: UEFI },
  {
    name: 'X11: option 93 wins over option 60',
    change: set(60, hex('PXEClient:Arch:00009:UNDI:003000')),
    is: UEFI,
  },
  { name: 'X12: option 93 of three octets', change: set(OPTION.clientArch, '000700'), is: UEFI },
  {
    name: 'X13: an operating system',
    change: (m) => withOption(withOption(m, 60), OPTION.clientArch),
    is: 'DISCOVER discover, os tftp',
  },
  { name: 'X21: without options 97 and 94', change: (m) => withOption(withOption(m, 97), 94), is: UEFI },
  { name: 'I10: option 97 of five octets', change: set(97, '0011223344'), is: UEFI },
  { name: 'E01', vector: 'P9', change: (m) => m, is: IPXE },
  { name: 'E02: without option 77', vector: 'P9', change: drop(77), is: IPXE },
  { name: 'E03, E05: without option 175, 77 raw', vector: 'P9', change: drop(175), is: IPXE },
  {
    name: 'E04: 77 counted',
    vector: 'P9',
    change: (m) => withOption(withOption(m, 175), 77, '0469505845'),
    is: IPXE,
  },
  {
    name: 'E06: 60 inherited from UEFI HTTP boot',
    vector: 'P9',
    change: set(60, hex('HTTPClient:Arch:00016')),
    is: IPXE,
  },
  {
    name: 'E07: no HTTP in option 175',
    vector: 'P9',
    change: set(175, '150101'),
    is: 'DISCOVER discover, ipxe uefi-x64 tftp',
  },
  {
    name: 'another user class',
    vector: 'P9',
    change: (m) => withOption(withOption(m, 175), 77, hex('acme')),
    is: 'DISCOVER discover, rom uefi-x64 tftp',
  },
]

describe('messages and their changes', () => {
  for (const row of ROWS)
    test(row.name, () => {
      const decoded = decodeDhcp4(vector(row.vector ?? 'P1').bytes)
      assert.ok(decoded.ok)
      assert.equal(summary(row.change(decoded.value)), row.is)
    })
})

test('E06, X10: the evidence says where a fact was found', () => {
  const decoded = decodeDhcp4(vector('P9').bytes)
  assert.ok(decoded.ok)
  const found = classifyDhcp(withOption(decoded.value, OPTION.clientArch), INGRESS)
  assert.ok(found.ok)
  assert.deepEqual(told(found.value.boot.evidence), [
    'client.arch packet: uefi-x64 (option 60 says Arch:00007)',
    'client.stage packet: ipxe (option 175)',
  ])
})

test('I07, I09: the machine id of option 97', () => {
  const decoded = decodeDhcp4(vector('P1').bytes)
  assert.ok(decoded.ok)
  const uuid = (message: DhcpMessage): string | undefined => {
    const found = classifyDhcp(message, INGRESS)
    assert.ok(found.ok)
    return found.value.boot.client.uuid
  }
  assert.equal(uuid(decoded.value), '12345678-1234-5678-9abc-def012345678')
  assert.equal(uuid(withOption(decoded.value, 97, '00'.repeat(17))), undefined)
  assert.equal(uuid(withOption(decoded.value, 97, `00${'ff'.repeat(16)}`)), undefined)
})

test('D22: the vendor class of an event is one printable line', () => {
  const decoded = decodeDhcp4(vector('P1').bytes)
  assert.ok(decoded.ok)
  const found = classifyDhcp(withOption(decoded.value, 60, hex('PXEClient\n\x1b[2J')), INGRESS)
  assert.ok(found.ok)
  assert.equal(found.value.vendorClass, 'PXEClient\\x0a\\x1b[2J')
})

function describeMessage(message: DhcpMessage): string {
  if (message.op === 'reply') return 'reply'
  const found = classifyDhcp(message, INGRESS)
  if (!found.ok) return `not for us: ${found.error.reason}`
  return [summary(message), ...told(found.value.boot.evidence)].join('; ')
}

function summary(message: DhcpMessage): string {
  const found = classifyDhcp(message, INGRESS)
  if (!found.ok) return `not for us: ${found.error.reason}`
  const { type, boot, lease } = found.value
  const { arch, archCode, stage, transport } = boot.client
  const kind = [stage, arch ?? archCode, transport].filter((part) => part !== undefined).join(' ')
  return `${type} ${describeAsk(lease.ask)}, ${kind}`
}

function describeAsk(ask: LeaseAsk): string {
  const facts = Object.entries(ask).flatMap(([key, value]) =>
    typeof value === 'number' ? [`${key} ${formatIpv4(value)}`] : [],
  )
  return [ask.kind, ...facts].join(' ')
}

/** The message with this option instead of its own; without it when there are no octets. */
function withOption(message: DhcpMessage, code: number, octets?: string): DhcpMessage {
  const others = message.options.filter((option) => option.code !== code)
  const added: DhcpOption[] =
    octets === undefined ? [] : [{ code, data: new Uint8Array(Buffer.from(octets, 'hex')) }]
  return { ...message, options: [...others, ...added] }
}

function hex(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex')
}
