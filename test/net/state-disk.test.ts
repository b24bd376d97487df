import assert from 'node:assert/strict'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { test } from 'node:test'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import { openStateStore } from '../../src/store/state-store.ts'
import { inNetns } from '../helpers/netns.ts'
import { centra, eventually, makeSite, missing, serve } from '../helpers/server.ts'
import { leaseNumber } from '../helpers/state.ts'
import { clientMessage, Wire } from '../helpers/wire.ts'

const options = { timeout: 60_000, skip: missing('tcpdump', 'curl') }
const SERVER = '10.77.0.1'

inNetns(import.meta, (net) => {
  const client = net.host('client')
  net.veth(
    { name: 'prov0', address: '10.77.0.1/24' },
    { name: 'eth0', address: '10.77.0.50/24', host: client },
  )
  const health = (): string =>
    net.run('curl', '-s', '-w', '%{http_code}', 'http://127.0.0.1:8081/health').stdout

  /** To the last page: the server writes too meanwhile, so nobody knows beforehand how much room there is. */
  const fillDisk = (file: string): void => {
    const descriptor = openSync(file, 'w')
    const page = Buffer.alloc(4096)
    assert.throws(
      () => {
        for (;;) writeSync(descriptor, page)
      },
      { code: 'ENOSPC' },
    )
    closeSync(descriptor)
  }

  test('a full disk: no ACK, the server lives and says so; with room again it serves', options, async () => {
    mkdirSync('/run/full/state', { recursive: true })
    assert.equal(net.run('mount', '-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', '/run/full/state').code, 0)
    const site = makeSite('/run/full')
    const server = await serve(site)
    const wire = await Wire.open(client, 'eth0')
    assert.ok(wire)
    const first = await wire.ask(clientMessage('DISCOVER', '52:54:00:99:00:01'))
    const request = (mac: string, address: string): ReturnType<typeof clientMessage> =>
      clientMessage('REQUEST', mac, { address, server: SERVER })
    const address = formatIpv4(first.message.yiaddr)
    assert.equal((await wire.ask(request('52:54:00:99:00:01', address))).type, 'ACK')
    assert.match(health(), /200$/)

    const filler = '/run/full/state/filler'
    fillDisk(filler)
    // The log has a little room left in pages it owns already; what counts is that no ACK leaves that is not in it.
    const refused = /52:54:00:99:00:0\w no answer the lease could not be written: .*no space/
    const acked = new Set<string>()
    for (let n = 2; n < 10 && !refused.test(server.stderr); n += 1) {
      const mac = `52:54:00:99:00:0${n}`
      const offered = formatIpv4((await wire.ask(clientMessage('DISCOVER', mac))).message.yiaddr)
      const asked = request(mac, offered)
      wire.send(encodeDhcp4(asked))
      await eventually('an ACK or its refusal', () => {
        const reply = wire.replies().find(({ message }) => message.xid === asked.xid)
        if (reply?.type === 'ACK') acked.add(mac)
        return reply !== undefined || refused.test(server.stderr) ? true : undefined
      })
    }
    await server.stderrMatch(refused)
    assert.match(health(), /no space is left.*503$/s, '/health says that DHCP does not work')
    assert.equal(
      client.run('curl', '-sf', '--max-time', '20', 'http://10.77.0.1:8080/boot.ipxe').code,
      0,
      'HTTP serves on',
    )

    rmSync(filler)
    const late = '52:54:00:99:01:00'
    const offer = await wire.ask(clientMessage('DISCOVER', late))
    assert.equal((await wire.ask(request(late, formatIpv4(offer.message.yiaddr)))).type, 'ACK')
    assert.match(health(), /200$/)
    // Without another word: what was acknowledged is on the disk.
    await server.stop('SIGKILL')
    const leases: readonly { readonly mac: string; readonly state: string }[] = JSON.parse(
      (await centra('leases', '--config', site.config, '--json')).stdout,
    )
    const bound = new Set(leases.filter(({ state }) => state === 'bound').map(({ mac }) => mac))
    for (const mac of ['52:54:00:99:00:01', ...acked, late])
      assert.ok(bound.has(mac), `${mac} was acknowledged`)
    await wire.close()
  })

  test(
    'a state directory that cannot be written: exit 1 with the reason, before any socket',
    options,
    async () => {
      mkdirSync('/run/readonly/state', { recursive: true })
      assert.equal(
        net.run('mount', '-t', 'tmpfs', '-o', 'ro,size=1m', 'tmpfs', '/run/readonly/state').code,
        0,
      )
      const site = makeSite('/run/readonly')
      const { code, stderr } = await centra('serve', '--config', site.config)
      assert.equal(code, 1)
      assert.match(stderr, /^centra-pxe: .*\/run\/readonly\/state/m)
      assert.doesNotMatch(stderr, /ready/)
    },
  )

  test('a state directory that nobody can make: exit 1 with the reason', options, async () => {
    const site = makeSite('/run/nowhere')
    for (const folder of ['/proc/centra', '/dev/null/centra']) {
      const { code, stderr } = await centra('serve', '--config', site.config, '--state-dir', folder)
      assert.equal(code, 1)
      assert.match(stderr, new RegExp(`^centra-pxe: the state directory ${folder} cannot be made: E`, 'm'))
    }
  })

  test('a damaged database: exit 1, what is wrong with which file, and what to do', options, async () => {
    const site = makeSite('/run/damaged')
    await (await serve(site)).stop()
    const file = `${site.stateDir}/state.db`
    for (const [bytes, why] of [
      ['', 'it is empty: 0 octets'],
      [readFileSync(file).subarray(0, 20_000), 'malformed'],
    ] as const) {
      writeFileSync(file, bytes)
      const { code, stderr } = await centra('serve', '--config', site.config)
      assert.equal(code, 1)
      assert.ok(stderr.includes(`centra-pxe: ${file} is not a sound database (`), stderr)
      assert.ok(stderr.includes(why), stderr)
      assert.match(stderr, /restore a copy, or move .*state\.db, .*state\.db-wal and .* away/)
      assert.doesNotMatch(stderr, /ready/)
      assert.deepEqual(readFileSync(file), Buffer.from(bytes))
    }
    rmSync(file)
    await (await serve(site)).stop()
  })

  test('a database damaged under a running server: no ACK, /health 503, an error line', options, async () => {
    const site = makeSite('/run/rotten')
    // More than the writer keeps in memory: what it has read already it would not miss.
    const { store } = await openStateStore({
      stateDir: site.stateDir,
      durability: 'off',
      onError: assert.fail,
    })
    for (let n = 0; n < 60_000; n += 1000)
      await store.saveLeases(Array.from({ length: 1000 }, (_, i) => leaseNumber(n + i)))
    await store.close()
    const server = await serve(site)
    const wire = await Wire.open(client, 'eth0')
    assert.ok(wire)
    const mac = '52:54:00:99:02:01'
    const offer = await wire.ask(clientMessage('DISCOVER', mac))
    smash(`${site.stateDir}/state.db`)
    const request = clientMessage('REQUEST', mac, {
      address: formatIpv4(offer.message.yiaddr),
      server: SERVER,
    })
    wire.send(encodeDhcp4(request))
    await server.stderrMatch(
      /error: state: no address is given any more: .*state\.db is not a sound database/,
    )
    assert.match(health(), /is not a sound database.*503$/s)
    await wire.flush()
    assert.equal(
      wire.replies().find(({ message }) => message.xid === request.xid),
      undefined,
    )
    await server.stop()
    await wire.close()
  })
})

function smash(file: string): void {
  if (!existsSync(file)) return
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, Buffer.alloc(statSync(file).size, 0x5a))
  closeSync(descriptor)
}
