/** Two subnets on one wire, with real clients: which subnet they get, and from which of our addresses it is said. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { afterEach, test } from 'node:test'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import { messageType, optionIpv4 } from '../../src/protocol/dhcp4/options.ts'
import { parseEthernetUdp } from '../../src/protocol/frame/ipv4-udp.ts'
import { OPTION } from '../../src/protocol/iana/options.ts'
import { DhcpHost } from '../helpers/dhcp-programs.ts'
import { type Capture, inNetns } from '../helpers/netns.ts'
import { centra, endAll, makeSite, missing, serve } from '../helpers/server.ts'

const options = { timeout: 60_000, skip: missing('tcpdump', 'busybox', 'dhclient') }
const MACS = ['52:54:00:99:04:01', '52:54:00:99:04:02'] as const

const SUBNETS = ['10.77', '10.78']
  .map(
    (net, index) => `  - name: subnet${index + 1}
    sharedNetwork: rack
    interface: prov0
    subnet: ${net}.0.0/24
    dhcp: server
    pool: ${net}.0.100
    router: ${net}.0.254
    lease: 10s
`,
  )
  .join('')

inNetns(import.meta, (net) => {
  const hosts = MACS.map((mac, index) => {
    const host = net.host(`host${index + 1}`)
    net.veth({ name: `port${index + 1}` }, { name: 'eth0', mac, host })
    return host
  })
  net.bridge('prov0', ['port1', 'port2'], { address: '10.77.0.1/24' })
  execFileSync('ip', ['address', 'add', '10.78.0.1/24', 'brd', '+', 'dev', 'prov0'])
  afterEach(endAll)

  test(
    'A09: the second machine gets the second subnet: its router, and our address there as server and source, by unicast and broadcast',
    options,
    async () => {
      const site = makeSite('/run/site', rack)
      const server = await serve(site, '--log', 'json')
      assert.equal(net.run('ss', '-lnuH', 'sport = :67').stdout.trim().split('\n').length, 1)
      const capture = (await net.capture('prov0')) ?? assert.fail()
      const machines = hosts.map((host) => new DhcpHost(host, 'eth0'))
      for (const [index, machine] of machines.entries()) {
        machine.become(MACS[index] ?? '')
        for (const flags of [['-q'], ['-q', '-B']]) {
          const udhcpc = machine.udhcpc(...flags)
          const { code } = await udhcpc.exited
          assert.equal(code, 0, `${udhcpc.stderr}\n${server.stderr}`)
          const ours = `10.7${7 + index}.0`
          assert.match(udhcpc.stderr, new RegExp(`lease of ${ours}.100 obtained from ${ours}.1`))
        }
      }
      const said = replies(capture)
      for (const { source, yiaddr, router, ...rest } of said) {
        const ours = yiaddr.replace(/\.100$/, '')
        assert.deepEqual(
          { source, router, ...rest },
          { ...rest, source: `${ours}.1`, router: `${ours}.254`, server: `${ours}.1` },
        )
      }
      assert.deepEqual(
        new Set(said.map(({ type, yiaddr, to }) => `${type} ${yiaddr} to ${to}`)),
        new Set(
          ['10.77.0.100', '10.78.0.100'].flatMap((address) =>
            ['OFFER', 'ACK'].flatMap((type) =>
              [address, '255.255.255.255'].map((to) => `${type} ${address} to ${to}`),
            ),
          ),
        ),
      )
      const script = hosts[1]?.run('busybox', 'wget', '-qO-', 'http://10.78.0.1:8080/boot.ipxe')
      assert.match(script?.stdout ?? '', /^#!ipxe\n[\s\S]*http:\/\/10\.78\.0\.1:8080\/boot\//)
      const { stdout } = await centra('leases', '--config', site.config)
      assert.match(stdout, new RegExp(`10\\.78\\.0\\.100 .*${MACS[1]}.* subnet2 .*bound`))
      await capture.stop()
      await server.stop()
    },
  )

  test('S10, S13: dhclient renews in the second subnet and reboots into it', options, async () => {
    const site = makeSite('/run/again', rack)
    const server = await serve(site, '--log', 'json')
    const [first, second] = hosts.map((host) => new DhcpHost(host, 'eth0'))
    first?.become(MACS[0])
    second?.become(MACS[1])
    assert.equal((await first?.udhcpc('-q').exited)?.code, 0)
    const dhclient = second?.dhclient()
    await second?.applied(/^BOUND 10\.78\.0\.100$/m)
    await second?.applied(/^RENEW 10\.78\.0\.100$/m)
    await server.event('dhcp.ack', {
      mac: MACS[1],
      network: 'subnet2',
      address: '10.78.0.100',
      to: 'unicast',
    })
    await dhclient?.stop('SIGKILL')
    second?.forgetAddress()
    const rebooted = second?.dhclient()
    await second?.applied(/^REBOOT 10\.78\.0\.100$/m)
    await rebooted?.stop('SIGKILL')
    await server.stop()
  })
})

interface Said {
  readonly type: string | undefined
  readonly to: string
  readonly source: string
  readonly yiaddr: string
  readonly server: string
  readonly router: string
}

/** The DHCP replies that left the server. */
function replies(capture: Capture): readonly Said[] {
  return capture.frames.flatMap((frame) => {
    const udp = parseEthernetUdp(frame)
    if (!udp.ok || udp.value.sourcePort !== 67) return []
    const message = decodeDhcp4(udp.value.payload)
    if (!message.ok) return []
    const [server = '', router = ''] = [OPTION.serverIdentifier, OPTION.router].map((code) => {
      const value = optionIpv4(message.value, code)
      return value === undefined ? '' : formatIpv4(value)
    })
    const [to, source, yiaddr] = [udp.value.destination, udp.value.source, message.value.yiaddr].map(
      formatIpv4,
    ) as [string, string, string]
    return [{ type: messageType(message.value), to, source, yiaddr, server, router }]
  })
}

function rack(text: string): string {
  return text
    .replace(/ {2}- name: provisioning\n[\s\S]*?\n\n/, `${SUBNETS}\n`)
    .replace(/^ {4}address: 10\.77\..*\n/gm, '')
}
