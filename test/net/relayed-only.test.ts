/** Networks that are reached only through relays, which send to an address of ours that no served interface has. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { afterEach, test } from 'node:test'
import { unpackPeer } from '../helpers/debian-peer.ts'
import { DhcpHost, startDhcrelay } from '../helpers/dhcp-programs.ts'
import { inNetns } from '../helpers/netns.ts'
import { centra, endAll, makeSite, missing, serve } from '../helpers/server.ts'

const isc = await unpackPeer('isc-dhcp-relay')
const options = {
  timeout: 60_000,
  skip: missing('busybox', 'dhclient') || ('why' in isc && isc.why),
}
const OURS = '192.0.2.1'
const MAC = '52:54:00:88:01:01'

const BEHIND = ['10.78', '10.79']
  .map(
    (net, index) => `  - name: behind${index + 1}
    subnet: ${net}.0.0/24
    address: ${OURS}
    dhcp: server
    pool: ${net}.0.100-${net}.0.199
    router: ${net}.0.1
    lease: 10s
`,
  )
  .join('')

/*
 * server lo 192.0.2.1, prov0 10.77.0.1 -+- up0 10.77.0.2 (relay) down0 10.78.0.1 -- client
 *                                       +- local
 */
inNetns(import.meta, (net) => {
  const [relay, client, local] = [net.host('relay'), net.host('client'), net.host('local')]
  net.veth({ name: 'port1' }, { name: 'up0', address: '10.77.0.2/24', host: relay })
  net.veth({ name: 'port2' }, { name: 'eth0', mac: '52:54:00:88:01:02', host: local })
  net.bridge('prov0', ['port1', 'port2'], { address: '10.77.0.1/24' })
  net.veth({ name: 'down0', address: '10.78.0.1/24', host: relay }, { name: 'eth0', mac: MAC, host: client })
  execFileSync('ip', ['address', 'add', `${OURS}/32`, 'dev', 'lo'])
  execFileSync('ip', ['route', 'add', '10.78.0.0/24', 'via', '10.77.0.2'])
  relay.run('sysctl', '-q', '-w', 'net.ipv4.ip_forward=1')
  relay.run('ip', 'route', 'add', OURS, 'via', '10.77.0.1')
  const machine = new DhcpHost(client, 'eth0')
  afterEach(endAll)

  test(
    'A03: no network has an interface: dhcrelay sends to an address on lo; address, renewal, loader and script from there',
    options,
    async () => {
      const site = makeSite('/run/site', (text) =>
        text
          .replace(/ {2}- name: provisioning\n[\s\S]*?\n\n/, `${BEHIND}\n`)
          .replace(/^ {4}address: 10\.77\..*\n/gm, ''),
      )
      const server = await serve(site, '--log', 'json')
      const sockets = net.run('ss', '-lnutH').stdout
      for (const port of [67, 4011, 69])
        assert.match(sockets, new RegExp(`udp.*\\s192\\.0\\.2\\.1:${port}\\s`))
      assert.match(sockets, /tcp.*\s192\.0\.2\.1:8080\s/)
      assert.doesNotMatch(sockets, /(?:0\.0\.0\.0|\*):(?:67|69|4011|8080)\b/, 'never the wildcard')

      assert.ok('tree' in isc)
      await startDhcrelay(relay, isc.tree, { downs: ['down0'], server: OURS })
      machine.become(MAC)
      const dhclient = machine.dhclient()
      const [, address = ''] = await machine.applied(/^BOUND (10\.78\.0\.1\d\d)$/m)
      await server.event('dhcp.ack', { mac: MAC, network: 'behind1', address, to: 'relay' })
      client.run('ip', 'route', 'replace', 'default', 'via', '10.78.0.1')
      await machine.applied(/^RENEW \S+$/m)
      await server.event('dhcp.ack', { mac: MAC, network: 'behind1', address, to: 'unicast' })
      assert.match(dhclient.stderr, new RegExp(`DHCPACK of ${address} from ${OURS}`))

      const script = client.run('busybox', 'wget', '-qO-', `http://${OURS}:8080/boot.ipxe`)
      assert.match(script.stdout, new RegExp(`^#!ipxe\\n[\\s\\S]*http://${OURS}:8080/boot/`))
      const loader = client.run('busybox', 'tftp', '-g', '-r', 'undionly.kpxe', '-l', '/dev/null', OURS)
      assert.equal(loader.code, 0, loader.stderr)
      await server.event('tftp.done', { mac: MAC, address, file: 'undionly.kpxe' })
      await dhclient.stop('SIGKILL')
      const { stdout } = await centra('status', '--config', site.config)
      assert.match(stdout, /udp 192\.0\.2\.1:67\b/)
      await server.stop()
    },
  )

  test(
    'beside a network on an interface: each hears its own; the address comes and goes, and the interface is made anew',
    options,
    async () => {
      const site = makeSite('/run/site', (text) => text.replace('images:\n', `${BEHIND}\nimages:\n`))
      const server = await serve(site, '--log', 'json')
      const sockets = net.run('ss', '-lnuH').stdout
      assert.match(sockets, /\s192\.0\.2\.1:67\s/)
      assert.match(sockets, /\s0\.0\.0\.0%prov0:67\s/)
      assert.ok('tree' in isc)
      await startDhcrelay(relay, isc.tree, { downs: ['down0'], server: OURS })
      machine.become(MAC)
      const direct = new DhcpHost(local, 'eth0')
      direct.become('52:54:00:88:01:02')
      const asking = [machine.udhcpc('-q'), direct.udhcpc('-q')]
      for (const one of asking) assert.equal((await one.exited).code, 0, `${one.stderr}\n${server.stderr}`)
      assert.match(
        asking[0]?.stderr ?? '',
        new RegExp(`lease of 10\\.78\\.0\\.1\\d\\d obtained from ${OURS}`),
      )
      assert.match(asking[1]?.stderr ?? '', /lease of 10\.77\.0\.1\d\d obtained from 10\.77\.0\.1/)

      execFileSync('ip', ['link', 'del', 'prov0'])
      net.bridge('prov0', ['port1', 'port2'], { address: '10.77.0.1/24' })
      execFileSync('ip', ['route', 'replace', '10.78.0.0/24', 'via', '10.77.0.2'])
      await server.event('network.down', {
        network: 'provisioning',
        reason: /interface, address or ports changed/,
      })
      const again = [machine.udhcpc('-q'), direct.udhcpc('-q')]
      for (const one of again) assert.equal((await one.exited).code, 0, `${one.stderr}\n${server.stderr}`)

      execFileSync('ip', ['address', 'del', `${OURS}/32`, 'dev', 'lo'])
      await server.event('network.down', {
        network: 'behind1',
        reason: /no interface that is up has 192\.0\.2\.1/,
      })
      execFileSync('ip', ['address', 'add', `${OURS}/32`, 'dev', 'lo'])
      await server.event('network.up', { network: 'behind1' })
      await server.stop()
    },
  )
})
