/** The states of RFC 2131 §4.4 as real clients go through them, and what a capture sees of each. */
import assert from 'node:assert/strict'
import { afterEach, before, test } from 'node:test'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import { messageType, requestedAddress, serverIdentifier } from '../../src/protocol/dhcp4/options.ts'
import { parseEthernetUdp } from '../../src/protocol/frame/ipv4-udp.ts'
import { unpackPeer } from '../helpers/debian-peer.ts'
import { DhcpHost } from '../helpers/dhcp-programs.ts'
import { type Capture, inNetns } from '../helpers/netns.ts'
import { centra, endAll, makeSite, missing, serve } from '../helpers/server.ts'

const options = { timeout: 90_000 }
const skip = missing('dhclient', 'busybox', 'tcpdump')
const dhcpcd = await unpackPeer('dhcpcd-base')

inNetns(import.meta, (net) => {
  const client = net.host('client')
  const squatter = net.host('squatter')
  for (const [port, host] of [
    ['port1', client],
    ['port2', squatter],
  ] as const)
    net.veth({ name: port }, { name: 'eth0', host })
  net.bridge('prov0', ['port1', 'port2'], { address: '10.77.0.1/24' })
  const site = makeSite('/run/site', (text) => text.replace('lease: 1h', 'lease: 10s'))
  const machine = new DhcpHost(client, 'eth0')
  let capture: Capture | undefined
  before(async () => {
    if (skip === false) capture = await net.capture('prov0')
  })
  afterEach(endAll)

  for (const { name, mac, start, bound, rebooted } of [
    {
      name: 'dhclient',
      mac: '52:54:00:99:01:01',
      start: () => machine.dhclient(),
      bound: /^BOUND (\S+)$/m,
      rebooted: /^REBOOT (\S+)$/m,
    },
    {
      name: 'udhcpc',
      mac: '52:54:00:99:01:02',
      start: () => machine.udhcpc(),
      bound: /^bound (\S+)$/m,
      // It remembers nothing: it starts over, and asks for its address in option 50 where it is told to (-r).
      rebooted: undefined,
    },
  ])
    test(`S10, S13, S33, A01: ${name}: INIT-REBOOT and RENEW by unicast with a server that was restarted, REBIND by broadcast`, {
      ...options,
      skip,
    }, async () => {
      assert.ok(capture)
      const { frames } = capture
      machine.become(mac)
      let server = await serve(site)
      let running = start()
      const [, address = ''] = await machine.applied(bound)
      const first = messages(frames, mac)
      assert.equal(first.at(-1), `ACK to ${address} ${mac}`, 'A01: by link-layer address, before it has one')

      if (rebooted !== undefined) {
        await running.stop('SIGKILL')
        await server.stop('SIGKILL')
        server = await serve(site)
        const from = frames.length
        running = start()
        assert.equal((await machine.applied(rebooted))[1], address)
        assert.deepEqual(
          new Set(messages(frames.slice(from), mac)),
          new Set([
            `REQUEST for ${address} to 255.255.255.255 ff:ff:ff:ff:ff:ff`,
            `ACK to ${address} ${mac}`,
          ]),
        )
      }

      await server.stop('SIGKILL')
      server = await serve(site)
      let from = frames.length
      const renewing = await seen(/^REQUEST renewing/, from)
      assert.equal(renewing, `REQUEST renewing ${address} to 10.77.0.1 ${ownMac()}`)
      assert.equal(await seen(/^ACK/, from), `ACK to ${address} ${mac}`)

      // Whatever is sent to the server alone goes astray.
      const astray = ['10.77.0.1', 'lladdr', '02:00:00:00:00:99', 'nud', 'permanent', 'dev', 'eth0']
      client.run('ip', 'neigh', 'replace', ...astray)
      from = frames.length
      const rebinding = await seen(/^REQUEST renewing .* to 255/, from)
      assert.equal(rebinding, `REQUEST renewing ${address} to 255.255.255.255 ff:ff:ff:ff:ff:ff`)
      assert.equal(await seen(/^ACK/, from), `ACK to ${address} ${mac}`)
      client.run('ip', 'neigh', 'flush', 'nud', 'permanent')
      await running.stop('SIGKILL')
      await server.stop()

      async function seen(pattern: RegExp, after: number): Promise<string> {
        assert.ok(capture)
        const ignored = frames.slice(0, after)
        const frame = await capture.waitFor(
          (one) => !ignored.includes(one) && messages([one], mac).some((text) => pattern.test(text)),
        )
        return messages([frame], mac).join()
      }
    })

  const DECLINING = [
    {
      name: 'udhcpc -a',
      mac: '52:54:00:99:02:01',
      start: () => machine.udhcpc('-a', '-A', '1'),
      bound: /^bound (\S+)$/m,
      why: false as string | false,
    },
    {
      name: 'dhcpcd',
      mac: '52:54:00:99:02:02',
      start: () => machine.dhcpcd('tree' in dhcpcd ? dhcpcd.tree : ''),
      bound: /^(?:BOUND|REBOOT) (\S+)$/m,
      why: 'why' in dhcpcd && dhcpcd.why,
    },
    {
      name: 'dhclient, whose script looks',
      mac: '52:54:00:99:02:03',
      start: () => machine.dhclient(),
      bound: /^BOUND (\S+)$/m,
      why: false as string | false,
    },
  ]
  for (const { name, mac, start, bound, why } of DECLINING)
    test(`S19: ${name}: DECLINE of an address that somebody else has; it is quarantined, the client gets another`, {
      ...options,
      skip: skip || why,
    }, async () => {
      machine.become(mac)
      const server = await serve(site, '--log', 'json')
      // A lease of its own, so that nobody but the client looks who has the address.
      const before = start()
      const [, address = ''] = await machine.applied(bound)
      await before.stop('SIGKILL')
      machine.become(mac)
      squatter.run('ip', 'address', 'add', `${address}/24`, 'dev', 'eth0')
      const after = start()
      await server.event('dhcp.decline', { mac, asks: address })
      const [, other = ''] = await machine.applied(bound)
      assert.notEqual(other, address)
      assert.match(other, /^10\.77\.0\.1\d\d$/)
      await after.stop('SIGKILL')
      squatter.run('ip', 'address', 'flush', 'dev', 'eth0')
      const { stdout } = await centra('leases', '--config', site.config)
      assert.match(stdout, new RegExp(`^${address} .* declined `, 'm'))
      assert.match(stdout, new RegExp(`^${other} .*${mac}.* (?:bound|expired) `, 'm'))
      await server.stop()
    })

  function ownMac(): string {
    return /link\/ether (\S+)/.exec(net.run('ip', 'link', 'show', 'prov0').stdout)?.[1] ?? ''
  }
})

/** A client's DHCP messages and the replies to it: type, what is asked, and where it goes in IP and Ethernet. */
function messages(frames: readonly Uint8Array[], mac: string): readonly string[] {
  return frames.flatMap((frame) => {
    const udp = parseEthernetUdp(frame)
    if (!udp.ok || ![67, 68].includes(udp.value.destinationPort)) return []
    const message = decodeDhcp4(udp.value.payload)
    if (!message.ok) return []
    const owner = Buffer.from(message.value.chaddr.slice(0, 6)).toString('hex')
    if (owner !== mac.replaceAll(':', '')) return []
    const { ciaddr } = message.value
    const requested = requestedAddress(message.value)
    const isRenewal = ciaddr !== 0 && udp.value.destinationPort === 67
    const asks = isRenewal
      ? ` renewing ${formatIpv4(ciaddr)}`
      : requested !== undefined && serverIdentifier(message.value) === undefined
        ? ` for ${formatIpv4(requested)}`
        : ''
    const to = `${formatIpv4(udp.value.destination)} ${udp.value.destinationMac}`
    return [`${messageType(message.value)}${asks} to ${to}`]
  })
}
