/** Where replies go, as a capture at the server sees it (RFC 2131 §4.1). */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import { messageType, optionBytes, optionIpv4 } from '../../src/protocol/dhcp4/options.ts'
import { parseEthernetUdp } from '../../src/protocol/frame/ipv4-udp.ts'
import { OPTION } from '../../src/protocol/iana/options.ts'
import { DhcpHost } from '../helpers/dhcp-programs.ts'
import { type Capture, inNetns } from '../helpers/netns.ts'
import { endAll, makeSite, missing, serve } from '../helpers/server.ts'
import { clientMessage, ip, Wire } from '../helpers/wire.ts'

const options = { timeout: 60_000, skip: missing('tcpdump', 'busybox') }
const EVERYBODY = 'ff:ff:ff:ff:ff:ff'
const ARP = 0x0806

inNetns(import.meta, (net) => {
  const client = net.host('client')
  net.veth({ name: 'prov0', address: '10.77.0.1/24' }, { name: 'eth0', host: client })
  const site = makeSite('/run/site', (text) =>
    text.replace('    address: 10.77.0.1\n', '    pingCheck: false\n'),
  )
  const machine = new DhcpHost(client, 'eth0')
  let capture: Capture | undefined
  before(async () => {
    if (options.skip === false) capture = await net.capture('prov0')
  })
  afterEach(endAll)
  after(() => capture?.stop())

  test(
    'A01: a client without address and broadcast flag: to its MAC and its new address, and nobody asks by ARP',
    options,
    async () => {
      const mac = '52:54:00:99:04:01'
      machine.become(mac)
      const from = seen().length
      const server = await serve(site)
      const udhcpc = machine.udhcpc('-q')
      assert.equal((await udhcpc.exited).code, 0, udhcpc.stderr)
      const replies = sent(seen().slice(from))
      assert.deepEqual(new Set(replies.map(({ type }) => type)), new Set(['OFFER', 'ACK']))
      for (const reply of replies) assert.deepEqual([reply.mac, reply.to], [mac, reply.yiaddr])
      const ours = /link\/ether (\S+)/.exec(net.run('ip', 'link', 'show', 'prov0').stdout)?.[1] ?? ''
      assert.deepEqual(
        seen()
          .slice(from)
          .filter((frame) => isArpOf(frame, ours)),
        [],
      )
      await server.stop()
    },
  )

  test('A02: a client with the broadcast flag: to everybody', options, async () => {
    machine.become('52:54:00:99:04:02')
    const from = seen().length
    const server = await serve(site)
    const udhcpc = machine.udhcpc('-q', '-B')
    assert.equal((await udhcpc.exited).code, 0, udhcpc.stderr)
    const replies = sent(seen().slice(from))
    assert.ok(replies.length >= 2)
    for (const reply of replies) assert.deepEqual([reply.mac, reply.to], [EVERYBODY, '255.255.255.255'])
    await server.stop()
  })

  test(
    'A13: option 82 of a snooping switch, without a relay: the client is answered directly, with it',
    options,
    async () => {
      machine.become('52:54:00:99:04:03')
      const from = seen().length
      const server = await serve(site)
      const udhcpc = machine.udhcpc('-q', '-x', '0x52:0104000a0102')
      assert.equal((await udhcpc.exited).code, 0, udhcpc.stderr)
      const replies = sent(seen().slice(from))
      assert.ok(replies.length >= 2)
      for (const reply of replies)
        assert.deepEqual(
          [reply.mac, reply.to, reply.agent],
          ['52:54:00:99:04:03', reply.yiaddr, '0104000a0102'],
        )
      await server.stop()
    },
  )

  test(
    'A16: another address of the interface while it runs: replies come from it and name it',
    options,
    async () => {
      const server = await serve(site, '--log', 'json')
      const { length } = server.stderr
      for (const change of [
        ['del', '10.77.0.1/24'],
        ['add', '10.77.0.9/24'],
      ])
        net.run('ip', 'address', ...change, 'dev', 'prov0')
      await server.event('network.up', { address: '10.77.0.9' }, length)
      machine.become('52:54:00:99:04:04')
      const from = seen().length
      const udhcpc = machine.udhcpc('-q')
      assert.equal((await udhcpc.exited).code, 0, udhcpc.stderr)
      assert.match(udhcpc.stderr, /obtained from 10\.77\.0\.9/)
      const replies = sent(seen().slice(from))
      assert.ok(replies.length >= 2)
      for (const { from: source, server: named } of replies)
        assert.deepEqual([source, named], ['10.77.0.9', '10.77.0.9'])
      await server.stop()
      net.run('ip', 'address', 'del', '10.77.0.9/24', 'dev', 'prov0')
      net.run('ip', 'address', 'add', '10.77.0.1/24', 'dev', 'prov0')
    },
  )

  test(
    "A06: nothing has gone to the subnet's broadcast address, whatever a client claims",
    options,
    async () => {
      machine.become('52:54:00:99:04:05')
      client.run('ip', 'address', 'add', '10.77.0.50/24', 'dev', 'eth0')
      const server = await serve(site)
      const wire = await Wire.open(client, 'eth0')
      assert.ok(wire)
      const mac = '52:54:00:99:04:05'
      for (const current of ['10.77.0.255', '10.77.0.0']) {
        wire.send(encodeDhcp4(clientMessage('INFORM', mac, { current })))
        wire.send(encodeDhcp4(clientMessage('REQUEST', mac, { current })))
        wire.send(encodeDhcp4({ ...clientMessage('DISCOVER', mac), giaddr: ip(current) }))
      }
      await wire.ask(clientMessage('DISCOVER', mac))
      await wire.flush()
      await wire.close()
      const all = sent(seen())
      assert.ok(
        all.some(({ type }) => type === 'NAK'),
        'a claim was answered',
      )
      assert.deepEqual(
        all.filter(({ to }) => ['10.77.0.255', '10.77.0.0'].includes(to)),
        [],
      )
      await server.stop()
    },
  )

  function seen(): readonly Uint8Array[] {
    return capture?.frames ?? assert.fail('no capture')
  }
})

interface Sent {
  readonly type: string | undefined
  readonly from: string
  readonly to: string
  readonly mac: string
  readonly yiaddr: string
  /** Option 54. */
  readonly server: string
  /** Option 82. */
  readonly agent: string
}

/** The server's DHCP messages among these frames. */
function sent(frames: readonly Uint8Array[]): readonly Sent[] {
  return frames.flatMap((frame) => {
    const udp = parseEthernetUdp(frame)
    if (!udp.ok || udp.value.sourcePort !== 67) return []
    const message = decodeDhcp4(udp.value.payload)
    if (!message.ok) return []
    const server = optionIpv4(message.value, OPTION.serverIdentifier)
    const agent = optionBytes(message.value, OPTION.relayAgentInformation) ?? new Uint8Array()
    return [
      {
        type: messageType(message.value),
        from: formatIpv4(udp.value.source),
        to: formatIpv4(udp.value.destination),
        mac: udp.value.destinationMac,
        yiaddr: formatIpv4(message.value.yiaddr),
        server: server === undefined ? '' : formatIpv4(server),
        agent: Buffer.from(agent).toString('hex'),
      },
    ]
  })
}

function isArpOf(frame: Uint8Array, mac: string): boolean {
  const source = Buffer.from(frame.subarray(6, 12)).toString('hex')
  return Buffer.from(frame).readUInt16BE(12) === ARP && source === mac.replaceAll(':', '')
}
