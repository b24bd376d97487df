/** Conformance cases from octets to octets: what is understood, who gets which address, and when. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatIpv4, parseSubnet } from '../../src/lib/ipv4.ts'
import { toHex } from '../../src/lib/text.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import { BROADCAST_FLAG, type DhcpMessage } from '../../src/protocol/dhcp4/message.ts'
import { optionBytes } from '../../src/protocol/dhcp4/options.ts'
import { vector } from '../helpers/dhcp-fixtures.ts'
import {
  CLIENT,
  decoded,
  from,
  hexOf,
  octets,
  option,
  type Scene,
  STRANGER,
  scene,
  where,
  withOptions,
  yiaddr,
} from '../helpers/worked-scene.ts'
import { ip, mac, pool } from '../helpers/world.ts'

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
