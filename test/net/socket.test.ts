import assert from 'node:assert/strict'
import dgram from 'node:dgram'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import type { Ipv4 } from '../../src/lib/ipv4.ts'
import { parseMac } from '../../src/lib/mac.ts'
import { nativeSockets, openPacketSender } from '../../src/servers/packet-socket.ts'
import { openBatchedUdp, openUdp, SocketError } from '../../src/servers/socket.ts'
import { type Host, inNetns } from '../helpers/netns.ts'

const SERVER_PORT = 67
const CLIENT_PORT = 68
const CLIENT_MAC = '52:54:00:00:00:01'
const LISTENER = new URL('../helpers/udp-listener.ts', import.meta.url).pathname
const SENDER = new URL('../helpers/udp-send.ts', import.meta.url).pathname
const options = { timeout: 30_000 }

inNetns(import.meta, (net) => {
  const one = net.host('one')
  const two = net.host('two')
  net.veth(
    { name: 's1', address: '10.1.0.1/24' },
    { name: 'c1', address: '10.1.0.2/24', mac: CLIENT_MAC, host: one },
  )
  net.veth({ name: 's2', address: '10.2.0.1/24' }, { name: 'c2', address: '10.2.0.2/24', host: two })
  const wildcard = { address: '0.0.0.0', port: SERVER_PORT, broadcast: true }

  test('koffi is there, so that the tests below test something', () => {
    assert.deepEqual(nativeSockets(), { available: true })
  })

  test(
    'a broadcast arrives at the socket of the interface it came in by, and at no other',
    options,
    async () => {
      const sockets = [
        await openUdp({ ...wildcard, interface: 's1' }),
        await openUdp({ ...wildcard, interface: 's2' }),
      ]
      const heard = sockets.map((socket) => {
        const texts: string[] = []
        socket.on('message', (bytes) => texts.push(bytes.toString()))
        return texts
      })
      for (const [host, address, text] of [
        [one, '10.1.0.2', 'from one'],
        [two, '10.2.0.2', 'from two'],
      ] as const)
        assert.equal(
          host.run(process.execPath, SENDER, address, '255.255.255.255', String(SERVER_PORT), text).code,
          0,
        )
      while (heard.some((texts) => texts.length === 0)) await tick()
      assert.deepEqual(heard, [['from one'], ['from two']])
      await closeAll(sockets)
    },
  )

  test('255.255.255.255 leaves by the interface of the socket, and by no other', options, async (t) => {
    const captures = [await one.capture('c1'), await two.capture('c2')]
    if (captures[0] === undefined || captures[1] === undefined) return t.skip('tcpdump is not installed')
    const sockets = [
      await openUdp({ ...wildcard, interface: 's1' }),
      await openUdp({ ...wildcard, interface: 's2' }),
    ]
    sockets[1]?.send('to two', CLIENT_PORT, '255.255.255.255')
    await captures[1].waitFor((frame) => payload(frame) === 'to two')
    sockets[0]?.send('to one', CLIENT_PORT, '255.255.255.255')
    await captures[0].waitFor((frame) => payload(frame) === 'to one')
    const seen = captures.map((capture) => capture?.frames.map(payload).filter((text) => text !== undefined))
    assert.deepEqual(seen, [['to one'], ['to two']])
    await closeAll(sockets)
    for (const capture of captures) await capture?.stop()
  })

  test('a batch has what waits, in its order, with its times; and sends', options, async (t) => {
    const capture = await one.capture('c1')
    if (capture === undefined) return t.skip('tcpdump is not installed')
    const { socket, batch } = await openBatchedUdp({ ...wildcard, interface: 's1' })
    assert.ok(batch)
    assert.deepEqual(batch.receive(), [])
    const texts = Array.from({ length: 40 }, (_, n) => `message ${n} ${'x'.repeat(n * 20)}`)
    // The event loop stands still meanwhile, so dgram takes none.
    for (const text of texts)
      one.run(process.execPath, SENDER, '10.1.0.2', '10.1.0.1', String(SERVER_PORT), text)
    const datagrams = [...batch.receive(), ...batch.receive()]
    assert.deepEqual(
      datagrams.map(({ bytes }) => Buffer.from(bytes).toString()),
      texts,
    )
    const times = datagrams.map(({ receivedAt }) => receivedAt)
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    )
    assert.ok(Math.abs((times.at(-1) ?? 0) - Date.now()) < 60_000)
    assert.ok(datagrams.every(({ port }) => port > 0))
    assert.equal(batch.send(Buffer.from('an answer'), 0xffff_ffff as Ipv4, CLIENT_PORT).ok, true)
    await capture.waitFor((frame) => payload(frame) === 'an answer')
    const large = batch.send(new Uint8Array(70_000), 0x0a01_0002 as Ipv4, CLIENT_PORT)
    assert.equal(!large.ok && large.error.code, 'EMSGSIZE')
    batch.close()
    const late = batch.send(Buffer.from('late'), 0x0a01_0002 as Ipv4, CLIENT_PORT)
    assert.equal(!late.ok && late.error.code, 'EBADF')
    assert.deepEqual(batch.receive(), [])
    await closeAll([socket])
    await capture.stop()
  })

  test(
    'a packet sender reaches a client that has no ARP entry, and nobody asks by ARP',
    options,
    async (t) => {
      const capture = await one.capture('c1')
      if (capture === undefined) return t.skip('tcpdump is not installed')
      one.run('ip', 'neigh', 'flush', 'all')
      net.run('ip', 'neigh', 'flush', 'all')
      const { lines, stop } = await listen(one)
      const sender = openPacketSender('s1')
      assert.ok(sender)
      const packet = udpPacket({ from: '10.1.0.1', to: '10.1.0.2', text: 'your address' })
      assert.deepEqual(sender.send({ destinationMac: mac(CLIENT_MAC), ipv4Packet: packet }), {
        ok: true,
        value: undefined,
      })
      assert.equal((await lines.next()).value, 'your address')
      const frame = await capture.waitFor((f) => payload(f) === 'your address')
      assert.equal(hex(frame.subarray(0, 6)), '525400000001', 'destination')
      assert.equal(hex(frame.subarray(6, 12)), hex(hardwareAddress('s1')), 'source')
      assert.deepEqual(capture.frames.filter(isArp), [], 'no ARP before')

      // The control: the same reply through UDP does ask.
      const plain = await openUdp({ address: '10.1.0.1', port: SERVER_PORT, interface: 's1' })
      plain.send('nobody', CLIENT_PORT, '10.1.0.99')
      assert.equal(hex((await capture.waitFor(isArp)).subarray(38, 42)), '0a010063')
      await closeAll([plain])
      sender.close()
      const late = sender.send({ destinationMac: mac(CLIENT_MAC), ipv4Packet: packet })
      assert.equal(!late.ok && late.error.code, 'EBADF')
      await stop()
      await capture.stop()
    },
  )

  test('a packet sender follows an interface that is made anew, and reports one that is gone', () => {
    const remake = (): void => net.veth({ name: 'again' }, { name: 'again-peer', host: one })
    remake()
    const sender = openPacketSender('again')
    assert.ok(sender)
    const frame = {
      destinationMac: mac(CLIENT_MAC),
      ipv4Packet: udpPacket({ from: '10.1.0.1', to: '10.1.0.2', text: 'x' }),
    }
    assert.equal(sender.send(frame).ok, true)
    assert.deepEqual(net.run('ip', 'link', 'del', 'again').code, 0)
    const gone = sender.send(frame)
    assert.equal(!gone.ok && gone.error.code, 'ENXIO')
    remake()
    assert.equal(sender.send(frame).ok, true)
    const large = sender.send({ ...frame, ipv4Packet: new Uint8Array(1501).fill(0x45) })
    assert.equal(!large.ok && large.error.code, 'EMSGSIZE')
    sender.close()
  })

  test('a second server on the same port and interface fails with EADDRINUSE', async () => {
    const first = await openUdp({ ...wildcard, interface: 's1' })
    await rejectsWith('EADDRINUSE', openUdp({ ...wildcard, interface: 's1' }))
    await rejectsWith('EADDRINUSE', openUdp(wildcard))
    // dhcpd and dnsmasq set SO_REUSEADDR; the port must be ours alone all the same.
    const shareable = dgram.createSocket({ type: 'udp4', reuseAddr: true })
    shareable.bind(SERVER_PORT)
    const outcome = await Promise.race([once(shareable, 'error'), once(shareable, 'listening')])
    assert.equal(outcome[0]?.code, 'EADDRINUSE')
    shareable.close()
    await closeAll([first])
    await closeAll([await openUdp({ ...wildcard, interface: 's1' })])
  })

  test('a missing interface is ENODEV, an over-long name is not cut to another interface', async () => {
    await rejectsWith('ENODEV', openUdp({ ...wildcard, interface: 'nope' }))
    net.veth({ name: 'fifteen-letters' }, { name: 'c3', host: one })
    await closeAll([await openUdp({ ...wildcard, interface: 'fifteen-letters' })])
    await rejectsWith('ENODEV', openUdp({ ...wildcard, interface: 'fifteen-letters2' }))
    assert.equal(openPacketSender('nope'), undefined)
    assert.equal(openPacketSender('fifteen-letters2'), undefined)
  })

  test('without capabilities: the port is refused with advice, and there is no packet sender', (t) => {
    const code = `
      import { openUdp } from ${JSON.stringify(import.meta.resolve('../../src/servers/socket.ts'))}
      import { openPacketSender } from ${JSON.stringify(import.meta.resolve('../../src/servers/packet-socket.ts'))}
      const refused = await openUdp({ address: '0.0.0.0', port: 67, interface: 's1' }).catch((error) => error)
      console.log(JSON.stringify([refused.code, refused.message, typeof openPacketSender('s1')]))`
    const drop = ['--inh-caps=-all', '--bounding-set=-all']
    const {
      code: status,
      stdout,
      stderr,
    } = net.run('setpriv', ...drop, process.execPath, '--input-type=module', '-e', code)
    if (status === null) return t.skip('setpriv is not installed')
    assert.equal(status, 0, stderr)
    const [errno, message, sender] = JSON.parse(stdout)
    assert.deepEqual([errno, sender], ['EACCES', 'undefined'])
    assert.match(message, /^UDP 0\.0\.0\.0:67 on s1: .*CAP_NET_BIND_SERVICE/)
  })

  test('no descriptor is left after closing and after every failure', async () => {
    const before = descriptors()
    const first = await openUdp({ ...wildcard, interface: 's1' })
    assert.equal(descriptors(), before + 1)
    await openUdp({ ...wildcard, interface: 's1' }).catch(() => {})
    await openUdp({ ...wildcard, interface: 'nope' }).catch(() => {})
    await openUdp({ ...wildcard, address: '192.0.2.1', interface: 's1' }).catch(() => {})
    assert.equal(descriptors(), before + 1)
    await closeAll([first])
    const sender = openPacketSender('s1')
    assert.equal(descriptors(), before + 1)
    sender?.close()
    sender?.close()
    assert.equal(descriptors(), before)
  })

  function hardwareAddress(name: string): Uint8Array {
    const [link] = JSON.parse(net.run('ip', '-j', 'link', 'show', 'dev', name).stdout)
    return Buffer.from(link.address.replaceAll(':', ''), 'hex')
  }
})

function descriptors(): number {
  return readdirSync('/proc/self/fd').length
}

async function closeAll(sockets: readonly dgram.Socket[]): Promise<void> {
  for (const socket of sockets) {
    const closed = once(socket, 'close')
    socket.close()
    await closed
  }
}

async function rejectsWith(code: string, opening: Promise<dgram.Socket>): Promise<void> {
  await assert.rejects(opening, (error) => error instanceof SocketError && error.code === code)
}

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** A client's UDP socket in another host: yields each text it receives. */
async function listen(host: Host): Promise<{ lines: AsyncIterator<string>; stop: () => Promise<void> }> {
  const child = host.spawn(process.execPath, [LISTENER, String(CLIENT_PORT)])
  const lines = textLines(child.stdout ?? [])
  assert.equal((await lines.next()).value, 'listening')
  return {
    lines,
    async stop() {
      const exited = once(child, 'exit')
      child.kill()
      await exited
    },
  }
}

async function* textLines(chunks: AsyncIterable<unknown> | Iterable<unknown>): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of chunks) {
    const parts = (rest + String(chunk)).split('\n')
    rest = parts.pop() ?? ''
    yield* parts
  }
}

function isArp(frame: Uint8Array): boolean {
  return hex(frame.subarray(12, 14)) === '0806'
}

/** The text of a UDP packet over IPv4 over Ethernet; undefined for any other frame. */
function payload(frame: Uint8Array): string | undefined {
  if (hex(frame.subarray(12, 14)) !== '0800' || frame[23] !== 17) return undefined
  const length = ((frame[38] ?? 0) << 8) | (frame[39] ?? 0)
  return Buffer.from(frame.subarray(42, 34 + length)).toString()
}

function udpPacket({ from, to, text }: { from: string; to: string; text: string }): Uint8Array {
  const packet = Buffer.alloc(28 + text.length)
  packet.set([0x45, 0, 0, packet.length, 0, 0, 0, 0, 64, 17])
  packet.set(from.split('.').map(Number), 12)
  packet.set(to.split('.').map(Number), 16)
  let sum = 0
  for (let at = 0; at < 20; at += 2) sum += packet.readUInt16BE(at)
  packet.writeUInt16BE(~((sum & 0xffff) + (sum >>> 16)) & 0xffff, 10)
  packet.writeUInt16BE(SERVER_PORT, 20)
  packet.writeUInt16BE(CLIENT_PORT, 22)
  packet.writeUInt16BE(8 + text.length, 24)
  packet.write(text, 28, 'latin1')
  return packet
}

function mac(text: string): NonNullable<ReturnType<typeof parseMac>> {
  const parsed = parseMac(text)
  assert.ok(parsed)
  return parsed
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
