import assert from 'node:assert/strict'
import { test } from 'node:test'
import { peerEnvironment, unpackPeer } from '../helpers/debian-peer.ts'
import { inNetns } from '../helpers/netns.ts'
import { makeSite, serve } from '../helpers/server.ts'

const NODE01 = '52:54:00:77:00:01'
const bootpc = await unpackPeer('bootpc')

inNetns(import.meta, (net) => {
  const client = net.host('client')
  net.veth({ name: 'prov0', address: '10.77.0.1/24' }, { name: 'eth0', mac: NODE01, host: client })
  // bootpc sends by a UDP socket, which needs a route to broadcast.
  client.run('ip', 'route', 'add', 'default', 'dev', 'eth0')

  const ask = (tree: string): ReturnType<typeof client.run> =>
    client.run(
      ...(['env', peerEnvironment(tree), `${tree}/sbin/bootpc`] as const),
      ...['--dev', 'eth0', '--serverbcast', '--timeoutwait', '4', '--returniffail'],
    )

  test('S38, S39: bootpc gets its reservation where bootp: is on, and else silence with a reason', {
    timeout: 60_000,
    skip: 'why' in bootpc && bootpc.why,
  }, async () => {
    assert.ok('tree' in bootpc)
    const off = await serve(makeSite('/run/off'))
    assert.match(ask(bootpc.tree).stderr, /No response from BOOTP server/)
    await off.stderrMatch(/node01 \(52:54:00:77:00:01\) no answer BOOTP \(no option 53\), and bootp: is off/)
    await off.stop()

    const withBootp = (text: string): string =>
      text.replace('dhcp: server\n', 'dhcp: server\n    bootp: true\n')
    const on = await serve(makeSite('/run/on', withBootp))
    const { stdout } = ask(bootpc.tree)
    assert.match(stdout, /^IPADDR='10\.77\.0\.11'$/m)
    assert.match(stdout, /^SERVER='10\.77\.0\.1'$/m)
    assert.match(stdout, /^BOOTFILE='undionly\.kpxe'$/m)
    await on.stop()
  })
})
