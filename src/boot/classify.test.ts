import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { dhcpMessages, vector } from '../../test/helpers/dhcp-fixtures.ts'
import { assertGolden } from '../../test/helpers/golden.ts'
import { ip, told } from '../../test/helpers/world.ts'
import { formatIpv4, ipv4FromU32 } from '../lib/ipv4.ts'
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
const OLD_IPXE = 'DISCOVER discover, ipxe uefi-x64 tftp old-ipxe'
const PI = 'DISCOVER discover, rom bios-x86 tftp raspberry-pi'
const HTTP = 'DISCOVER discover, rom uefi-x64-http http uefi-http'
const OS = 'DISCOVER discover, os tftp'
const set = (code: number, hex: string) => (message: DhcpMessage) => withOption(message, code, hex)
const drop = (code: number) => (message: DhcpMessage) => withOption(message, code)

const ROWS: readonly Row[] = [
  { name: 'P1', change: (m) => m, is: UEFI },
  {
    name: 'D02: a reply',
    change: (m) => ({ ...m, op: 'reply' }),
    is: 'not for us: a reply, sent by another DHCP server',
  },
  { name: 'no option 53', change: drop(OPTION.messageType), is: 'BOOTP bootp, rom uefi-x64 tftp' },
  {
    name: 'InfiniBand',
    change: (m) => ({ ...m, htype: 32, hlen: 0 }),
    is: 'not for us: hardware type 32 without an address, and no client identifier (option 61)',
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
    is: 'REQUEST boot-server, rom uefi-x64 tftp',
  },
  { name: 'X32: a malformed option 43', change: set(43, '47ff'), is: UEFI },
  {
    name: 'X09: several architectures, of which decide takes the first that has a loader',
    change: set(OPTION.clientArch, '00060007'),
    is: 'DISCOVER discover, rom uefi-ia32 (uefi-ia32 uefi-x64) tftp',
  },
  {
    name: 'X09: the first that has a name',
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
    is: OS,
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
    is: UEFI,
  },
  {
    name: 'E08: our own user class',
    vector: 'P9',
    change: set(77, hex('centra')),
    is: `${IPXE} ours`,
  },
  {
    name: 'another user class of an iPXE that tells its features',
    vector: 'P9',
    change: set(77, hex('acme')),
    is: IPXE,
  },
  {
    name: 'E08: our own user class, counted, without option 175',
    vector: 'P9',
    change: (m) => withOption(withOption(m, 175), 77, `06${hex('centra')}`),
    is: `${IPXE} ours`,
  },
  { name: 'gPXE, raw', vector: 'P9', change: set(77, hex('gPXE')), is: OLD_IPXE },
  {
    name: 'gPXE, counted, beside another class',
    vector: 'P9',
    change: set(77, `0378797a04${hex('gPXE')}`),
    is: OLD_IPXE,
  },
  {
    name: 'xNBA without option 175',
    vector: 'P9',
    change: (m) => withOption(withOption(m, 175), 77, hex('xNBA')),
    is: OLD_IPXE,
  },
  { name: 'X06', vector: 'P16', change: (m) => m, is: HTTP },
  {
    name: 'X06: HTTPClient with the architecture of PXE',
    vector: 'P16',
    change: set(OPTION.clientArch, '0007'),
    is: 'DISCOVER discover, rom uefi-x64 http uefi-http',
  },
  {
    name: 'X06: PXEClient with an architecture of HTTP',
    vector: 'P16',
    change: set(60, hex('PXEClient')),
    is: HTTP,
  },
  {
    name: 'X07: arm64 over HTTP',
    vector: 'P16',
    change: set(OPTION.clientArch, '0013'),
    is: 'DISCOVER discover, rom uefi-arm64-http http uefi-http',
  },
  { name: 'X29: a Raspberry Pi', vector: 'P21', change: (m) => m, is: PI },
  { name: 'X29: by its address alone', vector: 'P21', change: drop(97), is: PI },
  {
    name: 'X29: by option 97 alone',
    vector: 'P21',
    change: (m) => ({ ...m, chaddr: address('52540a0b0c0d') }),
    is: PI,
  },
  {
    name: 'X30: a Raspberry Pi that leaves option 60 out of its REQUEST',
    vector: 'P21',
    change: (m) =>
      withOption(
        withOption(withOption(m, 60), OPTION.messageType, '03'),
        OPTION.requestedAddress,
        'c000023c',
      ),
    is: 'REQUEST reboot requested 192.0.2.60, rom bios-x86 tftp raspberry-pi',
  },
  {
    name: 'X31: a Raspberry Pi with UEFI is arm64',
    vector: 'P21',
    change: set(OPTION.clientArch, '000b'),
    is: 'DISCOVER discover, rom uefi-arm64 tftp',
  },
  {
    name: 'the system of a Raspberry Pi',
    vector: 'P21',
    change: (m) => withOption(withOption(withOption(m, 60), OPTION.clientArch), 97),
    is: OS,
  },
  {
    name: 'iPXE on a Raspberry Pi',
    vector: 'P9',
    change: (m) => ({ ...m, chaddr: address('dca632010203') }),
    is: IPXE,
  },
  {
    name: 'a Raspberry Pi by the number IANA gave it',
    change: set(OPTION.clientArch, '0029'),
    is: 'DISCOVER discover, rom arm-rpiboot tftp raspberry-pi',
  },
  {
    name: 'U-Boot by architecture',
    change: (m) => withOption(withOption(m, 60), OPTION.clientArch, '0016'),
    is: 'DISCOVER discover, rom uboot-arm64 tftp u-boot',
  },
  {
    name: 'U-Boot by option 60',
    change: (m) => withOption(withOption(m, OPTION.clientArch), 60, hex('U-Boot.armv8')),
    is: 'DISCOVER discover, rom tftp u-boot',
  },
  {
    name: "U-Boot's EFI boot method is UEFI",
    change: (m) =>
      withOption(withOption(m, 60, hex('PXEClient:Arch:00011:UNDI:003000')), OPTION.clientArch, '000b'),
    is: 'DISCOVER discover, rom uefi-arm64 tftp',
  },
  {
    name: 'petitboot',
    change: (m) => withOption(withOption(m, 60), OPTION.clientArch, '000e'),
    is: 'DISCOVER discover, rom ppc-opal tftp petitboot',
  },
  {
    name: 'ONIE by option 60',
    change: (m) => withOption(withOption(m, OPTION.clientArch), 60, hex('onie_vendor:x86_64-acme_1-r0')),
    is: 'DISCOVER discover, rom http onie',
  },
  {
    name: 'option 125 that is cut off says nothing',
    change: (m) => withOption(withOption(withOption(m, 60), OPTION.clientArch), 125, '0000a67f090101ff'),
    is: OS,
  },
  {
    name: 'ONIE by a well-formed option 125',
    change: (m) => withOption(withOption(withOption(m, 60), OPTION.clientArch), 125, '0000a67f03010141'),
    is: 'DISCOVER discover, rom http onie',
  },
  {
    name: "Apple's BSDP",
    change: (m) => withOption(withOption(m, OPTION.clientArch), 60, hex('AAPLBSDPC/i386/MacBook1,1')),
    is: OS,
  },
  {
    name: "GRUB's own DHCP",
    change: (m) => withOption(withOption(withOption(m, 60), OPTION.clientArch), 55, '0103060f0c1112'),
    is: 'DISCOVER discover, rom tftp grub',
  },
  {
    name: "GRUB's as Debian builds it",
    change: (m) => withOption(withOption(withOption(m, 60), OPTION.clientArch), 55, '0103060f0c11123c'),
    is: 'DISCOVER discover, rom tftp grub',
  },
  {
    name: 'a system that asks for one more',
    change: (m) => withOption(withOption(withOption(m, 60), OPTION.clientArch), 55, '0103060f0c11121c'),
    is: OS,
  },
  {
    name: 'a system that asks for the same in another order',
    change: (m) => withOption(withOption(withOption(m, 60), OPTION.clientArch), 55, '0103060c0f1112'),
    is: OS,
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
  const { arch, arches, archCode, stage, transport, firmware, isOurs } = boot.client
  const all = arches === undefined ? undefined : `(${arches.join(' ')})`
  const special = firmware === 'pxe' || firmware === 'ipxe' ? undefined : firmware
  const kind = [stage, arch ?? archCode, all, transport, special, isOurs === true ? 'ours' : undefined]
    .filter((part) => part !== undefined)
    .join(' ')
  return `${type} ${describeAsk(lease.ask)}, ${kind}`
}

function describeAsk(ask: LeaseAsk): string {
  const facts = Object.entries(ask).flatMap(([key, value]) =>
    typeof value === 'number' ? [`${key} ${formatIpv4(ipv4FromU32(value))}`] : [],
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

function address(octets: string): Uint8Array {
  return new Uint8Array(Buffer.from(octets.padEnd(32, '0'), 'hex'))
}

function hex(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex')
}
