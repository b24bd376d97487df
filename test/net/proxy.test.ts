import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { type SupposedClient, supposeMessage } from '../../src/boot/suppose.ts'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { macToBytes, parseMac } from '../../src/lib/mac.ts'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import type { DhcpMessage } from '../../src/protocol/dhcp4/message.ts'
import { bootFileName, optionText, serverIdentifier } from '../../src/protocol/dhcp4/options.ts'
import { OPTION } from '../../src/protocol/iana/options.ts'
import { unpackPeer } from '../helpers/debian-peer.ts'
import { vector } from '../helpers/dhcp-fixtures.ts'
import { DhcpHost } from '../helpers/dhcp-programs.ts'
import { startDnsmasq, startKea } from '../helpers/dhcp-servers.ts'
import { inNetns } from '../helpers/netns.ts'
import { centra, endAll, eventually, makeSite, missing, type Running, serve } from '../helpers/server.ts'
import { ip, type Reply, Wire } from '../helpers/wire.ts'

/** proxyDHCP beside another server on the same link: dnsmasq, and Kea. */
const dnsmasq = await unpackPeer('dnsmasq-base')
const kea = await unpackPeer('kea-dhcp4-server', 'kea-common')
const options = { timeout: 60_000, skip: missing('busybox', 'tcpdump', 'curl') }
const MAC = '52:54:00:88:00:01'
const [US, THEM] = ['10.77.0.1', '10.77.0.9']

/*
 * server prov0 10.77.0.1 -+- them0 10.77.0.9 (other: gives the addresses)
 *                         +- eth0 (client)
 */
inNetns(import.meta, (net) => {
  const [other, client] = [net.host('other'), net.host('client')]
  net.veth({ name: 'port1' }, { name: 'them0', address: `${THEM}/24`, host: other })
  net.veth({ name: 'port2' }, { name: 'eth0', mac: MAC, host: client })
  net.bridge('prov0', ['port1', 'port2'], { address: `${US}/24` })
  const machine = new DhcpHost(client, 'eth0')
  const site = makeSite('/run/site', (text) => text.replace('dhcp: server', 'dhcp: proxy'))
  afterEach(endAll)

  const peers = [
    { name: 'dnsmasq', peer: dnsmasq, start: (tree: string) => startDnsmasq(other, tree) },
    { name: 'Kea', peer: kea, start: (tree: string) => startKea(other, tree) },
  ]
  for (const { name, peer, start } of peers)
    describe(`beside ${name}`, { skip: options.skip || ('why' in peer && peer.why) }, () => {
      const begin = async (): Promise<Running> => {
        if ('tree' in peer) await start(peer.tree)
        return serve(site, '--log', 'json')
      }

      test(
        'firmware has its address from there and its file from us; port 4011 answers',
        options,
        async () => {
          machine.forgetAddress()
          const server = await begin()
          const wire = await Wire.open(client, 'eth0')
          assert.ok(wire)
          const discover = asClient('P1')
          wire.send(encodeDhcp4(discover))
          const offers = await eventually('both OFFERs', () => {
            const found = wire.replies().filter(({ message }) => message.xid === discover.xid)
            const servers = found.map(serverOf)
            return servers.includes(US) && servers.includes(THEM) ? found : undefined
          })
          const ours = offers.find((reply) => serverOf(reply) === US)
          const theirs = offers.find((reply) => serverOf(reply) === THEM)
          assert.ok(ours && theirs)
          assert.match(formatIpv4(theirs.message.yiaddr), /^10\.77\.0\.2\d\d$/)
          assert.deepEqual(
            [
              ours.message.yiaddr,
              formatIpv4(ours.message.siaddr),
              optionText(ours.message, OPTION.vendorClass),
            ],
            [0, US, 'PXEClient'],
          )
          assert.deepEqual([ours.frame.source, ours.frame.destination].map(formatIpv4), [
            US,
            '255.255.255.255',
          ])
          const address = formatIpv4(theirs.message.yiaddr)
          client.run('ip', 'address', 'add', `${address}/24`, 'dev', 'eth0')
          const asks = { ...asClient('P14'), xid: 0x7e5a0001, ciaddr: ip(address) }
          wire.send(encodeDhcp4(asks), 4011, US, 4011)
          const ack = await wire.reply(asks.xid, 'ACK')
          assert.deepEqual(
            [ack.type, bootFileName(ack.message), ack.frame.sourcePort, ack.frame.destinationPort],
            ['ACK', 'snponly.efi', 4011, 4011],
          )
          await server.event('dhcp.ack', { mac: MAC, boot: 'snponly.efi' })
          assert.deepEqual(JSON.parse((await centra('leases', '--config', site.config, '--json')).stdout), [])
          await wire.close()
        },
      )

      test('a system gets its address from there, and not a word from us', options, async () => {
        machine.become(MAC)
        const server = await begin()
        const wire = await Wire.open(client, 'eth0')
        assert.ok(wire)
        const capture = wire.capture
        const udhcpc = machine.udhcpc('-q')
        assert.equal((await udhcpc.exited).code, 0, udhcpc.stderr)
        assert.match(udhcpc.stderr, /lease of 10\.77\.0\.2\d\d obtained from 10\.77\.0\.9/)
        await server.event('dhcp.ignored', { mac: MAC, reason: /an operating system/ })
        await server.event('dhcp.foreign', { mac: MAC, server: THEM })
        assert.ok(capture.frames.length > 0)
        assert.deepEqual(
          wire
            .replies()
            .map(serverOf)
            .filter((one) => one === US),
          [],
        )
        await wire.close()
      })
    })

  test(
    'what a machine says of its address counts where its card answers ARP, and not for a forger',
    options,
    async () => {
      machine.forgetAddress()
      const server = await serve(site, '--log', 'json')
      const [own, forged] = ['10.77.0.142', THEM]
      client.run('ip', 'address', 'add', `${own}/24`, 'dev', 'eth0')
      const hosts = [
        { host: other, device: 'them0', address: forged, expected: [false, true] },
        { host: client, device: 'eth0', address: own, expected: [true, false] },
      ] as const
      for (const { host, device, address, expected } of hosts) {
        const wire = await Wire.open(host, device)
        assert.ok(wire)
        wire.send(encodeDhcp4(supposeMessage({ ...CLIENT, message: { ...SELECT, requested: ip(address) } })))
        await server.event('dhcp.request', { mac: MAC, asks: address })
        const url = `http://${US}:8080/boot/${MAC.replaceAll(':', '-')}.ipxe?choice=worker&confirmed=yes`
        const script = host.run('curl', '-s', url).stdout
        assert.match(script, /\nkernel /)
        const { detail } = await server.event('http.script', { mac: MAC, address })
        assert.deepEqual([script.includes('centra.nonce='), detail['standing'] === 'claimed'], expected)
        await wire.close()
      }
    },
  )
})

const CLIENT: Omit<SupposedClient, 'message'> = {
  ...{ mac: parseMac(MAC) ?? assert.fail(), arch: 'bios-x86', stage: 'rom', via: 'dhcp', form: 'ipxe' },
}
const SELECT = { type: 'REQUEST', server: ip(THEM) } as const

/** A worked packet as this machine would send it. */
function asClient(name: string): DhcpMessage {
  const [message, mac] = [decodeDhcp4(vector(name).bytes), parseMac(MAC)]
  assert.ok(message.ok && mac)
  const chaddr = new Uint8Array(16)
  chaddr.set(macToBytes(mac))
  return { ...message.value, chaddr }
}

function serverOf({ message }: Reply): string {
  return formatIpv4(serverIdentifier(message) ?? ip('0.0.0.0'))
}
