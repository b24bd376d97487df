import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { afterEach, test } from 'node:test'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import { wantsBroadcast } from '../../src/protocol/dhcp4/message.ts'
import { messageType, optionBytes } from '../../src/protocol/dhcp4/options.ts'
import { parseEthernetUdp } from '../../src/protocol/frame/ipv4-udp.ts'
import { OPTION } from '../../src/protocol/iana/options.ts'
import { peerEnvironment, unpackPeer } from '../helpers/debian-peer.ts'
import { DhcpHost, startDhcrelay } from '../helpers/dhcp-programs.ts'
import { type Capture, type Host, inNetns } from '../helpers/netns.ts'
import { centra, endAll, eventually, makeSite, missing, Running, serve } from '../helpers/server.ts'

/** Clients behind ISC's dhcrelay and dnsmasq's relay, on networks that the server has no interface on. */
const isc = await unpackPeer('isc-dhcp-relay')
const dnsmasq = await unpackPeer('dnsmasq-base')
const options = {
  timeout: 60_000,
  skip:
    missing('busybox', 'dhclient', 'tcpdump') ||
    ('why' in isc && isc.why) ||
    ('why' in dnsmasq && dnsmasq.why),
}
const MAC = '52:54:00:88:00:01'

const BEHIND = ['10.78', '10.79']
  .map(
    (net, index) => `  - name: behind${index + 1}
    subnet: ${net}.0.0/24
    dhcp: server
    pool: ${net}.0.100-${net}.0.199
    router: ${net}.0.1
    lease: 10s
`,
  )
  .join('')

/*
 * server prov0 10.77.0.1 -+- up0 10.77.0.2 (first)  down0 10.78.0.1 -+- client
 *                         |                          down1 10.79.0.1 -   (the client's cable can be moved here)
 *                         +- up0 10.77.0.3 (second) down0 10.78.0.2 -+
 */
inNetns(import.meta, (net) => {
  const [first, second, client] = [net.host('first'), net.host('second'), net.host('client')]
  const lan = net.host('lan')
  net.veth({ name: 'port1' }, { name: 'up0', address: '10.77.0.2/24', host: first })
  net.veth({ name: 'port2' }, { name: 'up0', address: '10.77.0.3/24', host: second })
  net.bridge('prov0', ['port1', 'port2'], { address: '10.77.0.1/24' })
  net.veth({ name: 'one', host: lan }, { name: 'down0', address: '10.78.0.1/24', host: first })
  net.veth({ name: 'two', host: lan }, { name: 'down0', address: '10.78.0.2/24', host: second })
  net.veth({ name: 'three', host: lan }, { name: 'down1', address: '10.79.0.1/24', host: first })
  net.veth({ name: 'cable', host: lan }, { name: 'eth0', mac: MAC, host: client })
  net.bridge('lan78', ['one', 'two', 'cable'], { host: lan })
  net.bridge('lan79', ['three'], { host: lan })
  for (const network of ['10.78.0.0/24', '10.79.0.0/24'])
    execFileSync('ip', ['route', 'add', network, 'via', '10.77.0.2'])
  for (const host of [first, second]) host.run('sysctl', '-q', '-w', 'net.ipv4.ip_forward=1')
  const site = makeSite('/run/site', (text) => text.replace('images:\n', `${BEHIND}\nimages:\n`))
  const machine = new DhcpHost(client, 'eth0')
  afterEach(endAll)

  for (const { name, relay, circuit } of [
    { name: 'dhcrelay', relay: () => dhcrelay(first), circuit: true },
    { name: "dnsmasq's relay", relay: () => dnsmasqRelay(first, '10.78.0.1'), circuit: false },
  ])
    test(`A03: ${name}: an address of the network behind it, by way of the relay`, options, async () => {
      machine.become(MAC)
      const server = await serve(site, '--log', 'json')
      const capture = await listen()
      await relay()
      const udhcpc = machine.udhcpc('-q')
      const { code } = await udhcpc.exited
      assert.equal(code, 0, `${udhcpc.stderr}\n${server.stderr}`)
      assert.match(udhcpc.stderr, /lease of 10\.78\.0\.100 obtained from 10\.77\.0\.1/)
      await server.event('dhcp.ack', { mac: MAC, network: 'behind1', address: '10.78.0.100', to: 'relay' })
      const { stdout } = await centra('leases', '--config', site.config)
      assert.match(stdout, new RegExp(`10\\.78\\.0\\.100 .*${MAC}`))
      const answers = replies(capture)
      assert.deepEqual(
        new Set(answers.map(({ said }) => said)),
        new Set(['OFFER to 10.78.0.1:67', 'ACK to 10.78.0.1:67']),
      )
      assert.ok(answers.every(({ agent }) => agent === circuit))
      await capture.stop()
      await server.stop()
    })

  test(
    'A14: two relays on one network send on the same DISCOVER: one address, an answer to each',
    options,
    async () => {
      machine.become('52:54:00:88:00:02')
      const server = await serve(site, '--log', 'json')
      const capture = await listen()
      await dhcrelay(first)
      await dnsmasqRelay(second, '10.78.0.2')
      const udhcpc = machine.udhcpc('-q')
      assert.equal((await udhcpc.exited).code, 0, udhcpc.stderr)
      // The one that is not taken may come later.
      const offers = await eventually('both OFFERs', () => {
        const found = replies(capture).filter(({ said }) => said.startsWith('OFFER'))
        return new Set(found.map(({ said }) => said)).size > 1 ? found : undefined
      })
      assert.deepEqual(
        new Set(offers.map(({ said, yiaddr }) => `${said} ${yiaddr}`)),
        new Set(['10.78.0.1:67', '10.78.0.2:67'].map((to) => `OFFER to ${to} ${offers[0]?.yiaddr}`)),
      )
      assert.match(udhcpc.stderr, new RegExp(`lease of ${offers[0]?.yiaddr} obtained`))
      const { stdout } = await centra('leases', '--config', site.config, '--json')
      const leases: readonly { readonly mac: string }[] = JSON.parse(stdout)
      assert.equal(leases.filter(({ mac }) => mac === '52:54:00:88:00:02').length, 1)
      await capture.stop()
      await server.stop()
    },
  )

  test(
    'S16, A05: behind a relay, dhclient renews by routed unicast; in another network it gets a NAK and starts over',
    options,
    async () => {
      machine.become(MAC)
      const server = await serve(site, '--log', 'json')
      const capture = await listen()
      await dhcrelay(first)
      const dhclient = machine.dhclient()
      const [, address = ''] = await machine.applied(/^BOUND (\S+)$/m)
      client.run('ip', 'route', 'replace', 'default', 'via', '10.78.0.1')
      await server.event('dhcp.ack', { mac: MAC, network: 'behind1', address, to: 'unicast' })
      await machine.applied(/^RENEW \S+$/m)
      assert.ok(replies(capture).some(({ said }) => said === `ACK to ${address}:68`))
      await dhclient.stop('SIGKILL')

      machine.forgetAddress()
      lan.run('ip', 'link', 'set', 'cable', 'master', 'lan79')
      const moved = machine.dhclient()
      const [, other = ''] = await machine.applied(/^BOUND (\S+)$/m)
      assert.match(other, /^10\.79\.0\.1\d\d$/)
      await server.event('dhcp.nak', { mac: MAC, network: 'behind2', to: 'relay' })
      const nak = replies(capture).find(({ said }) => said.startsWith('NAK'))
      assert.deepEqual([nak?.said, nak?.broadcast, nak?.agent], ['NAK to 10.79.0.1:67', true, true])
      await moved.stop('SIGKILL')
      lan.run('ip', 'link', 'set', 'cable', 'master', 'lan78')
      await capture.stop()
      await server.stop()
    },
  )

  async function listen(): Promise<Capture> {
    const capture = await net.capture('prov0')
    assert.ok(capture)
    return capture
  }
})

async function dhcrelay(host: Host): Promise<void> {
  assert.ok('tree' in isc)
  const downs = host.name === 'first' ? ['down0', 'down1'] : ['down0']
  await startDhcrelay(host, isc.tree, { downs, server: '10.77.0.1' })
}

async function dnsmasqRelay(host: Host, address: string): Promise<void> {
  assert.ok('tree' in dnsmasq)
  const files = ['--conf-file=/dev/null', '--pid-file=', '--user=root', '--group=']
  const relaying = new Running(
    host.spawn('env', [
      peerEnvironment(dnsmasq.tree),
      `${dnsmasq.tree}/usr/sbin/dnsmasq`,
      ...['--no-daemon', '--port=0', ...files, `--dhcp-relay=${address},10.77.0.1`],
    ]),
  )
  await relaying.stderrMatch(/DHCP relay from \S+ to 10\.77\.0\.1/)
}

interface SeenReply {
  /** `OFFER to 10.78.0.1:67`. */
  readonly said: string
  readonly yiaddr: string
  readonly broadcast: boolean
  /** Whether it has option 82. */
  readonly agent: boolean
}

/** What left the server. */
function replies(capture: Capture): readonly SeenReply[] {
  return capture.frames.flatMap((frame) => {
    const udp = parseEthernetUdp(frame)
    if (!udp.ok || udp.value.sourcePort !== 67 || formatIpv4(udp.value.source) !== '10.77.0.1') return []
    const message = decodeDhcp4(udp.value.payload)
    if (!message.ok) return []
    return [
      {
        said: `${messageType(message.value)} to ${formatIpv4(udp.value.destination)}:${udp.value.destinationPort}`,
        yiaddr: formatIpv4(message.value.yiaddr),
        broadcast: wantsBroadcast(message.value),
        agent: optionBytes(message.value, OPTION.relayAgentInformation) !== undefined,
      },
    ]
  })
}
