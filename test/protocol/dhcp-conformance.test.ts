/** Conformance cases from octets to octets, on the world's clock: what the server of the worked packets does with each. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerDhcp } from '../../src/app/answer-dhcp.ts'
import type { Running } from '../../src/app/running.ts'
import type { ServedNetwork } from '../../src/app/served-network.ts'
import type { DhcpSender } from '../../src/app/think-dhcp.ts'
import type { DhcpReply } from '../../src/boot/reply-dhcp.ts'
import { formatIpv4, type Ipv4, ipv4FromU32, parseSubnet } from '../../src/lib/ipv4.ts'
import type { Mac } from '../../src/lib/mac.ts'
import { macToBytes } from '../../src/lib/mac.ts'
import { toHex } from '../../src/lib/text.ts'
import type { Network } from '../../src/model/config.ts'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import { BROADCAST_FLAG, type DhcpMessage } from '../../src/protocol/dhcp4/message.ts'
import { ipv4Value } from '../../src/protocol/dhcp4/option-values.ts'
import { optionBytes } from '../../src/protocol/dhcp4/options.ts'
import { OPTION } from '../../src/protocol/iana/options.ts'
import { dhcpMessages, vector } from '../helpers/dhcp-fixtures.ts'
import { MemoryStore, running } from '../helpers/memory.ts'
import { ip, mac, network, pool, type WorldBuilder, world } from '../helpers/world.ts'

const CLIENT = mac('52:54:00:12:34:56')
const STRANGER = mac('52:54:00:aa:bb:cc')
const { interface: _, ...BEHIND } = network('198.51.100.0/24', {
  name: 'behind',
  pools: pool('198.51.100.50-198.51.100.99'),
  options: { router: ip('198.51.100.1') },
})
const { interface: __, ...FAR } = network('203.0.113.0/24', {
  name: 'far',
  pools: pool('203.0.113.50-203.0.113.99'),
})

interface Scene {
  readonly there: WorldBuilder
  readonly store: MemoryStore
  readonly running: Running
  readonly on: ServedNetwork
  readonly send: (
    message: DhcpMessage | Uint8Array,
    sender?: number | DhcpSender,
  ) => Promise<DhcpReply | undefined>
}

/** The server of the worked packets: 192.0.2.2 of 192.0.2.0/24, pool .50 to .99, .50 reserved, two networks behind relays. */
function scene(changes: Partial<Network> = {}, behind: readonly Network[] = [BEHIND, FAR]): Scene {
  const subnet = parseSubnet('192.0.2.0/24')
  assert.ok(subnet.ok)
  const there = world()
    .network({
      subnet: subnet.value,
      address: ip('192.0.2.2'),
      pools: pool('192.0.2.50-192.0.2.99'),
      options: { router: ip('192.0.2.1'), dns: [ip('192.0.2.1')] },
      ...changes,
    })
    .server('192.0.2.2')
    .node('node7', CLIENT, { address: '192.0.2.50' })
  const store = new MemoryStore()
  const made = running(there, store)
  const { picture } = made.running
  made.running.picture = {
    ...picture,
    config: { ...picture.config, networks: [...picture.config.networks, ...behind] },
  }
  return {
    there,
    store,
    ...made,
    send: (message, sender) =>
      answerDhcp(
        message instanceof Uint8Array ? message : encodeDhcp4(message),
        made.on,
        made.running,
        typeof sender === 'number' ? { sourcePort: sender } : sender,
      ),
  }
}

function decoded(name: string): DhcpMessage {
  const message = decodeDhcp4(vector(name).bytes)
  assert.ok(message.ok)
  return message.value
}

/** The message with these options, in hex, instead of its own; `''` takes one out. */
function withOptions(message: DhcpMessage, options: Readonly<Record<number, string>>): DhcpMessage {
  const kept = message.options.filter(({ code }) => !(code in options))
  const added = Object.entries(options).flatMap(([code, octets]) =>
    octets === '' ? [] : [{ code: Number(code), data: new Uint8Array(Buffer.from(octets, 'hex')) }],
  )
  return { ...message, options: [...kept, ...added] }
}

function from(message: DhcpMessage, client: Mac): DhcpMessage {
  const chaddr = new Uint8Array(16)
  chaddr.set(macToBytes(client))
  return { ...message, chaddr }
}

function hexOf(address: string): string {
  return toHex(ipv4Value(ip(address)))
}

/** `kind address port`, as far as the destination has them. */
function where(reply: DhcpReply | undefined): string {
  return Object.values(reply?.destination ?? { kind: 'silence' })
    .map((part) => (typeof part === 'number' && part > 65_535 ? formatIpv4(ipv4FromU32(part)) : String(part)))
    .join(' ')
}

function option(reply: DhcpReply | undefined, code: number): string {
  return toHex(optionBytes(reply?.message ?? decoded('P1'), code) ?? new Uint8Array())
}

function yiaddr(reply: DhcpReply | undefined): string {
  return formatIpv4(reply?.message.yiaddr ?? ip('0.0.0.0'))
}

/** The octets that answer these octets. */
async function octets(bytes: Uint8Array): Promise<string> {
  const reply = await scene().send(bytes)
  return reply === undefined ? 'silence' : toHex(encodeDhcp4(reply.message))
}

test('D01: an EDK2 DISCOVER gets the OFFER of P2, broadcast', async () => {
  const reply = await scene().send(vector('P1').bytes)
  assert.ok(reply)
  const { message } = reply
  assert.deepEqual(
    [message.op, message.xid, message.flags, yiaddr(reply), formatIpv4(message.siaddr), reply.type],
    ['reply', decoded('P1').xid, BROADCAST_FLAG, '192.0.2.50', '192.0.2.2', 'OFFER'],
  )
  assert.deepEqual(
    [option(reply, 54), option(reply, 51), option(reply, 1)],
    ['c0000202', '00000e10', 'ffffff00'],
  )
  assert.equal(Buffer.from(message.file).toString('latin1').replace(/\0+$/, ''), 'snponly.efi')
  assert.equal(where(reply), 'broadcast')
})

test('D02, D03, D05, D12, D13, D14, D23: what is no question of a DHCP client gets silence', async () => {
  const p1 = vector('P1').bytes
  const set = (at: number, ...values: number[]): Uint8Array => {
    const bytes = p1.slice()
    bytes.set(values, at)
    return bytes
  }
  for (const [name, bytes] of Object.entries({
    'D02: op 2': set(0, 2),
    'D03: 239 octets': p1.slice(0, 239),
    'D05: another cookie': set(236, 0x63, 0x82, 0x53, 0x64),
    'D12: option 53 of two octets': set(240, 53, 2, 1, 1, 255),
    'D13: option 53 = 99': set(242, 99),
    'D14: hlen 17': set(2, 17),
    'D23: hops 17': set(3, 17),
  })) {
    const { send, store } = scene()
    assert.equal(await send(bytes), undefined, name)
    assert.equal(store.events.at(-1)?.kind, 'dhcp.ignored', `${name}: its reason is an event`)
    assert.equal(store.leases.length, 0, name)
  }
})

test('D06, D07, D08: without END, with an option too long, with PAD: the octets of the same OFFER', async () => {
  const p1 = vector('P1').bytes
  const expected = await octets(p1)
  assert.notEqual(expected, 'silence')
  const padded = Uint8Array.from([...p1.slice(0, 243), ...new Uint8Array(40), ...p1.slice(243)])
  // P1 ends with END at 346.
  const tooLong = Uint8Array.from([...p1.slice(0, 346), 12, 200, 0x61])
  for (const bytes of [p1.slice(0, 346), tooLong, padded]) assert.equal(await octets(bytes), expected)
})

test('D10: an option 52 of 0 or 4 is no overload, and the client is answered', async () => {
  for (const value of ['00', '04'])
    assert.equal((await scene().send(withOptions(decoded('P1'), { 52: value })))?.type, 'OFFER')
})

test('D24: secs does not matter', async () => {
  const [early, late] = [0, 0xffff].map((secs) => ({ ...decoded('P1'), secs }))
  assert.ok(early && late)
  assert.equal(await octets(encodeDhcp4(early)), await octets(encodeDhcp4(late)))
})

test('S02, S03: asked again, in the same transaction or another, the same address', async () => {
  const { send } = scene()
  const discover = from(decoded('P1'), STRANGER)
  const offers = [await send(discover), await send(discover), await send({ ...discover, xid: 7 })]
  assert.deepEqual(offers.map(yiaddr), ['192.0.2.51', '192.0.2.51', '192.0.2.51'])
  assert.equal(offers[2]?.message.xid, 7)
})

test('S05, S06, S08: a NAK has no address, says who refuses, and is broadcast', async () => {
  const { send, there } = scene()
  there.lease('192.0.2.60', STRANGER)
  for (const [message, reason] of [
    [withOptions(decoded('P3'), { 50: hexOf('192.0.2.200') }), '192.0.2.200 is not in a pool'],
    [withOptions(decoded('P3'), { 50: hexOf('192.0.2.60') }), `192.0.2.60 is leased to ${STRANGER}`],
    [decoded('P5'), '10.9.9.9 is not on provisioning'],
  ] as const) {
    const reply = await send(message)
    assert.equal(reply?.type, 'NAK')
    assert.equal(where(reply), 'broadcast')
    assert.equal(Buffer.from(option(reply, 56), 'hex').toString(), reason)
    assert.deepEqual([reply.message.ciaddr, reply.message.yiaddr, reply.message.siaddr], [0, 0, 0])
    const codes = reply.message.options.map(({ code }) => code)
    assert.deepEqual(
      codes.filter((code) => ![53, 54, 56, 61].includes(code)),
      [],
    )
  }
})

test('S13: RENEW: the lease grows, the ACK goes to ciaddr and echoes option 61', async () => {
  const { send, there, store } = scene()
  there.lease('192.0.2.50', CLIENT).after(1_800_000)
  const reply = await send(vector('P7').bytes)
  assert.equal(reply?.type, 'ACK')
  assert.equal(where(reply), 'unicast 192.0.2.50')
  assert.deepEqual([formatIpv4(reply.message.ciaddr), yiaddr(reply)], ['192.0.2.50', '192.0.2.50'])
  assert.equal(option(reply, 61), toHex(optionBytes(decoded('P7'), 61) ?? new Uint8Array()))
  assert.equal(store.leases.at(-1)?.expiresAt, there.now + 3_600_000)
})

test('S15: RENEW of an address that another has now: a NAK, broadcast', async () => {
  const { send, there, store } = scene()
  there.lease('192.0.2.60', STRANGER)
  const reply = await send({ ...decoded('P7'), ciaddr: ip('192.0.2.60') })
  assert.deepEqual([reply?.type, where(reply)], ['NAK', 'broadcast'])
  assert.deepEqual(store.leases, [])
})

test('S16: RENEW by routed unicast: the subnet is that of ciaddr', async () => {
  const { send, store } = scene()
  const reply = await send({ ...from(decoded('P7'), STRANGER), ciaddr: ip('198.51.100.77') })
  assert.equal(reply?.type, 'ACK')
  assert.equal(where(reply), 'unicast 198.51.100.77')
  assert.equal(option(reply, 3), hexOf('198.51.100.1'))
  assert.equal(store.leases.at(-1)?.network, 'behind')
})

test('S09, S11, S17: where we are not authoritative, only clients with a lease of ours are answered', async () => {
  const there = (): Scene => scene({ authoritative: false })
  const stranger = (message: DhcpMessage): DhcpMessage => from(message, STRANGER)
  const reboot = (address: string): DhcpMessage => withOptions(decoded('P5'), { 50: hexOf(address) })
  assert.equal(where(await there().send(decoded('P5'))), 'silence')
  assert.equal(where(await there().send(stranger(reboot('192.0.2.60')))), 'silence')
  const rebinding = { ...stranger(decoded('P7')), ciaddr: ip('192.0.2.60') }
  assert.equal(where(await there().send(rebinding)), 'silence')
  assert.equal((await scene().send(rebinding))?.type, 'ACK')
  assert.equal((await there().send(reboot('192.0.2.50')))?.type, 'ACK', 'its reservation')
  const known = there()
  known.there.lease('192.0.2.60', STRANGER)
  assert.equal((await known.send(rebinding))?.type, 'ACK')
})

test('S27, S28: a wish for a lease time counts between the limits', async () => {
  const wish = (hex: string): DhcpMessage => withOptions(decoded('P1'), { 51: hex })
  const limited = { leaseLimits: { min: 120, max: 86_400 } }
  assert.deepEqual(
    [
      option(await scene(limited).send(wish('0000003c')), 51),
      option(await scene(limited).send(wish('ffffffff')), 51),
      option(await scene(limited).send(wish('00001c20')), 51),
      option(await scene(limited).send(wish('')), 51),
      option(await scene().send(wish('0000003c')), 51),
    ],
    ['00000078', '00015180', '00001c20', '00000e10', '00000e10'],
  )
  const { send, store } = scene(limited)
  const acked = await send(withOptions(decoded('P3'), { 51: '00001c20' }))
  assert.deepEqual([acked?.type, option(acked, 58), option(acked, 59)], ['ACK', '00000e10', '0000189c'])
  const [lease] = store.leases
  assert.equal((lease?.expiresAt ?? 0) - (lease?.startedAt ?? 0), 7_200_000)
})

test('a relay that its network does not list is not believed', async () => {
  const listed = { ...BEHIND, relays: [ip('198.51.100.7')] }
  assert.equal(where(await scene({}, [listed]).send(vector('P23').bytes)), 'silence')
  const there = scene({}, [{ ...BEHIND, relays: [ip('198.51.100.1')] }])
  assert.equal(where(await there.send(vector('P23').bytes)), 'relay 198.51.100.1 67')
})

test('options: what the client asks for, a node before its network, routes with the default one', async () => {
  const options = {
    ...{ router: ip('192.0.2.1'), ntp: [ip('192.0.2.9')], mtu: 9000, search: ['a.example', 'b'] },
    routes: [{ to: { network: ip('10.1.0.0'), prefix: 16 }, via: ip('192.0.2.254') }],
    custom: [
      { code: 224, data: Uint8Array.of(1, 2), always: true },
      { code: 225, data: Uint8Array.of(3), always: false },
    ],
  }
  const made = scene({ options, nextServer: ip('192.0.2.8') })
  const asks = (list: string): DhcpMessage => withOptions(decoded('P1'), { 55: list })
  const all = await made.send(asks('2a1a79770c01'))
  assert.deepEqual(
    [42, 26, 121, 119, 12, 224, 225].map((code) => option(all, code)),
    [...['c0000209', '2328', '00c0000201100a01c00002fe', '0161076578616d706c6500016200', '', '0102', '']],
  )
  assert.equal(formatIpv4(all?.message.siaddr ?? ip('0.0.0.0')), '192.0.2.8')
  assert.equal(Buffer.from(option(all, 66), 'hex').toString(), '192.0.2.8')
  assert.equal(option(await made.send(asks('01')), 42), '', 'not asked for')
  made.there.replaceNode('node7', {
    options: { ntp: [ip('192.0.2.10')], hostName: 'node7' },
    nextServer: ip('192.0.2.11'),
  })
  made.running.picture = { ...made.there.picture() }
  const own = await made.send(asks('2a0c'))
  assert.deepEqual([option(own, 42), option(own, 12)], ['c000020a', toHex(Buffer.from('node7'))])
  assert.equal(formatIpv4(own?.message.siaddr ?? ip('0.0.0.0')), '192.0.2.11')
})

test('S18, S40: a REQUEST that names nothing, a LEASEQUERY: silence', async () => {
  const { send } = scene()
  assert.equal(await send(withOptions(decoded('P1'), { 53: '03' })), undefined)
  assert.equal(await send(withOptions(decoded('P1'), { 53: '0a', 54: hexOf('192.0.2.2') })), undefined)
})

test('S20, S21, S24: DECLINE and RELEASE of others, or to others, change nothing', async () => {
  const { send, there, store } = scene()
  there.lease('192.0.2.50', CLIENT)
  const ours = hexOf('192.0.2.2')
  for (const message of [
    from(withOptions(decoded('P30'), { 54: ours }), STRANGER),
    withOptions(decoded('P30'), { 54: hexOf('192.0.2.9') }),
    from(withOptions(decoded('P31'), { 54: ours }), STRANGER),
  ])
    assert.equal(await send(message), undefined)
  assert.deepEqual(store.leases, [])
  assert.equal(there.leases.ofAddress('provisioning', ip('192.0.2.50'))?.state, 'bound')
})

test('S25: INFORM: parameters without address and lease times, to ciaddr', async () => {
  const reply = await scene().send(vector('P28').bytes)
  assert.equal(reply?.type, 'ACK')
  assert.equal(where(reply), 'unicast 192.0.2.50')
  assert.equal(reply.message.yiaddr, 0)
  assert.deepEqual(
    [51, 58, 59].map((code) => option(reply, code)),
    ['', '', ''],
  )
  assert.equal(option(reply, 3), hexOf('192.0.2.1'))
})

test('S33, S34: what was written before the server died holds: the same client gets the address, no other', async () => {
  const before = scene()
  const asked = from(decoded('P1'), STRANGER)
  const address = yiaddr(await before.send(asked))
  const selecting = withOptions(asked, { 53: '03', 50: hexOf(address), 54: hexOf('192.0.2.2') })
  // The lease is on disk and the reply is lost, as when the server is killed between the two.
  await before.send(selecting)
  const after = scene()
  for (const lease of before.store.leases) after.there.leases.put(lease)
  assert.equal((await after.send(from(selecting, mac('52:54:00:aa:bb:01'))))?.type, 'NAK')
  assert.notEqual(yiaddr(await after.send(from(decoded('P1'), mac('52:54:00:aa:bb:02')))), address)
  assert.equal(yiaddr(await after.send(asked)), address)
  assert.equal((await after.send(selecting))?.type, 'ACK')
  const renewed = await after.send({ ...from(decoded('P7'), STRANGER), ciaddr: ip(address) })
  assert.equal(renewed?.type, 'ACK')
})

test('S35: a thousand clients at once get a thousand addresses', async () => {
  const subnet = parseSubnet('10.0.0.0/16')
  assert.ok(subnet.ok)
  const { send } = scene({ subnet: subnet.value, pools: pool('10.0.1.0-10.0.9.255') })
  const clients = Array.from({ length: 1000 }, (_unused, n) =>
    mac(`02:00:00:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`),
  )
  const offers = await Promise.all(clients.map((client) => send(from(decoded('P1'), client))))
  assert.ok(offers.every((offer) => offer?.type === 'OFFER'))
  assert.equal(new Set(offers.map(yiaddr)).size, 1000)
})

test('I01: ROM, iPXE and operating system have one address, one lease', async () => {
  const { send, there } = scene()
  const asOs = withOptions(decoded('P1'), {
    60: '',
    93: '',
    94: '',
    97: '',
    61: 'ff00010203000100012a2b2c2d525400aabbcc',
  })
  const addresses: string[] = []
  for (const message of [decoded('P1'), decoded('P9'), asOs]) {
    const asked = from(message, STRANGER)
    const offer = await send(asked)
    addresses.push(yiaddr(offer))
    const ack = await send(withOptions(asked, { 53: '03', 50: hexOf(yiaddr(offer)), 54: hexOf('192.0.2.2') }))
    assert.equal(ack?.type, 'ACK')
  }
  assert.deepEqual(addresses, ['192.0.2.51', '192.0.2.51', '192.0.2.51'])
  assert.equal([...there.leases.all()].length, 1)
})

test('I02, I03, I04, I13: option 61 comes back octet for octet, in a NAK too, and none where none was', async () => {
  for (const id of ['01525400123456', '00', 'ff'.repeat(255), '']) {
    const offer = await scene().send(withOptions(decoded('P9'), { 61: id }))
    assert.deepEqual([offer?.type, option(offer, 61)], ['OFFER', id])
    const nak = await scene().send(withOptions(decoded('P5'), { 61: id }))
    assert.deepEqual([nak?.type, option(nak, 61)], ['NAK', id])
  }
})

test('I10: an option 97 of 16 or 5 octets is ignored, and the client is answered', async () => {
  for (const octets of ['11'.repeat(16), '0011223344']) {
    const { send, store } = scene()
    assert.equal((await send(withOptions(decoded('P1'), { 97: octets })))?.type, 'OFFER')
    assert.equal(store.seen.at(-1)?.uuid, undefined)
  }
})

test('I11: two cards of one machine at once have two addresses', async () => {
  const { send } = scene()
  const second = mac('52:54:00:12:34:57')
  const offers = await Promise.all([send(decoded('P1')), send(from(decoded('P1'), second))])
  assert.deepEqual(offers.map(yiaddr), ['192.0.2.50', '192.0.2.51'])
  assert.equal(option(offers[0], 97), option(offers[1], 97))
})

test('I14: two machines with one xid each get their own answer', async () => {
  const { send } = scene()
  const pis = ['b8:27:eb:00:00:01', 'b8:27:eb:00:00:02'].map(mac)
  const offers = await Promise.all(pis.map((pi) => send(from({ ...decoded('P21'), xid: 1 }, pi))))
  assert.deepEqual(offers.map(yiaddr), ['192.0.2.51', '192.0.2.52'])
  assert.notDeepEqual(offers[0]?.message.chaddr, offers[1]?.message.chaddr)
})

test('A01, A02: without the broadcast flag to the link-layer address, with it broadcast', async () => {
  const { send } = scene()
  assert.equal(where(await send({ ...decoded('P9'), flags: 0 })), `link 192.0.2.50 ${CLIENT}`)
  assert.equal(where(await send({ ...decoded('P9'), flags: BROADCAST_FLAG })), 'broadcast')
})

test('A03, A04: a relay is answered at port 67, or at its own where option 82.19 says so', async () => {
  const relayed = decoded('P23')
  assert.equal(where(await scene().send(relayed, 1067)), 'relay 198.51.100.1 67')
  const ownPort = withOptions(relayed, { 82: '010203041300' })
  assert.equal(where(await scene().send(ownPort, 1067)), 'relay 198.51.100.1 1067')
})

test('A05: a NAK to a relay has the broadcast flag and option 82', async () => {
  const { send } = scene()
  const lost = { ...decoded('P5'), flags: 0, giaddr: ip('198.51.100.1'), hops: 1 }
  const reply = await send(withOptions(lost, { 82: '01020304' }))
  assert.equal(reply?.type, 'NAK')
  assert.equal(where(reply), 'relay 198.51.100.1 67')
  assert.equal(reply.message.flags, BROADCAST_FLAG)
  assert.deepEqual(reply.message.options.at(-1), { code: 82, data: Uint8Array.of(1, 2, 3, 4) })
})

test('A06: no reply to any message we have goes to the broadcast address of a subnet', async () => {
  let replies = 0
  for (const { name, bytes } of dhcpMessages()) {
    const { send } = scene()
    const reply = await send(bytes)
    if (reply === undefined) continue
    replies += 1
    assert.doesNotMatch(where(reply), /\.255/, name)
  }
  assert.ok(replies > 40)
  const claims = { ...decoded('P28'), ciaddr: ip('192.0.2.255') }
  assert.doesNotMatch(where(await scene().send(claims)), /\.255/, 'nor to one that a client claims')
})

test('A09: on another interface, its address is the server everywhere', async () => {
  const made = scene()
  const second: ServedNetwork = {
    network: network('203.0.113.0/24', {
      name: 'second',
      interface: 'eth1',
      pools: pool('203.0.113.50-203.0.113.99'),
    }),
    interface: 'eth1',
    address: ip('203.0.113.2'),
  }
  const config = made.running.picture.config
  made.running.picture = {
    ...made.running.picture,
    config: { ...config, networks: [config.networks[0] ?? BEHIND, second.network] },
  }
  const reply = await answerDhcp(encodeDhcp4(from(decoded('P9'), STRANGER)), second, made.running)
  assert.deepEqual(
    [yiaddr(reply), formatIpv4(reply?.message.siaddr ?? ip('0.0.0.0')), option(reply, 54)],
    ['203.0.113.50', '203.0.113.2', hexOf('203.0.113.2')],
  )
  assert.equal(Buffer.from(option(reply, 67), 'hex').toString(), 'http://203.0.113.2:8080/boot.ipxe')
})

test('A10, A11: option 82.5, else 118, chooses the subnet; the reply goes to giaddr', async () => {
  for (const change of [{ 82: `0504${hexOf('203.0.113.0')}` }, { 118: hexOf('203.0.113.0') }]) {
    const reply = await scene().send(withOptions(decoded('P23'), { 82: '', ...change }))
    assert.deepEqual([yiaddr(reply), where(reply)], ['203.0.113.50', 'relay 198.51.100.1 67'])
  }
})

test('A12: option 82.11 is the server identifier of replies, and ours in the REQUEST', async () => {
  const { send } = scene()
  const override = hexOf('198.51.100.1')
  const discover = withOptions(decoded('P23'), { 82: `0b04${override}` })
  const offer = await send(discover)
  assert.equal(option(offer, 54), override)
  assert.equal(formatIpv4(offer?.message.siaddr ?? ip('0.0.0.0')), '192.0.2.2', 'files come from us')
  const selecting = withOptions(discover, { 53: '03', 50: hexOf(yiaddr(offer)), 54: override })
  const ack = await send(selecting)
  assert.deepEqual([ack?.type, option(ack, 54)], ['ACK', override])
  assert.equal(await send({ ...selecting, giaddr: ip('0.0.0.0') }), undefined, 'only where a relay says it')
})

test('A13: option 82 without giaddr, as a snooping switch adds it: it comes back, the reply is direct', async () => {
  const reply = await scene().send(withOptions(decoded('P1'), { 82: '0104000a0102' }))
  assert.equal(where(reply), 'broadcast')
  assert.equal(option(reply, 82), '0104000a0102')
  assert.equal(reply?.message.options.at(-1)?.code, 82)
})

test('A14: one DISCOVER by two relays: one address, an answer to each', async () => {
  const { send } = scene()
  const relays: readonly Ipv4[] = [ip('198.51.100.1'), ip('198.51.100.2')]
  const offers = await Promise.all(relays.map((giaddr) => send({ ...decoded('P23'), giaddr })))
  assert.deepEqual(offers.map(where), ['relay 198.51.100.1 67', 'relay 198.51.100.2 67'])
  assert.deepEqual(offers.map(yiaddr), ['198.51.100.50', '198.51.100.50'])
})

test('A15: a relay that no network has gets silence, and an event says which', async () => {
  const { send, store } = scene()
  assert.equal(await send({ ...decoded('P23'), giaddr: ip('100.64.0.1') }), undefined)
  assert.match(store.told.at(-1) ?? '', /relayed by 100\.64\.0\.1: no network has 100\.64\.0\.1/)
})

test('E01, E02, E03, E04, E05, E06, E08: iPXE by whatever sign gets the URL of its script and nothing of PXE', async () => {
  const ipxe = hexText('iPXE')
  for (const [name, change] of Object.entries({
    E01: {},
    E02: { 77: '' },
    E03: { 175: '' },
    E04: { 175: '', 77: `04${ipxe}` },
    E05: { 175: '', 77: ipxe },
    E06: { 60: hexText('HTTPClient:Arch:00016:UNDI:003001') },
    E08: { 77: hexText('centra') },
  })) {
    const reply = await scene().send(withOptions(decoded('P9'), change))
    const url = 'http://192.0.2.2:8080/boot.ipxe'
    assert.equal(Buffer.from(option(reply, OPTION.bootFileName), 'hex').toString(), url, name)
    assert.equal(option(reply, 60) + option(reply, 43), '', name)
  }
})

test('E09: foreignIpxe: chain: our loader once, then the script; the next boot goes the same way', async () => {
  const { send, running, there, store } = scene({ foreignIpxe: 'chain' })
  const next = async (change = {}): Promise<string> =>
    Buffer.from(option(await send(withOptions(decoded('P9'), change)), 67), 'hex').toString()
  const [ours, script] = ['http://192.0.2.2:8080/firmware/ipxe.efi', 'http://192.0.2.2:8080/boot.ipxe']
  const event = (kind: 'http.done' | 'http.script', seconds: number): void =>
    running.loops.note({
      ...{ time: there.now + seconds * 1000, kind, mac: CLIENT },
      detail: kind === 'http.done' ? { file: 'ipxe.efi' } : { script: 'boot' },
    })
  const rom = await send(decoded('P9'))
  assert.deepEqual([option(rom, 60), option(rom, 43), option(rom, 175)], ['', '', 'b00101'])
  assert.equal(await next(), ours)
  event('http.done', 0)
  assert.equal(await next(), script, 'the iPXE that was fetched')
  event('http.script', 5)
  assert.equal(await next(), ours, 'the next boot')
  event('http.done', 10)
  there.after(130_000)
  assert.equal(await next(), ours, 'one that never came back, two minutes later')
  assert.equal(await next({ 77: hexText('centra') }), script)
  assert.equal(await next({ 77: hexText('centra'), 175: '' }), script)
  assert.deepEqual(store.leases, [])
})

test('OFFERs of E01 also name the URL in file and skip the wait for proxies', async () => {
  const reply = await scene().send(decoded('P9'))
  const file = Buffer.from(reply?.message.file ?? [])
    .toString('latin1')
    .replace(/\0+$/, '')
  assert.equal(file, 'http://192.0.2.2:8080/boot.ipxe')
  assert.equal(option(reply, 175), 'b00101')
})

test('E07: an iPXE without HTTP gets a whole iPXE over TFTP', async () => {
  const reply = await scene().send(withOptions(decoded('P9'), { 175: '150101', 93: '0000' }))
  assert.equal(Buffer.from(option(reply, 67), 'hex').toString(), 'ipxe.pxe')
})

/** A network whose addresses are another server's. */
const proxied = (changes: Partial<Network> = {}): Scene => scene({ dhcp: 'proxy', ...changes })
const EDK2_AT_4011 = { port: 4011, sourcePort: 4011, sourceAddress: ip('192.0.2.50') }
const codesOf = (reply: DhcpReply | undefined): readonly number[] =>
  reply?.message.options.map(({ code }) => code) ?? []

test('X14: proxy: a BIOS gets the OFFER of P12: no address, its boot file at once', async () => {
  const reply = await proxied().send(vector('P11').bytes)
  assert.equal(where(reply), 'broadcast')
  const theirs = decoded('P12')
  assert.deepEqual(
    codesOf(reply),
    theirs.options.map(({ code }) => code),
  )
  for (const code of [53, 54, 60, 43, 97])
    assert.equal(option(reply, code), toHex(optionBytes(theirs, code) ?? new Uint8Array()), `option ${code}`)
  assert.deepEqual(
    [yiaddr(reply), formatIpv4(reply?.message.siaddr ?? ip('0.0.0.0'))],
    ['0.0.0.0', '192.0.2.2'],
  )
  assert.match(Buffer.from(reply?.message.file ?? []).toString('latin1'), /^undionly\.kpxe\0/)
})

test('X15, X16: proxy: EDK2 is told of us without option 43, and gets its file on port 4011', async () => {
  const there = proxied()
  const offer = await there.send(vector('P1').bytes)
  assert.deepEqual(
    codesOf(offer),
    decoded('P13').options.map(({ code }) => code),
  )
  assert.deepEqual([offer?.type, where(offer), option(offer, 43)], ['OFFER', 'broadcast', ''])
  const ack = await there.send(vector('P14').bytes, EDK2_AT_4011)
  assert.deepEqual(
    codesOf(ack),
    decoded('P15').options.map(({ code }) => code),
  )
  assert.deepEqual(
    [ack?.type, ack?.message.xid, option(ack, 60), formatIpv4(ack?.message.siaddr ?? ip('0.0.0.0'))],
    ['ACK', decoded('P14').xid, toHex(Buffer.from('PXEClient')), '192.0.2.2'],
  )
  assert.match(Buffer.from(ack?.message.file ?? []).toString('latin1'), /^snponly\.efi\0/)
})

test('A07, A08: port 4011 answers to the port that asked', async () => {
  assert.equal(where(await proxied().send(vector('P14').bytes, EDK2_AT_4011)), 'sender 192.0.2.50 4011')
  const from68 = { ...EDK2_AT_4011, sourcePort: 68 }
  assert.equal(where(await proxied().send(vector('P14').bytes, from68)), 'sender 192.0.2.50 68')
})

test('X17, X18, X19: proxy: systems, and all that is about addresses, get silence', async () => {
  const os = withOptions(decoded('P1'), { 60: '', 93: '', 94: '', 97: '' })
  const foreign = withOptions(decoded('P3'), { 54: hexOf('192.0.2.9') })
  for (const message of [os, foreign, ...['P5', 'P7', 'P28', 'P30', 'P31'].map(decoded)])
    assert.equal(where(await proxied().send(message)), 'silence')
})

test('X17: proxy: loaders that listen to no proxy get silence, though a file is named for them', async () => {
  for (const [arch, change] of [
    ['uboot-arm64', { 60: hexText('U-Boot.armv8'), 93: '0016' }],
    ['ppc-opal', { 60: '', 93: '000e' }],
    ['onie', { 60: hexText('onie_vendor:x86_64-acme'), 93: '' }],
  ] as const) {
    const named = (dhcp: Network['dhcp']): Scene => {
      const made = scene({ dhcp })
      made.there.firmware('its.file').replaceNode('node7', { loader: { [arch]: 'its.file' } })
      made.running.picture = made.there.picture()
      return made
    }
    const message = withOptions(decoded('P1'), change)
    assert.equal((await named('server').send(message))?.type, 'OFFER', arch)
    assert.equal(where(await named('proxy').send(message)), 'silence', arch)
  }
})

test('X19: proxy: nor does firmware get more than an OFFER on port 67', async () => {
  const pxe = { 60: hexText('PXEClient:Arch:00007:UNDI:003000'), 93: '0007' }
  for (const name of ['P3', 'P5', 'P7', 'P28', 'P30', 'P31'])
    assert.equal(where(await proxied().send(withOptions(decoded(name), pxe))), 'silence', name)
  assert.equal(where(await proxied().send(withOptions(decoded('P1'), pxe))), 'broadcast')
})

test('X20: proxy: never a NAK, never an address, whatever comes', async () => {
  for (const name of ['P1', 'P3', 'P5', 'P7', 'P9', 'P11', 'P14', 'P16', 'P19', 'P21', 'P28', 'P30', 'P31'])
    for (const sender of [{}, EDK2_AT_4011]) {
      const reply = await proxied().send(vector(name).bytes, sender)
      assert.ok(reply === undefined || (reply.type !== 'NAK' && reply.message.yiaddr === 0), name)
      for (const code of [1, 3, 6, 51, 58, 59])
        assert.equal(option(reply, code), '', `${name}: option ${code}`)
    }
})

test('X22: proxy: an option 97 of another type comes back as it is', async () => {
  const odd = `07${'ab'.repeat(16)}`
  assert.equal(option(await proxied().send(withOptions(decoded('P11'), { 97: odd })), 97), odd)
})

test('X23: proxy: clients: known leaves strangers out', async () => {
  const stranger = from(decoded('P11'), STRANGER)
  assert.equal(where(await proxied({ clients: 'known' }).send(stranger)), 'silence')
  assert.equal(where(await proxied().send(stranger)), 'broadcast')
})

test('X24, X25: port 4011: no PXE client, or another boot server: silence', async () => {
  const bare = withOptions(decoded('P14'), { 60: '', 93: '' })
  assert.equal(where(await proxied().send(bare, EDK2_AT_4011)), 'silence')
  const other = withOptions(decoded('P14'), { 54: hexOf('192.0.2.9') })
  assert.equal(where(await proxied().send(other, EDK2_AT_4011)), 'silence')
})

test('X26: a boot item on port 4011 comes back beside the file', async () => {
  const reply = await proxied().send(vector('P19').bytes, { ...EDK2_AT_4011, sourcePort: 68 })
  assert.deepEqual([reply?.type, option(reply, 43)], ['ACK', '470480000000ff'])
  assert.match(Buffer.from(reply?.message.file ?? []).toString('latin1'), /^undionly\.kpxe\0/)
})

test('X06: UEFI HTTP boot gets what P17 says: HTTPClient, its URL in option 67 alone, nothing of PXE', async () => {
  const reply = await scene().send(vector('P16').bytes)
  const url = 'http://192.0.2.2:8080/firmware/snponly.efi'
  assert.deepEqual(
    [60, 67].map((code) => Buffer.from(option(reply, code), 'hex').toString()),
    ['HTTPClient', `${url}\0`],
  )
  assert.deepEqual(
    [43, 66, 150, 175].map((code) => option(reply, code)),
    ['', '', '', ''],
  )
  assert.equal(toHex(reply?.message.file ?? new Uint8Array()), '00'.repeat(128))
})

test('X27: boot server discovery broadcast to port 67 renews nothing and gets no NAK', async () => {
  const item = { ...withOptions(decoded('P19'), { 53: '03' }), ciaddr: ip('192.0.2.50') }
  for (const discovery of [item, { ...item, ciaddr: ip('10.9.9.9') }]) {
    const { send, there, store } = scene()
    there.lease('192.0.2.50', CLIENT)
    const reply = await send(discovery)
    assert.ok(reply === undefined || (reply.type === 'ACK' && option(reply, 43) !== ''), reply?.type)
    assert.deepEqual(store.leases, [])
  }
})

test('X28: a server is asked on port 4011 too, and answers with the file', async () => {
  const reply = await scene().send(vector('P14').bytes, EDK2_AT_4011)
  assert.deepEqual([reply?.type, where(reply), yiaddr(reply)], ['ACK', 'sender 192.0.2.50 4011', '0.0.0.0'])
})

test('proxy: iPXE takes the URL from an OFFER with option 60, which does not forbid it to listen', async () => {
  const reply = await proxied().send(vector('P9').bytes)
  assert.deepEqual([option(reply, 60), option(reply, 175)], [toHex(Buffer.from('PXEClient')), ''])
  assert.match(Buffer.from(option(reply, 67), 'hex').toString(), /^http:\/\/192\.0\.2\.2:8080\/boot\.ipxe/)
})

test('S26: INFORM without ciaddr is answered where it came from', async () => {
  const inform = { ...decoded('P28'), ciaddr: ip('0.0.0.0') }
  const reply = await scene().send(inform, { sourceAddress: ip('192.0.2.77'), sourcePort: 68 })
  assert.equal(where(reply), 'unicast 192.0.2.77')
  assert.equal(where(await scene().send(inform)), 'silence')
})

test('X29: a Raspberry Pi gets its menu, the server as text without a NUL, and mask and router unasked', async () => {
  const made = scene()
  made.there.firmware('config.txt')
  made.running.picture = made.there.picture()
  const reply = await made.send(vector('P21').bytes)
  assert.match(option(reply, 43), new RegExp(`09140000 11${hexText('Raspberry Pi Boot')}`.replace(' ', '')))
  assert.deepEqual(
    [60, 66].map((code) => Buffer.from(option(reply, code), 'hex').toString()),
    ['PXEClient', '192.0.2.2'],
  )
  assert.deepEqual([option(reply, 1), option(reply, 3)], ['ffffff00', hexOf('192.0.2.1')])
})

test('X33: a machine that is left to its own disk gets an address and no boot field', async () => {
  const made = scene()
  made.there.unknown('ignore')
  made.running.picture = made.there.picture()
  const reply = await made.send(from(decoded('P1'), STRANGER))
  assert.equal(reply?.type, 'OFFER')
  assert.equal(reply.message.siaddr, 0)
  assert.ok(reply.message.file.every((octet) => octet === 0))
  assert.deepEqual(
    [43, 60, 66, 67].map((code) => option(reply, code)),
    ['', '', '', ''],
  )
})

function hexText(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex')
}
