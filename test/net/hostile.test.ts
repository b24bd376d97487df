import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { test } from 'node:test'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { runs } from '../helpers/counts.ts'
import { dhcpMessages, vectors } from '../helpers/dhcp-fixtures.ts'
import { generator, hostile, type Random } from '../helpers/hostile.ts'
import { inNetns } from '../helpers/netns.ts'
import { centra, makeSite, missing, type Running, serve } from '../helpers/server.ts'
import { clientMessage, Wire } from '../helpers/wire.ts'

const SERVER = '10.77.0.1'
const PACKETS = runs(2000, 100_000)
/** A capture keeps every frame, so that many packets need several. */
const PACKETS_OF_A_CAPTURE = 2000
const SEED = 20261123
const options = { timeout: runs(120_000, 1_800_000), skip: missing('curl', 'tcpdump') }

inNetns(import.meta, (network) => {
  const client = network.host('client')
  network.veth(
    { name: 'prov0', address: '10.77.0.1/24' },
    { name: 'eth0', address: '10.77.0.50/24', host: client },
  )
  const site = makeSite('/run/site')
  let server: Running

  test('the server starts', options, async () => {
    server = await serve(site, '--log', 'json')
  })

  test(
    `${PACKETS} random and mutated packets at the DHCP and TFTP ports: good clients are served meanwhile`,
    options,
    async () => {
      const random = generator(SEED)
      for (let n = 0; n < PACKETS; n += PACKETS_OF_A_CAPTURE) {
        const wire = await Wire.open(client, 'eth0')
        assert.ok(wire)
        await attack(wire, random)
        await wire.close()
      }
      assert.equal(server.hasExited, false)
    },
  )

  test(
    'garbage at HTTP: answered 4xx or cut, never 5xx; good clients are served meanwhile',
    options,
    async () => {
      const random = generator(SEED + 1)
      const started = [
        'GET /boot/\r\n\r\n',
        'GET / HTTP/9.9\r\n\r\n',
        'GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n',
        'GET /boot.ipxe HTTP/1.1\r\nHost: x\r\nRange: bytes=99999999999999999999-\r\nConnection: close\r\n\r\n',
        `GET /${'a/'.repeat(8000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
        `GET /x HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`,
        'POST /v1/report/52-54-00-77-00-01 HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
        'POST /v1/report/52-54-00-77-00-01 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nzz',
        'POST /v1/report/52-54-00-77-00-01 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\n\xff\xfe\x00{',
        'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n',
        'GET /boot.ipxe HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
        'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
        'GET /%00%0d%0aSet-Cookie:x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
        `GET /boot/52-54-00-77-00-01.ipxe?${'&failed=x'.repeat(500)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      ].map((text) => Buffer.from(text, 'latin1'))
      for (let n = 0; n < 300; n += 1) {
        const bytes =
          n < started.length ? (started[n] ?? Buffer.alloc(0)) : Buffer.from(hostile(started, random))
        const answer = await exchange(bytes)
        assert.doesNotMatch(answer, /^HTTP\/1\.1 5/m, JSON.stringify(bytes.toString('latin1').slice(0, 200)))
        assert.doesNotMatch(answer, /^Set-Cookie/m)
        if (n % 100 === 99) goodDownload()
      }
      const half = Array.from({ length: 50 }, () => net.connect(8080, SERVER).on('error', () => {}))
      for (const socket of half) socket.write('GET /boot.ipxe HTT')
      goodDownload()
      for (const socket of half) socket.destroy()
    },
  )

  test('no fault, no forged line, and the state is whole', options, async () => {
    for (const line of server.stderr.split('\n').slice(0, -1))
      if (!line.startsWith('ready ')) assert.equal(typeof JSON.parse(line), 'object')
    assert.doesNotMatch(server.stderr, /"level":"error"/)
    assert.deepEqual(await server.stop(), { code: 0, signal: null })
    for (const command of ['leases', 'nodes', 'events']) {
      const { code, stderr } = await centra(command, '--config', site.config, '--json')
      assert.equal(code, 0, stderr)
    }
    const seen = await centra('nodes', '--seen', '--config', site.config)
    assert.doesNotMatch(seen.stdout, /[^\x20-\x7e\n]/)
  })

  /** The good clients are the same every time: the pool has 100 addresses, and the mutated packets take some. */
  async function attack(wire: Wire, random: Random): Promise<void> {
    const dhcp = dhcpMessages().map(({ bytes }) => bytes)
    const tftp = vectors()
      .filter(({ name }) => name.startsWith('T'))
      .map(({ bytes }) => bytes)
    for (let n = 0; n < PACKETS_OF_A_CAPTURE; n += 1) {
      const isDhcp = n % 2 === 0
      const bytes = hostile(isDhcp ? dhcp : tftp, random)
      if (isDhcp) wire.send(bytes, 67, random(3) === 0 ? SERVER : undefined)
      else wire.send(bytes, 69, SERVER, 2000 + random(50))
      if (n % 250 === 249) {
        await wire.flush()
        await goodClient(wire, `52:54:00:99:aa:${(n >> 3).toString(16).padStart(2, '0').slice(-2)}`)
        goodDownload()
      }
    }
  }

  async function goodClient(wire: Wire, mac: string): Promise<void> {
    const offer = await wire.ask(clientMessage('DISCOVER', mac))
    const address = formatIpv4(offer.message.yiaddr)
    assert.equal((await wire.ask(clientMessage('REQUEST', mac, { address, server: SERVER }))).type, 'ACK')
    wire.send(new Uint8Array())
  }

  function goodDownload(): void {
    for (const url of ['tftp://10.77.0.1/undionly.kpxe', 'http://10.77.0.1:8080/firmware/undionly.kpxe']) {
      rmSync('/run/got', { force: true })
      const { code, stderr } = client.run('curl', '-sS', '--max-time', '20', '-o', '/run/got', url)
      assert.equal(code, 0, stderr)
      assert.ok(readFileSync('/run/got').equals(site.files['undionly.kpxe']))
    }
  }
})

/** What the server says to these bytes until it closes; a connection that it keeps open is closed here. */
function exchange(bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = net.connect(8080, SERVER, () => socket.write(bytes))
    const patience = setTimeout(() => socket.destroy(), 200)
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(patience)
      resolve(answer)
    })
  })
}
