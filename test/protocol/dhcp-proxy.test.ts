/** Conformance cases from octets to octets: beside another DHCP server, on ports 67 and 4011. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DhcpReply } from '../../src/boot/reply-dhcp.ts'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { toHex } from '../../src/lib/text.ts'
import type { Network } from '../../src/model/config.ts'
import { optionBytes } from '../../src/protocol/dhcp4/options.ts'
import { vector } from '../helpers/dhcp-fixtures.ts'
import {
  CLIENT,
  decoded,
  from,
  hexOf,
  hexText,
  option,
  proxied,
  type Scene,
  STRANGER,
  scene,
  where,
  withOptions,
  yiaddr,
} from '../helpers/worked-scene.ts'
import { ip } from '../helpers/world.ts'

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
