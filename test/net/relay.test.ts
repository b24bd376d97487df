import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { afterEach, test } from 'node:test'
import { peerEnvironment, unpackPeer } from '../helpers/debian-peer.ts'
import { inNetns } from '../helpers/netns.ts'
import { centra, endAll, makeSite, missing, Running, serve } from '../helpers/server.ts'

/** Clients behind ISC's dhcrelay, on a network that the server has no interface on. */
const relay = await unpackPeer('isc-dhcp-relay')
const options = { timeout: 60_000, skip: missing('busybox') || ('why' in relay && relay.why) }

const BEHIND = `  - name: behind
    subnet: 10.78.0.0/24
    dhcp: server
    pool: 10.78.0.100-10.78.0.199
    router: 10.78.0.1
`

inNetns(import.meta, (net) => {
  const between = net.host('between')
  const client = net.host('client')
  net.veth(
    { name: 'prov0', address: '10.77.0.1/24' },
    { name: 'up0', address: '10.77.0.2/24', host: between },
  )
  net.veth(
    { name: 'down0', address: '10.78.0.1/24', host: between },
    { name: 'eth0', mac: '52:54:00:88:00:01', host: client },
  )
  afterEach(endAll)

  test('dhcrelay: an address of the network behind it, by way of the relay', options, async () => {
    assert.ok('tree' in relay)
    execFileSync('ip', ['route', 'add', '10.78.0.0/24', 'via', '10.77.0.2'])
    between.run('sysctl', '-q', '-w', 'net.ipv4.ip_forward=1')
    const site = makeSite('/run/site', (text) => text.replace('images:\n', `${BEHIND}\nimages:\n`))
    const server = await serve(site, '--log', 'json')
    const relaying = new Running(
      between.spawn('env', [
        peerEnvironment(relay.tree),
        `${relay.tree}/usr/sbin/dhcrelay`,
        ...['-4', '-d', '-a', '-id', 'down0', '-iu', 'up0', '10.77.0.1'],
      ]),
    )
    await relaying.stderrMatch(/Sending on/)
    const asking = ['udhcpc', '-f', '-n', '-q', '-i', 'eth0', '-s', '/bin/true', '-t', '5', '-T', '1']
    const udhcpc = new Running(client.spawn('busybox', asking))
    const { code } = await udhcpc.exited
    assert.equal(code, 0, `${udhcpc.stderr}\n${relaying.stderr}\n${server.stderr}`)
    assert.match(udhcpc.stderr, /lease of 10\.78\.0\.100 obtained from 10\.77\.0\.1/)
    await server.event('dhcp.ack', {
      mac: '52:54:00:88:00:01',
      network: 'behind',
      address: '10.78.0.100',
      to: 'relay',
    })
    const { stdout } = await centra('leases', '--config', site.config)
    assert.match(stdout, /10\.78\.0\.100 .*52:54:00:88:00:01/)
  })
})
