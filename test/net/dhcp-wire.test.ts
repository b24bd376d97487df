import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import { describeDhcp4 } from '../../src/protocol/dhcp4/describe.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import type { DhcpMessage } from '../../src/protocol/dhcp4/message.ts'
import { optionBytes, optionIpv4, optionText } from '../../src/protocol/dhcp4/options.ts'
import { OPTION } from '../../src/protocol/iana/options.ts'
import { vector } from '../helpers/dhcp-fixtures.ts'
import { inNetns } from '../helpers/netns.ts'
import { makeSite, missing, serve } from '../helpers/server.ts'
import { clientMessage, ip, Wire } from '../helpers/wire.ts'

const STRANGER = '52:54:00:99:00:01'
const SERVER = '10.77.0.1'
const limits = { timeout: 60_000, skip: missing('tcpdump') }

inNetns(import.meta, (net) => {
  const client = net.host('client')
  net.veth(
    { name: 'prov0', address: '10.77.0.1/24' },
    { name: 'eth0', address: '10.77.0.50/24', host: client },
  )
  const site = makeSite('/run/site')
  const started = limits.skip ? undefined : Promise.all([serve(site), Wire.open(client, 'eth0')])
  const parts = async (): Promise<Wire> => {
    const wire = (await started)?.[1]
    assert.ok(wire)
    return wire
  }

  for (const { shape, discover, boots } of [
    { shape: 'UEFI x64 ROM', discover: 'P1', boots: 'snponly.efi' },
    { shape: 'BIOS ROM', discover: 'P11', boots: 'undionly.kpxe' },
    { shape: 'iPXE with HTTP', discover: 'P9', boots: 'http://10.77.0.1:8080/boot.ipxe' },
  ])
    test(`${shape}: OFFER and ACK say the same, and the loader ${boots}`, limits, async () => {
      const wire = await parts()
      const asked = decoded(discover)
      const offer = await wire.ask({ ...asked, xid: asked.xid - 1 })
      assert.equal(offer.type, 'OFFER')
      const ack = await wire.ask(selecting(asked, formatIpv4(offer.message.yiaddr)))
      assert.equal(ack.type, 'ACK')
      for (const { message, frame } of [offer, ack]) {
        assert.equal(formatIpv4(frame.source), SERVER)
        assert.deepEqual(frame.destination, asked.flags === 0 ? offer.message.yiaddr : ip('255.255.255.255'))
        assert.equal(frame.destinationMac, asked.flags === 0 ? '52:54:00:12:34:56' : 'ff:ff:ff:ff:ff:ff')
        assert.equal(formatIpv4(message.siaddr), SERVER)
        assert.equal(optionText(message, OPTION.bootFileName), boots)
        assert.deepEqual(optionIpv4(message, OPTION.serverIdentifier), ip(SERVER))
        const uuid = optionBytes(asked, OPTION.clientUuid)
        assert.deepEqual(optionBytes(message, OPTION.clientUuid), uuid, 'option 97 comes back')
        assert.match(describeDhcp4(message), /subnet-mask +255\.255\.255\.0\n/)
        assert.match(describeDhcp4(message), /ip-address-lease-time +3600\n/)
        assert.match(describeDhcp4(message), /router +10\.77\.0\.1\n/)
        assert.deepEqual(message.notes, [])
        const isRom = !boots.startsWith('http')
        assert.equal(optionText(message, OPTION.vendorClass), isRom ? 'PXEClient' : undefined)
        assert.equal(/vendor-specific-information +6=08\n/.test(describeDhcp4(message)), isRom)
      }
      assert.deepEqual(ack.message.yiaddr, offer.message.yiaddr)
    })

  test('an operating system gets an address and no boot file', limits, async () => {
    const wire = await parts()
    const { message, type } = await wire.ask(clientMessage('DISCOVER', STRANGER))
    assert.equal(type, 'OFFER')
    assert.equal(optionBytes(message, OPTION.bootFileName), undefined)
    assert.equal(optionBytes(message, OPTION.vendorClass), undefined)
    assert.equal(message.siaddr, 0)
  })

  test('X06: UEFI HTTP boot gets the URL of a loader, in option 67 alone', limits, async () => {
    const wire = await parts()
    const { message, type } = await wire.ask(decoded('P16'))
    assert.equal(type, 'OFFER')
    const text = (code: number): string => Buffer.from(optionBytes(message, code) ?? []).toString('latin1')
    assert.equal(text(OPTION.bootFileName), 'http://10.77.0.1:8080/firmware/snponly.efi\0')
    assert.equal(text(OPTION.vendorClass), 'HTTPClient')
    assert.ok(message.file.every((octet) => octet === 0))
    assert.equal(optionBytes(message, OPTION.vendorSpecificInformation), undefined)
  })

  test(
    'INIT-REBOOT with an address of another network, with a taken one, with none of the pool: NAK',
    limits,
    async () => {
      const wire = await parts()
      const rebooting = decoded('P5')
      const nak = await wire.ask(rebooting)
      assert.equal(nak.type, 'NAK')
      assert.equal(nak.frame.destinationMac, 'ff:ff:ff:ff:ff:ff')
      assert.equal(nak.message.yiaddr | nak.message.ciaddr | nak.message.siaddr, 0)
      assert.deepEqual(
        optionBytes(nak.message, OPTION.clientIdentifier),
        optionBytes(rebooting, OPTION.clientIdentifier),
        'RFC 6842: option 61 comes back',
      )
      for (const address of ['10.77.0.11', '10.77.0.1', '10.77.0.255', '10.77.0.7', '192.0.2.1'])
        assert.equal((await wire.ask(clientMessage('REQUEST', STRANGER, { address }))).type, 'NAK', address)
      assert.equal(
        (await wire.ask(clientMessage('REQUEST', STRANGER, { address: '10.77.0.150' }))).type,
        'ACK',
        'a free address of the pool is confirmed, though we never saw the client',
      )
    },
  )

  test(
    "the first of a node's MAC addresses has its reservation, another gets one of the pool",
    limits,
    async () => {
      const wire = await parts()
      const bind = async (mac: string): Promise<string> => {
        const offer = await wire.ask(clientMessage('DISCOVER', mac))
        const address = formatIpv4(offer.message.yiaddr)
        assert.equal((await wire.ask(clientMessage('REQUEST', mac, { address, server: SERVER }))).type, 'ACK')
        return address
      }
      assert.equal(await bind('52:54:00:77:10:02'), '10.77.0.12')
      assert.match(await bind('52:54:00:77:00:02'), /^10\.77\.0\.1\d\d$/)
      wire.send(
        encodeDhcp4(clientMessage('RELEASE', '52:54:00:77:10:02', { current: '10.77.0.12', server: SERVER })),
      )
      assert.equal(await bind('52:54:00:77:00:02'), '10.77.0.12', 'free again, the other has it')
    },
  )

  test(
    'silence: another server chosen, BOOTP, relayed from a network nobody has, a reply, boot server discovery',
    limits,
    async () => {
      const wire = await parts()
      const before = wire.replies().length
      const discover = clientMessage('DISCOVER', STRANGER)
      wire.send(
        encodeDhcp4(clientMessage('REQUEST', STRANGER, { address: '10.77.0.150', server: '10.77.0.2' })),
      )
      wire.send(encodeDhcp4({ ...discover, options: [] }))
      wire.send(encodeDhcp4({ ...discover, giaddr: ip('192.0.2.1') }))
      wire.send(encodeDhcp4({ ...discover, op: 'reply' }))
      wire.send(vector('P19').bytes)
      const last = clientMessage('DISCOVER', STRANGER)
      await wire.ask(last)
      await wire.flush()
      assert.deepEqual(
        wire
          .replies()
          .slice(before)
          .map(({ message }) => message.xid),
        [last.xid],
      )
    },
  )

  test("INFORM: an ACK to the client's own address, without address and lease", limits, async () => {
    const wire = await parts()
    const { message, type, frame } = await wire.ask(
      clientMessage('INFORM', STRANGER, { current: '10.77.0.50' }),
    )
    assert.equal(type, 'ACK')
    assert.equal(message.yiaddr, 0)
    assert.deepEqual(frame.destination, ip('10.77.0.50'))
    assert.equal(optionBytes(message, OPTION.leaseTime), undefined)
  })
})

function decoded(name: string): DhcpMessage {
  const message = decodeDhcp4(vector(name).bytes)
  assert.ok(message.ok)
  return message.value
}

function selecting(discover: DhcpMessage, address: string): DhcpMessage {
  const chosen = clientMessage('REQUEST', STRANGER, { address, server: SERVER })
  const rest = discover.options.filter(({ code }) => code !== OPTION.messageType)
  return { ...discover, xid: chosen.xid, options: [...chosen.options, ...rest] }
}
