import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { afterEach, test } from 'node:test'
import { formatIpv4, ipv4FromBytes } from '../../src/lib/ipv4.ts'
import { toHex } from '../../src/lib/text.ts'
import { peerEnvironment, unpackPeer } from '../helpers/debian-peer.ts'
import { DhcpHost } from '../helpers/dhcp-programs.ts'
import { type Capture, type Host, inNetns } from '../helpers/netns.ts'
import { centra, endAll, makeSite, missing, Running, type Site, serve } from '../helpers/server.ts'

/** Hosts that have addresses of our pools without asking us: found before the OFFER, or by the client after its ACK. */
const isc = await unpackPeer('isc-dhcp-relay')
const dhcpcd = await unpackPeer('dhcpcd-base')
const noRelay = 'why' in isc && isc.why
const noDhcpcd = 'why' in dhcpcd && dhcpcd.why
const options = { timeout: 60_000, skip: missing('busybox', 'dhclient', 'tcpdump') }

const SERVER = '52:54:00:77:ff:01'
const SQUATTER = '52:54:00:99:00:09'
const CLIENTS = ['52:54:00:99:00:01', '52:54:00:99:00:02', '52:54:00:99:00:03', '52:54:00:99:00:04'] as const

const BEHIND = `  - name: behind
    subnet: 10.78.0.0/24
    dhcp: server
    pool: 10.78.0.100-10.78.0.199
`

/*
 * server prov0 10.77.0.1 -+- client (its cable can be moved to the other switch)
 *                         +- squatter 10.77.0.100, ignores ICMP echo
 *                         +- up0 10.77.0.2 relay down0 10.78.0.1 -+- far 10.78.0.100, answers ICMP echo
 */
inNetns(import.meta, (net) => {
  const [client, squatter, relay, far] = ['client', 'squatter', 'relay', 'far'].map((name) =>
    net.host(name),
  ) as [Host, Host, Host, Host]
  const lan = net.host('lan')
  net.veth({ name: 'near', host: lan }, { name: 'eth0', mac: CLIENTS[0], host: client })
  net.veth(
    { name: 'port2', host: lan },
    { name: 'eth0', mac: SQUATTER, address: '10.77.0.100/24', host: squatter },
  )
  net.veth({ name: 'port3', host: lan }, { name: 'up0', address: '10.77.0.2/24', host: relay })
  net.veth({ name: 'prov0', mac: SERVER, address: '10.77.0.1/24' }, { name: 'port0', host: lan })
  net.bridge('lan77', ['near', 'port0', 'port2', 'port3'], { host: lan })
  net.veth({ name: 'port4', host: lan }, { name: 'down0', address: '10.78.0.1/24', host: relay })
  net.veth({ name: 'port5', host: lan }, { name: 'eth0', address: '10.78.0.100/24', host: far })
  net.bridge('lan78', ['port4', 'port5'], { host: lan })
  execFileSync('ip', ['route', 'add', '10.78.0.0/24', 'via', '10.77.0.2'])
  far.run('ip', 'route', 'add', 'default', 'via', '10.78.0.1')
  relay.run('sysctl', '-q', '-w', 'net.ipv4.ip_forward=1')
  squatter.run('sysctl', '-q', '-w', 'net.ipv4.icmp_echo_ignore_all=1')
  const machine = new DhcpHost(client, 'eth0')
  afterEach(endAll)

  const site = (name: string, pingCheck: string): Site =>
    makeSite(`/run/${name}`, (text) =>
      text
        .replace('    dhcp: server\n', `    dhcp: server\n    pingCheck: ${pingCheck}\n`)
        .replace('images:\n', `${BEHIND}\nimages:\n`),
    )

  test(
    'S36: an address that answers ARP, though no ping, is not offered, and quarantined',
    options,
    async () => {
      assert.notEqual(net.run('ping', '-c', '1', '-W', '1', '10.77.0.100').code, 0, 'it ignores ICMP echo')
      const here = site('arp', '100ms')
      machine.become(CLIENTS[0])
      const server = await serve(here, '--log', 'json')
      const capture = await listen()
      const udhcpc = machine.udhcpc('-q')
      assert.equal((await udhcpc.exited).code, 0, udhcpc.stderr)
      assert.match(udhcpc.stderr, /lease of 10\.77\.0\.101 obtained/)
      await server.event('dhcp.conflict', { mac: CLIENTS[0], address: '10.77.0.100', holder: SQUATTER })
      assert.deepEqual(probes(capture), ['10.77.0.100', '10.77.0.101'])
      assert.match(
        (await centra('leases', '--config', here.config)).stdout,
        new RegExp(`^10\\.77\\.0\\.100 +${SQUATTER} .* conflict `, 'm'),
      )
      const metrics = await (await fetch('http://127.0.0.1:8081/metrics')).text()
      assert.match(
        metrics,
        /^centra_pxe_dhcp_ping_checks_total\{network="provisioning",outcome="conflict"\} 1$/m,
      )
      assert.match(metrics, /^centra_pxe_leases\{network="provisioning",state="conflict"\} 1$/m)

      // What it has, it is not asked about again; the quarantine outlives the server.
      await server.stop('SIGKILL')
      const next = await serve(here, '--log', 'json')
      const again = machine.udhcpc('-q')
      assert.equal((await again.exited).code, 0)
      assert.match(again.stderr, /lease of 10\.77\.0\.101 obtained/)
      machine.become(CLIENTS[1])
      const other = machine.udhcpc('-q')
      assert.equal((await other.exited).code, 0)
      assert.match(other.stderr, /lease of 10\.77\.0\.102 obtained/)
      assert.deepEqual(probes(capture).slice(2), ['10.77.0.102'], 'S37: no probe for a client that is bound')
      await capture.stop()
      await next.stop()
    },
  )

  test('S36: behind a relay, an address that answers ICMP echo is not offered', {
    ...options,
    skip: options.skip || noRelay,
  }, async () => {
    const here = site('icmp', '100ms')
    lan.run('ip', 'link', 'set', 'near', 'master', 'lan78')
    machine.become(CLIENTS[2])
    const server = await serve(here, '--log', 'json')
    await dhcrelay(relay)
    const udhcpc = machine.udhcpc('-q')
    assert.equal((await udhcpc.exited).code, 0, udhcpc.stderr)
    assert.match(udhcpc.stderr, /lease of 10\.78\.0\.101 obtained/)
    await server.event('dhcp.conflict', { network: 'behind', address: '10.78.0.100', because: /ICMP echo/ })
    const { stdout } = await centra('leases', '--config', here.config)
    assert.match(stdout, /^10\.78\.0\.100 +- .* behind +conflict /m)
    lan.run('ip', 'link', 'set', 'near', 'master', 'lan77')
    await server.stop()
  })

  test(
    'S19: pingCheck: false: dhclient finds its address in use, declines, and gets another',
    options,
    async () => {
      const here = site('decline', 'false')
      machine.become(CLIENTS[3])
      const server = await serve(here, '--log', 'json')
      const capture = await listen()
      const dhclient = machine.dhclient()
      assert.equal((await machine.applied(/^BOUND (10\.77\.0\.101)$/m))[1], '10.77.0.101')
      await declined(here, server, CLIENTS[3])
      assert.deepEqual(probes(capture), [])
      await dhclient.stop('SIGKILL')
      await capture.stop()
      await server.stop()
    },
  )

  test('S19: pingCheck: false: dhcpcd probes by ARP itself, declines, and gets another', {
    ...options,
    skip: options.skip || noDhcpcd,
  }, async () => {
    assert.ok('tree' in dhcpcd)
    const here = site('declined', 'false')
    machine.become(CLIENTS[1])
    const server = await serve(here, '--log', 'json')
    const running = machine.dhcpcd(dhcpcd.tree)
    await machine.applied(/^BOUND 10\.77\.0\.101$/m)
    await declined(here, server, CLIENTS[1])
    await running.stop('SIGKILL')
    await server.stop()
  })

  async function declined(here: Site, server: Running, mac: string): Promise<void> {
    await server.event('dhcp.decline', { mac, asks: '10.77.0.100' })
    const { stdout } = await centra('leases', '--config', here.config)
    assert.match(stdout, new RegExp(`^10\\.77\\.0\\.100 +${mac} .* declined `, 'm'))
  }

  async function listen(): Promise<Capture> {
    const capture = await net.capture('prov0')
    assert.ok(capture)
    return capture
  }
})

/** The addresses that the server asked for by ARP Probes, in order. */
function probes({ frames }: Capture): readonly string[] {
  const probe = `${SERVER.replaceAll(':', '')}08060001080006040001${SERVER.replaceAll(':', '')}00000000`
  return frames.flatMap((frame) => {
    const address = ipv4FromBytes(frame.subarray(38, 42))
    return toHex(frame.subarray(6, 32)) === probe && address !== undefined ? [formatIpv4(address)] : []
  })
}

async function dhcrelay(host: Host): Promise<void> {
  assert.ok('tree' in isc)
  const relaying = new Running(
    host.spawn('env', [
      peerEnvironment(isc.tree),
      `${isc.tree}/usr/sbin/dhcrelay`,
      ...['-4', '-d', '-a', '-id', 'down0', '-iu', 'up0', '10.77.0.1'],
    ]),
  )
  await relaying.stderrMatch(/Sending on/)
}
