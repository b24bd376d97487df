/** Who a client is, with real clients: by option 61 where the network says so, and by the port of a real relay. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { afterEach, test } from 'node:test'
import { unpackPeer } from '../helpers/debian-peer.ts'
import { DhcpHost, startDhcrelay } from '../helpers/dhcp-programs.ts'
import { inNetns } from '../helpers/netns.ts'
import { centra, endAll, makeSite, missing, serve } from '../helpers/server.ts'

const isc = await unpackPeer('isc-dhcp-relay')
const options = { timeout: 60_000, skip: missing('busybox') || ('why' in isc && isc.why) }
const MAC = '52:54:00:99:05:01'

const BEHIND = `  - name: behind
    subnet: 10.78.0.0/24
    address: 10.77.0.1
    dhcp: server
    relays: [10.78.0.1]
    pool: 10.78.0.100-10.78.0.199
    router: 10.78.0.1
`
const NODE = `  - name: port-node
    relayPort: { circuitId: down0 }
    address: 10.78.0.77
    profile: worker
`

inNetns(import.meta, (net) => {
  const [relay, client, local] = [net.host('relay'), net.host('client'), net.host('local')]
  net.veth({ name: 'port1' }, { name: 'up0', address: '10.77.0.2/24', host: relay })
  net.veth({ name: 'port2' }, { name: 'eth0', mac: MAC, host: local })
  net.bridge('prov0', ['port1', 'port2'], { address: '10.77.0.1/24' })
  net.veth({ name: 'down0', address: '10.78.0.1/24', host: relay }, { name: 'eth0', host: client })
  execFileSync('ip', ['route', 'add', '10.78.0.0/24', 'via', '10.77.0.2'])
  afterEach(endAll)

  test(
    'identity: client-id: two identifiers on one card, two leases, also after kill -9',
    options,
    async () => {
      const site = makeSite('/run/site', (text) =>
        text.replace('    lease: 1h\n', '    lease: 1h\n    identity: client-id\n'),
      )
      const card = new DhcpHost(local, 'eth0')
      card.become(MAC)
      const ask = async (id: string): Promise<string> => {
        const udhcpc = card.udhcpc('-q', '-C', '-x', `0x3d:${id}`)
        assert.equal((await udhcpc.exited).code, 0, udhcpc.stderr)
        return /lease of (\S+) obtained/.exec(udhcpc.stderr)?.[1] ?? ''
      }
      const before = await serve(site)
      const [first, second] = [await ask('ff0001'), await ask('ff0002')]
      assert.notEqual(first, second)
      await before.stop('SIGKILL')
      const after = await serve(site)
      assert.deepEqual([await ask('ff0002'), await ask('ff0001')], [second, first])
      const { stdout } = await centra('leases', '--config', site.config)
      assert.match(stdout, new RegExp(`^${first} +id 0xff0001 .* bound `, 'm'))
      assert.match(stdout, new RegExp(`^${second} +id 0xff0002 .* bound `, 'm'))
      await after.stop()
    },
  )

  test(
    'a node by the port that dhcrelay names: its reservation and its profile, whichever card asks',
    options,
    async () => {
      const site = makeSite('/run/again', (text) =>
        text.replace('images:\n', `${BEHIND}\nimages:\n`).replace('nodes:\n', `nodes:\n${NODE}`),
      )
      const server = await serve(site, '--log', 'json')
      assert.ok('tree' in isc)
      await startDhcrelay(relay, isc.tree, { downs: ['down0'], server: '10.77.0.1' })
      const machine = new DhcpHost(client, 'eth0')
      machine.become('52:54:00:99:05:07')
      const udhcpc = machine.udhcpc('-q')
      assert.equal((await udhcpc.exited).code, 0, `${udhcpc.stderr}\n${server.stderr}`)
      assert.match(udhcpc.stderr, /lease of 10\.78\.0\.77 obtained/)
      await server.event('dhcp.discover', { node: 'port-node', 'circuit-id': 'down0', relay: '10.78.0.1' })
      await server.event('dhcp.ack', { node: 'port-node', network: 'behind', address: '10.78.0.77' })
      const script = net.run('busybox', 'wget', '-qO-', 'http://10.77.0.1:8080/boot/52-54-00-99-05-07.ipxe')
      assert.match(script.stdout, /centra\.profile=worker/)
      const { stdout } = await centra('leases', '--config', site.config)
      assert.match(stdout, /10\.78\.0\.77 .* port-node .* bound/)
      await server.stop()
    },
  )
})
