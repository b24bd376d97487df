/** Other DHCP servers on our links: noticed in every mode, asked for, and a reason not to start beside them. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { afterEach, describe, test } from 'node:test'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import { blankMessage, type DhcpMessage } from '../../src/protocol/dhcp4/message.ts'
import { messageTypeValue } from '../../src/protocol/dhcp4/option-values.ts'
import { messageType } from '../../src/protocol/dhcp4/options.ts'
import { parseEthernetUdp } from '../../src/protocol/frame/ipv4-udp.ts'
import { OPTION } from '../../src/protocol/iana/options.ts'
import { openFrameReceiver } from '../../src/servers/packet-socket.ts'
import { replyFilter } from '../../src/servers/reply-filter.ts'
import { unpackPeer } from '../helpers/debian-peer.ts'
import { startDhcpd, startDnsmasq, startKea } from '../helpers/dhcp-servers.ts'
import { type Capture, inNetns } from '../helpers/netns.ts'
import {
  centra,
  endAll,
  eventually,
  makeSite,
  missing,
  type Running,
  type Site,
  serve,
  startCentra,
} from '../helpers/server.ts'
import { clientMessage, Wire } from '../helpers/wire.ts'

const dnsmasq = await unpackPeer('dnsmasq-base')
const kea = await unpackPeer('kea-dhcp4-server', 'kea-common')
const dhcpd = await unpackPeer('isc-dhcp-server')
const options = { timeout: 60_000, skip: missing('tcpdump', 'curl') }
const [THEM, MAC] = ['10.77.0.9', '52:54:00:88:00:01']
const SECOND = `  - name: second
    interface: second0
    subnet: 10.80.0.0/24
    dhcp: server
    pool: 10.80.0.100-10.80.0.199
`

function treeOf(peer: typeof dnsmasq): string {
  assert.ok('tree' in peer, 'why' in peer ? peer.why : '')
  return peer.tree
}

/*
 * server prov0 10.77.0.1 -+- them0 10.77.0.9 (other)      server second0 10.80.0.1 --- eth1 (client)
 *                         +- eth0 (client)
 */
inNetns(import.meta, (net) => {
  const [other, client] = [net.host('other'), net.host('client')]
  net.veth({ name: 'port1' }, { name: 'them0', address: `${THEM}/24`, mac: '52:54:00:00:00:09', host: other })
  net.veth({ name: 'port2' }, { name: 'eth0', mac: MAC, host: client })
  net.bridge('prov0', ['port1', 'port2'], { address: '10.77.0.1/24' })
  net.veth(
    { name: 'second0', address: '10.80.0.1/24' },
    { name: 'eth1', address: '10.80.0.2/24', host: client },
  )
  afterEach(endAll)

  const siteWith = (dir: string, lines: string, more = ''): Site =>
    makeSite(dir, (text) =>
      text
        .replace('    probe: false\n', '')
        .replace('    dhcp: server\n', lines)
        .replace('images:\n', `${more}\nimages:\n`),
    )
  const get = (path: string): { readonly status: number; readonly body: string } => {
    const { stdout } = net.run('curl', '-s', '-w', '\n%{http_code}', `http://127.0.0.1:8081${path}`)
    const at = stdout.lastIndexOf('\n')
    return { status: Number(stdout.slice(at + 1)), body: stdout.slice(0, at) }
  }
  const networks = async (
    site: Site,
  ): Promise<{ readonly code: number | null; readonly list: readonly NetworkShown[] }> => {
    const { code, stdout } = await centra('networks', '--config', site.config, '--json')
    return { code, list: JSON.parse(stdout) }
  }

  for (const { mode, lines } of [
    { mode: 'observe', lines: '    dhcp: observe\n' },
    { mode: 'proxy', lines: '    dhcp: proxy\n    probe: false\n' },
    { mode: 'server', lines: `    dhcp: server\n    probe: false\n    besides: [${THEM}]\n` },
  ])
    test(
      `dhcp: ${mode}: a foreign OFFER to a client is noticed: log, networks, /health, metrics`,
      options,
      async () => {
        await startDnsmasq(other, treeOf(dnsmasq), ['--no-ping', '--dhcp-boot=pxelinux.0'])
        const site = siteWith(`/run/${mode}`, lines)
        const server = await serve(site, '--log', 'json')
        const wire = await Wire.open(client, 'eth0')
        assert.ok(wire)
        wire.send(encodeDhcp4(clientMessage('DISCOVER', MAC)))
        const event = await server.event('dhcp.foreign', { server: THEM })
        assert.deepEqual(
          [event.detail['because'], event.detail['from'], event.detail['offers']],
          ['it answered a client', '52:54:00:00:00:09', 'pxelinux.0 from 10.77.0.9'],
        )
        assert.equal('warning' in event.detail, mode !== 'observe')
        const [shown] = (await networks(site)).list
        assert.deepEqual([shown?.dhcp, shown?.state, shown?.foreign.length], [mode, 'up', 1])
        const [found] = shown?.foreign ?? []
        assert.deepEqual(
          [found?.address, found?.kind, found?.mac, found?.boot?.['bootFile'], found?.expected],
          [THEM, 'dhcp', '52:54:00:00:00:09', 'pxelinux.0', mode === 'server'],
        )
        const health = get('/health')
        assert.equal(health.status, 200)
        const document = JSON.parse(health.body)
        assert.deepEqual(
          document.foreign.map(({ address }: { readonly address: string }) => address),
          [THEM],
        )
        assert.equal(document.warnings.length, mode === 'observe' ? 0 : 1)
        assert.match(get('/metrics').body, /^centra_pxe_foreign_dhcp_servers\{network="provisioning"\} 1$/m)
        await wire.close()
      },
    )

  describe('a server whose option 60 breaks UEFI', { skip: 'why' in kea && kea.why }, () => {
    test('O01: the probe finds it beside dhcp: proxy, the log names server and remedy', options, async () => {
      const data = { name: 'vendor-class-identifier', data: 'PXEClient', 'always-send': true }
      await startKea(other, treeOf(kea), [data])
      const server = await serve(siteWith('/run/o01', '    dhcp: proxy\n'), '--log', 'json')
      const { detail } = await server.event('dhcp.foreign', { server: THEM, warning: /option 60/ })
      assert.equal(detail['because'], 'it answered our probe')
      assert.match(
        String(detail['warning']),
        /10\.77\.0\.9 sends option 60 .*remove option 60 from 10\.77\.0\.9/,
      )
      assert.match(get('/health').body, /"warnings":\["10\.77\.0\.9 sends option 60/)
    })
  })

  test('O02: a client that takes the address of the other server is lost to it', options, async () => {
    const server = await serve(siteWith('/run/o02', '    dhcp: server\n    probe: false\n'), '--log', 'json')
    const wire = await Wire.open(client, 'eth0')
    assert.ok(wire)
    await wire.ask(clientMessage('DISCOVER', MAC))
    wire.send(encodeDhcp4(clientMessage('REQUEST', MAC, { address: '10.77.0.200', server: THEM })))
    const lost = await server.event('dhcp.lost-to', { mac: MAC, server: THEM })
    assert.match(String(lost.detail['because']), /^it was offered 10\.77\.0\.1\d\d here$/)
    await wire.close()
  })

  test(
    'O03: a start asks twice, plain and as firmware, from one MAC of its own, and requests nothing; observe asks nobody',
    options,
    async () => {
      const seen = await client.capture('eth0')
      assert.ok(seen)
      const site = siteWith('/run/o03', '    dhcp: server\n')
      const server = await serve(site, '--log', 'json')
      const all = await eventually('four DISCOVERs', () =>
        asked(seen).length >= 4 ? asked(seen) : undefined,
      )
      assert.deepEqual(new Set(all.map((message) => messageType(message))), new Set(['DISCOVER']))
      assert.equal(new Set(all.map(({ xid }) => xid)).size, 2)
      const macs = new Set(all.map(({ chaddr }) => Buffer.from(chaddr.subarray(0, 6)).toString('hex')))
      assert.equal(macs.size, 1)
      assert.match([...macs].join(), /^02/)
      assert.deepEqual([await server.stop(), all.length], [{ code: 0, signal: null }, 4])
      const before = seen.frames.length
      site.rewrite((text) => text.replace('    probe: false\n', '').replace('dhcp: server', 'dhcp: observe'))
      const silent = await serve(site, '--log', 'json')
      const wire = await Wire.open(client, 'eth0')
      assert.ok(wire)
      wire.send(encodeDhcp4(clientMessage('DISCOVER', MAC)))
      await silent.event('dhcp.would-answer', { mac: MAC })
      await wire.flush()
      assert.deepEqual(
        asked(seen, before).map(({ chaddr }) => chaddr[0]),
        [0x52],
      )
      await wire.close()
      await seen.stop()
    },
  )

  const peers = [
    { name: 'dnsmasq', peer: dnsmasq, start: () => startDnsmasq(other, treeOf(dnsmasq)) },
    {
      name: 'dnsmasq, which pings for 3 s first',
      peer: dnsmasq,
      start: () => startDnsmasq(other, treeOf(dnsmasq), []),
    },
    { name: 'Kea', peer: kea, start: () => startKea(other, treeOf(kea)) },
    {
      name: 'ISC dhcpd, which pings for 1 s first',
      peer: dhcpd,
      start: () => startDhcpd(other, treeOf(dhcpd)),
    },
  ]
  for (const { name, peer, start } of peers)
    describe(`dhcp: server beside ${name}`, { skip: 'why' in peer && peer.why }, () => {
      test(
        'O04: refused there, with address and remedy; the other network is served; besides: and a reload let it start',
        options,
        async () => {
          await start()
          const site = siteWith('/run/o04', '    dhcp: server\n', SECOND)
          const server = startCentra('serve', '--config', site.config, '--log', 'json')
          await server.event('network.up', { network: 'second' })
          const { detail } = await server.event('network.down', { network: 'provisioning' })
          assert.match(
            String(detail['reason']),
            /^refused: another DHCP server answers here, 10\.77\.0\.9: .*besides: \[10\.77\.0\.9\]/,
          )
          const { code, list } = await networks(site)
          assert.deepEqual([code, list.map(({ state }) => state)], [1, ['down', 'up']])
          const health = get('/health')
          assert.equal(health.status, 503)
          assert.match(health.body, /"network provisioning":"refused: another DHCP server/)
          assert.equal(sockets(await status(site)).filter((one) => one.includes('prov0')).length, 0)

          const from = server.stderr.length
          site.rewrite((text) =>
            text
              .replace('    probe: false\n', `    besides: [${THEM}]\n`)
              .replace('images:\n', `${SECOND}\nimages:\n`),
          )
          assert.equal((await centra('reload', '--config', site.config)).code, 0)
          await server.event('network.up', { network: 'provisioning' }, from)
          await server.stderrMatch(/^ready .*prov0/m)
          assert.equal((await networks(site)).code, 0)
        },
      )
    })

  test(
    'O04: a network whose relays are heard with a refused one alone is down with it',
    options,
    async () => {
      await startDnsmasq(other, treeOf(dnsmasq))
      const behind = '  - { name: rack-7, subnet: 10.99.0.0/24, dhcp: server }\n'
      const site = siteWith('/run/rack', '    dhcp: server\n', behind)
      const server = startCentra('serve', '--config', site.config, '--log', 'json')
      await server.event('network.down', { network: 'provisioning' })
      const { list } = await networks(site)
      assert.deepEqual(
        list.map(({ name, state }) => `${name} ${state}`),
        ['provisioning down', 'rack-7 down'],
      )
      assert.match(
        get('/health').body,
        /"network rack-7":"its clients are heard with provisioning: refused: /,
      )
    },
  )

  test('O04: a router that relays and answers by itself is another server too', options, async () => {
    await startDnsmasq(other, treeOf(dnsmasq))
    const site = siteWith('/run/relaying', `    dhcp: server\n    relays: [${THEM}]\n`)
    const server = startCentra('serve', '--config', site.config, '--log', 'json')
    const { detail } = await server.event('network.down', { network: 'provisioning' })
    assert.match(String(detail['reason']), /^refused: another DHCP server answers here, 10\.77\.0\.9: /)
  })

  test(
    'O04: with besides: the start is a start; a server that comes later is an event and a warning, and nothing stops',
    options,
    async () => {
      const site = siteWith('/run/later', `    dhcp: server\n    besides: [10.77.0.8]\n`)
      const server = await serve(site, '--log', 'json')
      await eventually('the start is over', () => (wasLongAgo(server) ? true : undefined))
      await startDnsmasq(other, treeOf(dnsmasq))
      const wire = await Wire.open(client, 'eth0')
      assert.ok(wire)
      wire.send(encodeDhcp4(clientMessage('DISCOVER', MAC)))
      await server.event('dhcp.foreign', { server: THEM, warning: /gives addresses on provisioning too/ })
      const health = get('/health')
      assert.equal(health.status, 200)
      assert.match(health.body, /"warnings":\["10\.77\.0\.9 gives addresses on provisioning too/)
      assert.equal((await networks(site)).code, 0)
      await wire.close()
    },
  )

  test('the kernel passes on answers to clients, of this interface, and nothing else', options, async () => {
    const [here, there] = ['prov0', 'second0'].map((name) => openFrameReceiver(name, replyFilter))
    assert.ok(here && there)
    const [wire, elsewhere] = [await Wire.open(client, 'eth0'), await Wire.open(client, 'eth1')]
    assert.ok(wire && elsewhere)
    const said = (text: string, op: 'request' | 'reply' = 'reply'): Uint8Array =>
      encodeDhcp4({
        ...blankMessage(op),
        options: [
          { code: OPTION.messageType, data: messageTypeValue('OFFER') },
          { code: OPTION.hostName, data: Buffer.from(text) },
        ],
      })
    wire.send(said('to a server'), 67)
    wire.send(said('of a client', 'request'), 68)
    wire.send(Buffer.from('short'), 68)
    elsewhere.send(said('over there'), 68)
    await elsewhere.flush()
    wire.send(said('here'), 68)
    await wire.flush()
    const names = [here, there].map((receiver) => {
      const frames: string[] = []
      for (let frame = receiver.receive(); frame !== undefined; frame = receiver.receive())
        frames.push(
          /over there|here|to a server|of a client|short|mark/.exec(
            Buffer.from(frame).toString('latin1'),
          )?.[0] ?? '?',
        )
      receiver.close()
      return frames
    })
    assert.deepEqual(names, [['here'], ['over there']])
    await wire.close()
    await elsewhere.close()
  })
})

interface NetworkShown {
  readonly name: string
  readonly dhcp: string
  readonly state: string
  readonly foreign: readonly {
    readonly address: string
    readonly kind?: string
    readonly mac?: string
    readonly boot?: Readonly<Record<string, string>>
    readonly expected: boolean
  }[]
}

async function status(site: Site): Promise<string> {
  return (await centra('status', '--config', site.config, '--json')).stdout
}

function sockets(text: string): readonly string[] {
  return JSON.parse(text).sockets
}

/** Messages to port 67 that were seen. */
function asked(capture: Capture, from = 0): readonly DhcpMessage[] {
  return capture.frames.slice(from).flatMap((frame) => {
    const udp = parseEthernetUdp(frame)
    const message = udp.ok && udp.value.destinationPort === 67 ? decodeDhcp4(udp.value.payload) : undefined
    return message?.ok === true ? [message.value] : []
  })
}

/** The last answer that could end a start has been waited for: 5 s, by the process's own age. */
function wasLongAgo({ pid }: Running): boolean {
  const [, text = ''] = existsSync(`/proc/${pid}/stat`)
    ? (/\) (.*)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [])
    : []
  const age = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) - Number(text.split(' ')[19]) / 100
  return age > 7
}
