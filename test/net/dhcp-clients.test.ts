import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { type Host, inNetns } from '../helpers/netns.ts'
import { centra, eventually, makeSite, missing, Running, type Site, serve } from '../helpers/server.ts'

const NODE01 = '52:54:00:77:00:01'
const STRANGER = '52:54:00:99:00:01'
const NEIGHBOUR = '52:54:00:99:00:02'
const options = { timeout: 90_000 }

/** What both clients call with each change: it sets the address, and writes down what happened. */
const APPLY = `#!/bin/sh
case $1 in "") what=$reason; address=$new_ip_address;; *) what=$1; address=$ip;; esac
case $what in
  PREINIT|deconfig) ip link set dev "$interface" up;;
  BOUND|RENEW|REBIND|REBOOT|bound|renew) ip address replace "$address/24" dev "$interface";;
  RELEASE) ip address flush dev "$interface";;
esac
echo "$what $address" >> /run/applied
`
const LEASE_FILES = ['-lf', '/run/dhclient.leases', '-pf', '/run/dhclient.pid']

inNetns(import.meta, (net) => {
  const client = net.host('client')
  net.veth({ name: 'prov0', address: '10.77.0.1/24' }, { name: 'eth0', mac: NODE01, host: client })
  const site = makeSite('/run/site', (text) => text.replace('lease: 1h', 'lease: 10s'))
  writeFileSync('/run/apply', APPLY, { mode: 0o755 })
  const become = (mac: string): void => {
    for (const args of [
      ['addr', 'flush', 'dev', 'eth0'],
      ['link', 'set', 'eth0', 'down'],
      ['link', 'set', 'eth0', 'address', mac],
      ['link', 'set', 'eth0', 'up'],
    ])
      assert.equal(client.run('ip', ...args).code, 0)
  }

  test('dhclient: a reservation by MAC; it renews, asks again after a restart, releases', {
    ...options,
    skip: missing('dhclient'),
  }, async () => {
    become(NODE01)
    const server = await serve(site)
    const first = dhclient(client)
    assert.equal((await applied(/^BOUND (\S+)$/m))[1], '10.77.0.11')
    await applied(/^RENEW 10\.77\.0\.11$/m)
    await first.stop('SIGKILL')
    const again = dhclient(client)
    await applied(/^REBOOT 10\.77\.0\.11$/m)
    await again.stop('SIGKILL')
    const released = client.run('dhclient', '-4', '-r', '-sf', '/run/apply', ...LEASE_FILES, 'eth0')
    assert.equal(released.code, 0, released.stderr)
    await server.stderrMatch(/node01 \(52:54:00:77:00:01\) RELEASE/)
    await server.stop()
    assert.equal((await leaseOf(site, NODE01))?.state, 'released')
  })

  test('udhcpc: an address of the pool, kept through renewal, restart and kill -9, given back by RELEASE', {
    ...options,
    skip: missing('busybox'),
  }, async () => {
    become(STRANGER)
    let server = await serve(site)
    const first = udhcpc(client)
    const [, address = ''] = await applied(/^bound (\S+)$/m)
    assert.match(address, /^10\.77\.0\.1\d\d$/)
    first.signal('SIGUSR1')
    await applied(/^renew \S+$/m)
    await first.stop('SIGKILL')

    // kill -9 between the ACK and the next boot.
    await server.stop('SIGKILL')
    server = await serve(site)
    become(NEIGHBOUR)
    const neighbour = udhcpc(client)
    assert.notEqual((await applied(/^bound (\S+)$/m))[1], address)
    await neighbour.stop('SIGKILL')
    become(STRANGER)
    const second = udhcpc(client)
    assert.equal((await applied(/^bound (\S+)$/m))[1], address)
    await second.stop('SIGKILL')

    assert.deepEqual(await server.stop(), { code: 0, signal: null })
    server = await serve(site)
    const third = udhcpc(client)
    assert.equal((await applied(/^bound (\S+)$/m))[1], address)
    third.signal('SIGUSR2')
    await server.stderrMatch(/52:54:00:99:00:01 RELEASE/)
    await third.stop('SIGKILL')
    await eventually('the lease is released', async () => {
      const lease = await leaseOf(site, STRANGER)
      return lease?.state === 'released' && lease.address === address ? true : undefined
    })
    await server.stop()
  })
})

function dhclient(client: Host): Running {
  writeFileSync('/run/applied', '')
  const args = ['-4', '-d', '-1', '-cf', '/dev/null', '-sf', '/run/apply', ...LEASE_FILES, 'eth0']
  return new Running(client.spawn('dhclient', args))
}

function udhcpc(client: Host): Running {
  writeFileSync('/run/applied', '')
  const args = [
    'udhcpc',
    '-f',
    '-i',
    'eth0',
    '-s',
    '/run/apply',
    '-t',
    '20',
    '-T',
    '1',
    '-p',
    '/run/udhcpc.pid',
  ]
  return new Running(client.spawn('busybox', args))
}

function applied(pattern: RegExp): Promise<RegExpExecArray> {
  return eventually(`${pattern}`, () => {
    const text = existsSync('/run/applied') ? readFileSync('/run/applied', 'utf8') : ''
    return pattern.exec(text) ?? undefined
  })
}

interface ShownLease {
  readonly mac: string
  readonly address: string
  readonly state: string
}

async function leaseOf(site: Site, mac: string): Promise<ShownLease | undefined> {
  const { code, stdout } = await centra('leases', '--config', site.config, '--json')
  assert.equal(code, 0)
  const leases: readonly ShownLease[] = JSON.parse(stdout)
  return leases.find((lease) => lease.mac === mac)
}
