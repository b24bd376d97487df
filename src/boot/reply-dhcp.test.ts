import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { dhcpMessages, vector } from '../../test/helpers/dhcp-fixtures.ts'
import { ip, mac, network, pool, type WorldBuilder, world } from '../../test/helpers/world.ts'
import { decideLease } from '../address/decide-lease.ts'
import { formatIpv4, ipv4FromU32, parseSubnet } from '../lib/ipv4.ts'
import { toHex } from '../lib/text.ts'
import type { LoaderOverride, Network } from '../model/config.ts'
import { decodeDhcp4 } from '../protocol/dhcp4/decode.ts'
import { encodeDhcp4 } from '../protocol/dhcp4/encode.ts'
import { blankMessage, type DhcpMessage, type DhcpOption } from '../protocol/dhcp4/message.ts'
import { optionBytes } from '../protocol/dhcp4/options.ts'
import { classifyDhcp } from './classify.ts'
import { decide } from './decide.ts'
import { type DhcpReply, replyDhcp } from './reply-dhcp.ts'

const CLIENT = mac('52:54:00:12:34:56')

/** The server of the worked packets. */
const SITE: Partial<Network> = {
  subnet: network('192.0.2.0/24').subnet,
  address: ip('192.0.2.2'),
  pools: pool('192.0.2.50-192.0.2.99'),
  options: { router: ip('192.0.2.1'), dns: [ip('192.0.2.1')] },
}

function server(): WorldBuilder {
  return world().network(SITE).server('192.0.2.2').node('node7', CLIENT, { address: '192.0.2.50' })
}

/** The worked replies, and where ours differs with its reason. File names and URLs are mapped before. */
const PAIRS: readonly {
  readonly request: string
  readonly reply: string
  readonly to: string
  readonly differs: Readonly<Record<string, string>>
}[] = [
  { request: 'P1', reply: 'P2', to: 'broadcast', differs: {} },
  { request: 'P3', reply: 'P4', to: 'broadcast', differs: {} },
  {
    request: 'P5',
    reply: 'P6',
    to: 'broadcast',
    differs: { 'option 56': 'our NAK names the address it refuses' },
  },
  { request: 'P7', reply: 'P8', to: 'unicast 192.0.2.50', differs: {} },
  {
    request: 'P9',
    reply: 'P10',
    to: `link 192.0.2.50 ${CLIENT}`,
    differs: {
      'option 28': 'the client does not ask for it in option 55',
      'option 67': 'iPXE needs no NUL in its URL; recipe 2.7 gives it none',
    },
  },
  {
    request: 'P16',
    reply: 'P17',
    to: 'broadcast',
    differs: {},
  },
  {
    request: 'P21',
    reply: 'P22',
    to: 'link 192.0.2.51 dc:a6:32:01:02:03',
    differs: {
      'option 28': 'the client does not ask for it in option 55',
      'option 6': 'the same; 1 and 3 it gets unasked',
      yiaddr: 'a stranger gets the first address of the pool that is free',
    },
  },
  {
    request: 'P28',
    reply: 'P29',
    to: 'unicast 192.0.2.50',
    differs: { 'option 28': 'the client does not ask for it in option 55' },
  },
]

const NAMES: readonly (readonly [string, string])[] = [
  ['ipxe-x86_64.efi', 'snponly.efi'],
  ['http://192.0.2.2:8080/efi/x86_64/ipxe.efi', 'http://192.0.2.2:8080/firmware/snponly.efi'],
  ['http://192.0.2.2:8080/v1/boot.ipxe', 'http://192.0.2.2:8080/boot.ipxe'],
]

describe('our replies to the worked requests', () => {
  for (const { request, reply, to, differs } of PAIRS)
    test(`${request} is answered like ${reply}`, () => {
      const there = request === 'P21' ? server().firmware('config.txt') : server()
      const ours = answer(vector(request).bytes, there)
      assert.ok(ours)
      const theirs = decodeDhcp4(vector(reply).bytes)
      assert.ok(theirs.ok)
      assert.deepEqual(differences(theirs.value, ours.message), Object.keys(differs))
      const { destination } = ours
      const parts = Object.values(destination).map((part) =>
        typeof part === 'number' ? formatIpv4(ipv4FromU32(part)) : part,
      )
      assert.equal(parts.join(' '), to)
    })

  test('S38: P25 is answered like P26, where bootp: is on', () => {
    const there = server()
      .network({ ...SITE, bootp: true, options: { router: ip('192.0.2.1'), hostName: 'node7' } })
      .node('node7', CLIENT, { address: '192.0.2.10' })
    const ours = answer(vector('P25').bytes, there)
    assert.ok(ours)
    const theirs = decodeDhcp4(vector('P26').bytes)
    assert.ok(theirs.ok)
    // Ours says the broadcast address besides; a plain BOOTP client cannot ask for what it wants.
    assert.deepEqual(differences(theirs.value, ours.message), ['option 28'])
    assert.deepEqual(ours.destination, { kind: 'broadcast' })
    assert.equal(encodeDhcp4(ours.message).length, 300)
  })

  test('S39: P25 gets silence without a reservation, and where bootp: is off', () => {
    assert.equal(answer(vector('P25').bytes, server()), undefined)
    const stranger = world().network({ ...SITE, bootp: true })
    assert.equal(answer(vector('P25').bytes, stranger.server('192.0.2.2')), undefined)
  })

  test('A03: P23, relayed, is answered like P24, to the relay', () => {
    const subnet = parseSubnet('198.51.100.0/24')
    assert.ok(subnet.ok)
    const there = server().network({
      subnet: subnet.value,
      pools: pool('198.51.100.50-198.51.100.99'),
      options: { router: ip('198.51.100.1'), dns: [ip('192.0.2.1')] },
    })
    const ours = answer(vector('P23').bytes, there)
    const theirs = decodeDhcp4(vector('P24').bytes)
    assert.ok(ours && theirs.ok)
    assert.deepEqual(ours.destination, { kind: 'relay', address: ip('198.51.100.1'), port: 67 })
    // Option 28 is not asked for in option 55, and a stranger gets the first free address of the pool.
    assert.deepEqual(differences(theirs.value, ours.message), ['option 28', 'yiaddr'])
    assert.equal(formatIpv4(ours.message.yiaddr), '198.51.100.50')
    assert.equal(ours.message.options.at(-1)?.code, 82, 'D16: option 82 is last')
    assert.equal(ours.message.hops, 0)
  })

  test('S19, S23: P30 (DECLINE) and P31 (RELEASE) get silence', () => {
    const there = server().lease('192.0.2.50', CLIENT)
    for (const name of ['P30', 'P31']) assert.equal(answer(vector(name).bytes, there), undefined)
  })

  test('P11: a BIOS ROM gets the boot part of P12 with an address', () => {
    const ours = answer(vector('P11').bytes, server())
    const theirs = decodeDhcp4(vector('P12').bytes)
    assert.ok(ours && theirs.ok)
    const boot = ['file', 'siaddr', 'flags', 'option 43', 'option 60', 'option 67', 'option 97']
    assert.deepEqual(
      differences(theirs.value, ours.message).filter((key) => boot.includes(key)),
      [],
    )
  })

  test('X07: every HTTP architecture gets the URL of its loader', () => {
    for (const [code, name] of [
      ['000f', 'snponly-i386.efi'],
      ['0011', 'snponly.efi'],
      ['0012', 'snponly-arm32.efi'],
      ['0013', 'snponly-arm64.efi'],
      ['0014', 'undionly.kpxe'],
      ['001c', 'snponly-riscv64.efi'],
      ['0028', 'snponly-loong64.efi'],
    ] as const) {
      const reply = answer(changed('P16', { 93: code }), server())
      const url = Buffer.from(optionBytes(reply?.message ?? NO_MESSAGE, 67) ?? []).toString('latin1')
      assert.equal(url, `http://192.0.2.2:8080/firmware/${name}\0`)
    }
  })

  test('X30: a Raspberry Pi that leaves option 60 out of its REQUEST is told the same', () => {
    const there = (): WorldBuilder => server().firmware('config.txt')
    const offer = answer(vector('P21').bytes, there())
    const ack = answer(changed('P21', { 53: '03', 50: 'c0000233', 54: 'c0000202', 60: '' }), there())
    assert.ok(offer && ack)
    assert.equal(ack.type, 'ACK')
    assert.deepEqual(differences(offer.message, ack.message), ['option 53'])
  })
})

describe('recipes of clients that no worked packet shows', () => {
  const CASES: readonly {
    readonly name: string
    readonly of?: string
    readonly change: Readonly<Record<number, string>>
    readonly loader?: LoaderOverride
    readonly onDisk?: string
    /** siaddr, `file`, and the options about booting. */
    readonly says: Readonly<Record<string, string>>
  }[] = [
    {
      name: 'E07: an iPXE without HTTP gets no option 60, which it would repeat (ipxe issue 1527)',
      of: 'P9',
      change: { 175: '150101', 93: '0000' },
      says: { siaddr: '192.0.2.2', file: 'ipxe.pxe', 67: 'ipxe.pxe', 97: '', 175: 'b00101' },
    },
    {
      name: 'gPXE gets a whole iPXE',
      of: 'P9',
      change: { 77: hex('gPXE'), 93: '0000' },
      says: { siaddr: '192.0.2.2', file: 'ipxe.pxe', 67: 'ipxe.pxe', 97: '', 175: 'b00101' },
    },
    {
      name: 'U-Boot: header and option 67 without NUL, no option 60 or 66',
      change: { 60: '', 93: '0016' },
      loader: { 'uboot-arm64': 'boot.scr' },
      onDisk: 'boot.scr',
      says: { siaddr: '192.0.2.2', file: 'boot.scr', 67: 'boot.scr' },
    },
    {
      name: 'petitboot: options 209 and 210 (RFC 5071)',
      change: { 60: '', 93: '000e' },
      loader: { 'ppc-opal': 'p9.cfg' },
      onDisk: 'p9.cfg',
      says: {
        ...{ siaddr: '192.0.2.2', file: '', 66: '192.0.2.2' },
        ...{ 209: 'http://192.0.2.2:8080/firmware/p9.cfg', 210: 'http://192.0.2.2:8080/firmware/' },
      },
    },
    {
      name: 'ONIE: the installer in options 67 and 114',
      change: { 60: hex('onie_vendor:x86_64-acme_1-r0'), 93: '' },
      loader: 'onie-installer',
      onDisk: 'onie-installer',
      says: {
        ...{ siaddr: '192.0.2.2', file: '' },
        ...{ 67: 'http://192.0.2.2:8080/firmware/onie-installer' },
        ...{ 114: 'http://192.0.2.2:8080/firmware/onie-installer' },
      },
    },
    {
      name: 'GRUB: siaddr, its default server',
      change: { 60: '', 93: '', 55: '0103060f0c1112' },
      says: { siaddr: '192.0.2.2', file: '' },
    },
    {
      name: "Apple's BSDP: an address alone",
      change: { 60: hex('AAPLBSDPC/i386/MacBook1,1'), 93: '' },
      says: { siaddr: '0.0.0.0', file: '' },
    },
    {
      name: 'X08: an architecture without a name: an address alone',
      change: { 93: '7fff' },
      says: { siaddr: '0.0.0.0', file: '' },
    },
    {
      name: 'X13: an operating system: an address alone',
      change: { 60: '', 93: '' },
      says: { siaddr: '0.0.0.0', file: '' },
    },
    {
      name: 'X09: the first architecture of which a loader is on disk',
      change: { 93: '0006000b' },
      onDisk: 'ipxe-arm64.efi',
      says: {
        ...{ siaddr: '192.0.2.2', file: 'ipxe-arm64.efi', 43: '060108ff', 60: 'PXEClient' },
        ...{ 66: '192.0.2.2', 67: 'ipxe-arm64.efi\0', 97: '' },
      },
    },
  ]
  for (const { name, of = 'P1', change, loader, onDisk, says } of CASES)
    test(name, () => {
      const there = server()
      if (onDisk !== undefined) there.firmware(onDisk)
      if (loader !== undefined) there.replaceNode('node7', { loader })
      const reply = answer(changed(of, change), there)
      assert.ok(reply)
      assert.deepEqual(bootingOf(reply.message), says)
    })
})

test('X35: a name of 127 octets is in file and option 67; one of 128 in option 67 alone', () => {
  const request = decodeDhcp4(vector('P1').bytes)
  assert.ok(request.ok)
  const { network, server: ours } = server().addresses(CLIENT)
  const lease = decideLease({ ask: { kind: 'discover' }, mac: CLIENT }, server().addresses(CLIENT)).answer
  for (const [length, inFile] of [
    [127, true],
    [128, false],
  ] as const) {
    const file = { name: 'x'.repeat(length), path: '/x', size: 1 }
    const boot = { kind: 'boot-file', file, over: 'tftp' } as const
    const reply = replyDhcp({ request: request.value, network, server: ours, answer: lease, boot })
    assert.ok(reply)
    assert.equal(reply.message.file[0] !== 0, inFile)
    assert.equal(optionBytes(reply.message, 67)?.length, length + 1)
    assert.ok(encodeDhcp4(reply.message).length >= 300)
  }
})

test('D15, D16, D19, S29, X01, X02: every reply to every real message is well formed', () => {
  let replies = 0
  for (const { name, bytes } of dhcpMessages()) {
    const there = server()
    const reply = answer(bytes, there)
    if (reply === undefined) continue
    replies += 1
    const codes = reply.message.options.map(({ code }) => code)
    assert.equal(codes[0], 53, name)
    assert.equal(new Set(codes).size, codes.length, `${name}: no option twice`)
    assert.ok(
      reply.message.options.every(({ data }) => data.length > 0),
      `${name}: no empty option`,
    )
    const forbidden = [13, 50, 52, 55, 57, 93, 94, 128, 129, 130, 131, 132, 133, 134, 135]
    assert.ok(!forbidden.some((code) => codes.includes(code)), name)
    const request = decodeDhcp4(bytes)
    const isHttp = Buffer.from(optionBytes(reply.message, 60) ?? []).toString() === 'HTTPClient'
    assert.equal(codes.includes(60), codes.includes(43) || isHttp, `${name}: X01: 60 and 43, or neither`)
    if (isHttp) assert.ok(!codes.includes(43), `${name}: 43 is PXE's`)
    assert.ok(request.ok)
    const encoded = encodeDhcp4(reply.message)
    assert.ok(encoded.length >= 300, name)
    if (optionBytes(request.value, 57) === undefined) assert.ok(encoded.length <= 548, name)
    const times = [51, 58, 59].map((code) =>
      Number.parseInt(toHex(optionBytes(reply.message, code) ?? new Uint8Array()), 16),
    )
    if (codes.includes(51)) assert.deepEqual(times, [3600, 1800, 3150], name)
    const file = optionBytes(reply.message, 67)
    if (codes.includes(43))
      assert.deepEqual([file?.at(-1), file?.indexOf(0)], [0, (file?.length ?? 0) - 1], name)
    assert.deepEqual(optionBytes(reply.message, 61), optionBytes(request.value, 61), `${name}: I02, I03, I04`)
  }
  assert.ok(replies > 40, `${replies} replies`)
})

test('S30: OFFER and ACK say the same', () => {
  const [offer, ack] = [answer(vector('P1').bytes, server()), answer(vector('P3').bytes, server())]
  assert.ok(offer && ack)
  assert.deepEqual(differences(offer.message, ack.message), ['option 53'])
})

test('D17, D18: what the client cannot take is left out, the wished options first', () => {
  const there = server().network({
    options: {
      router: ip('192.0.2.1'),
      domain: 'd'.repeat(200),
      dns: Array.from({ length: 30 }, (_, i) => ip(`192.0.2.${i + 1}`)),
    },
  })
  const large = answer(vector('P9').bytes, there)
  const request = decodeDhcp4(vector('P9').bytes)
  assert.ok(large && request.ok)
  assert.ok(optionBytes(large.message, 6) !== undefined && optionBytes(large.message, 15) !== undefined)
  const sent = ['0240', '012c', ''].map((size) => {
    const options = request.value.options.flatMap((option) => {
      if (option.code !== 57) return [option]
      return size === '' ? [] : [{ code: 57, data: new Uint8Array(Buffer.from(size, 'hex')) }]
    })
    const small = answer(encodeDhcp4({ ...request.value, options }), there)
    assert.ok(small)
    assert.ok(encodeDhcp4(small.message).length <= 548)
    const codes = small.message.options.map(({ code }) => code)
    assert.ok([53, 54, 51, 1, 3, 67].every((code) => codes.includes(code)))
    assert.ok(!codes.includes(15), 'the domain name is left out')
    return codes
  })
  assert.ok(sent[0]?.includes(6), 'the name servers fit')
  assert.deepEqual(sent[1], sent[0], 'D18: 300 means 576')
  assert.deepEqual(sent[2], sent[0], 'D19: none means 576')
})

test('D20, D21, D25: flags and chaddr are copied whole; addresses in a request mean nothing', () => {
  const request = decodeDhcp4(vector('P1').bytes)
  assert.ok(request.ok)
  const chaddr = request.value.chaddr.map((octet, i) => (i < 6 ? octet : 0xee))
  const odd = { ...request.value, flags: 0x8001, chaddr, yiaddr: ip('9.9.9.9'), siaddr: ip('9.9.9.9') }
  const reply = answer(encodeDhcp4(odd), server())
  assert.ok(reply)
  assert.equal(reply.message.flags, 0x8001)
  assert.deepEqual(reply.message.chaddr, chaddr)
  assert.deepEqual([reply.message.yiaddr, reply.message.siaddr], [ip('192.0.2.50'), ip('192.0.2.2')])
  assert.deepEqual(reply.destination, { kind: 'broadcast' })
})

test('nothing is sent to a ciaddr that is not the address we give', () => {
  const request = decodeDhcp4(vector('P9').bytes)
  assert.ok(request.ok)
  const reply = answer(encodeDhcp4({ ...request.value, ciaddr: ip('203.0.113.9') }), server())
  assert.deepEqual(reply?.destination, { kind: 'link', address: ip('192.0.2.50'), mac: CLIENT })
})

const NO_MESSAGE = blankMessage('reply')

/** A worked packet with these options, in hex, instead of its own; `''` takes one out. */
function changed(name: string, options: Readonly<Record<number, string>>): Uint8Array {
  const request = decodeDhcp4(vector(name).bytes)
  assert.ok(request.ok)
  const kept = request.value.options.filter(({ code }) => !(code in options))
  const added = Object.entries(options).flatMap(([code, octets]) =>
    octets === '' ? [] : [{ code: Number(code), data: new Uint8Array(Buffer.from(octets, 'hex')) }],
  )
  return encodeDhcp4({ ...request.value, options: [...kept, ...added] })
}

/** What a reply says about booting: text where it is text, else hex; option 97 by its presence. */
function bootingOf(message: DhcpMessage): Readonly<Record<string, string>> {
  const text = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1')
  const shown = (code: number, data: Uint8Array): string =>
    code === 97 ? '' : [43, 175].includes(code) ? toHex(data) : text(data)
  const codes = [43, 60, 66, 67, 97, 114, 175, 209, 210]
  return {
    siaddr: formatIpv4(message.siaddr),
    file: text(message.file).replace(/\0+$/, ''),
    ...Object.fromEntries(
      message.options
        .filter(({ code }) => codes.includes(code))
        .map(({ code, data }) => [String(code), shown(code, data)]),
    ),
  }
}

function hex(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex')
}

function answer(bytes: Uint8Array, there: WorldBuilder): DhcpReply | undefined {
  const message = decodeDhcp4(bytes)
  if (!message.ok) return undefined
  const client = classifyDhcp(message.value, there.ingress)
  if (!client.ok) return undefined
  const { boot, lease } = client.value
  const addresses = there.addresses(boot.client.mac)
  return replyDhcp({
    request: message.value,
    network: addresses.network,
    ...(addresses.node === undefined ? {} : { node: addresses.node }),
    server: addresses.server,
    answer: decideLease(lease, addresses).answer,
    boot: decide(boot, there.build()).action,
  })
}

/** The fields and options in which two replies differ; those in which only the order differs are alike. */
function differences(theirs: DhcpMessage, ours: DhcpMessage): readonly string[] {
  const [a, b] = [fields(theirs), fields(ours)]
  return [...new Set([...a.keys(), ...b.keys()])].filter((key) => a.get(key) !== b.get(key)).sort()
}

function fields(message: DhcpMessage): ReadonlyMap<string, string> {
  const { options, fileOptions, snameOptions, notes, chaddr, sname, file, ...numbers } = message
  assert.deepEqual([fileOptions, snameOptions, notes], [undefined, undefined, []])
  return new Map([
    ...Object.entries(numbers).map(([key, value]) => [key, String(value)] as const),
    ['chaddr', toHex(chaddr)] as const,
    ['sname', toHex(sname)] as const,
    ['file', mapNames(file).replace(/(00)+$/, '')] as const,
    ...options.map(({ code, data }) => [`option ${code}`, mapNames(data)] as const),
  ])
}

function mapNames(octets: Uint8Array): string {
  const hex = (text: string): string => Buffer.from(text).toString('hex')
  return NAMES.reduce((value, [theirs, ours]) => value.replace(hex(theirs), hex(ours)), toHex(octets))
}

test('D19: however long the options are that come back, the client can take the reply', () => {
  const long = (code: number): DhcpOption => ({ code, data: new Uint8Array(code === 82 ? 253 : 255).fill(1) })
  const asked = decodeDhcp4(vector('P1').bytes)
  assert.ok(asked.ok)
  const others = asked.value.options.filter(({ code }) => ![57, 61, 82, 97].includes(code))
  const request = { ...asked.value, options: [...others, long(61), long(97), long(82)] }
  const reply = answer(encodeDhcp4(request), server())
  assert.ok(reply)
  const options = reply.message.options.filter(({ code }) => code !== 82)
  const shown = options.map(({ code, data }) => `${code}:${data.length}`).join(' ')
  assert.ok(encodeDhcp4({ ...reply.message, options }).length <= 548, shown)
  assert.deepEqual(
    [61, 82, 97].map((code) => optionBytes(reply.message, code)?.length),
    [255, 253, undefined],
  )
})
