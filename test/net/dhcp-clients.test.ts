import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { unpackPeer } from '../helpers/debian-peer.ts'
import { DhcpHost, NETWORKD } from '../helpers/dhcp-programs.ts'
import { inNetns } from '../helpers/netns.ts'
import { centra, endAll, eventually, makeSite, missing, type Site, serve } from '../helpers/server.ts'

const NODE01 = '52:54:00:77:00:01'
const STRANGER = '52:54:00:99:00:01'
const NEIGHBOUR = '52:54:00:99:00:02'
const OTHER = '52:54:00:99:00:03'
const options = { timeout: 90_000 }
const dhcpcd = await unpackPeer('dhcpcd-base')
const noDhcpcd = 'why' in dhcpcd && dhcpcd.why

inNetns(import.meta, (net) => {
  const client = net.host('client')
  net.veth({ name: 'prov0', address: '10.77.0.1/24' }, { name: 'eth0', mac: NODE01, host: client })
  const site = makeSite('/run/site', (text) => text.replace('lease: 1h', 'lease: 10s'))
  const machine = new DhcpHost(client, 'eth0')
  afterEach(endAll)

  test('dhclient: a reservation by MAC; it renews, asks again after a restart, releases', {
    ...options,
    skip: missing('dhclient'),
  }, async () => {
    machine.become(NODE01)
    const server = await serve(site)
    const first = machine.dhclient()
    assert.equal((await machine.applied(/^BOUND (\S+)$/m))[1], '10.77.0.11')
    await machine.applied(/^RENEW 10\.77\.0\.11$/m)
    await first.stop('SIGKILL')
    const again = machine.dhclient()
    await machine.applied(/^REBOOT 10\.77\.0\.11$/m)
    await again.stop('SIGKILL')
    machine.dhclientRelease()
    await server.stderrMatch(/node01 \(52:54:00:77:00:01\) RELEASE/)
    await server.stop()
    assert.equal((await leaseOf(site, NODE01))?.state, 'released')
  })

  test('udhcpc: an address of the pool, kept through renewal, restart and kill -9, given back by RELEASE', {
    ...options,
    skip: missing('busybox'),
  }, async () => {
    machine.become(STRANGER)
    let server = await serve(site)
    const first = machine.udhcpc()
    const [, address = ''] = await machine.applied(/^bound (\S+)$/m)
    assert.match(address, /^10\.77\.0\.1\d\d$/)
    first.signal('SIGUSR1')
    await machine.applied(/^renew \S+$/m)
    await first.stop('SIGKILL')

    // kill -9 between the ACK and the next boot.
    await server.stop('SIGKILL')
    server = await serve(site)
    machine.become(NEIGHBOUR)
    const neighbour = machine.udhcpc()
    assert.notEqual((await machine.applied(/^bound (\S+)$/m))[1], address)
    await neighbour.stop('SIGKILL')
    machine.become(STRANGER)
    const second = machine.udhcpc()
    assert.equal((await machine.applied(/^bound (\S+)$/m))[1], address)
    await second.stop('SIGKILL')

    assert.deepEqual(await server.stop(), { code: 0, signal: null })
    server = await serve(site)
    const third = machine.udhcpc()
    assert.equal((await machine.applied(/^bound (\S+)$/m))[1], address)
    third.signal('SIGUSR2')
    await server.stderrMatch(/52:54:00:99:00:01 RELEASE/)
    await third.stop('SIGKILL')
    await eventually('the lease is released', async () => {
      const lease = await leaseOf(site, STRANGER)
      return lease?.state === 'released' && lease.address === address ? true : undefined
    })
    await server.stop()
  })

  test('I01, I12: udhcpc, dhclient and dhcpcd in turn on one machine: one address, one lease', {
    ...options,
    skip: missing('busybox', 'dhclient') || noDhcpcd,
  }, async () => {
    assert.ok('tree' in dhcpcd)
    machine.become(OTHER)
    const server = await serve(site)
    const ids: (string | undefined)[] = []
    const { clientId, address } = await leaseBy(machine.udhcpc(), /^bound (\S+)$/m)
    ids.push(clientId)
    const clients = [
      () => leaseBy(machine.dhclient(), /^BOUND (\S+)$/m),
      () => leaseBy(machine.dhcpcd(dhcpcd.tree), /^BOUND (\S+)$/m),
    ]
    for (const ask of clients) {
      machine.forgetAddress()
      const lease = await ask()
      assert.equal(lease.address, address)
      ids.push(lease.clientId)
    }
    // udhcpc sends 01 and its MAC, dhclient nothing, dhcpcd a DUID.
    assert.match(ids.join(' '), /^01525400990003 {2}ff\w{20,}$/)
    await server.stop()

    async function leaseBy(
      running: ReturnType<DhcpHost['udhcpc']>,
      pattern: RegExp,
    ): Promise<{ readonly address: string; readonly clientId: string | undefined }> {
      const [, given = ''] = await machine.applied(pattern)
      await running.stop('SIGKILL')
      const leases = (await allLeases(site)).filter(({ mac }) => mac === OTHER)
      assert.deepEqual([leases.length, leases[0]?.address], [1, given])
      return { address: given, clientId: leases[0]?.clientId }
    }
  })

  test('dhcpcd: an address that it probes by ARP; it renews, and releases when told to', {
    ...options,
    skip: noDhcpcd,
  }, async () => {
    assert.ok('tree' in dhcpcd)
    machine.become(STRANGER)
    const server = await serve(site, '--log', 'json')
    const running = machine.dhcpcd(dhcpcd.tree)
    const [, address = ''] = await machine.applied(/^BOUND (\S+)$/m)
    await machine.applied(new RegExp(`^RENEW ${address}$`, 'm'))
    running.signal('SIGALRM')
    await server.event('dhcp.release', { mac: STRANGER, asks: address })
    await running.exited
    await server.stop()
    assert.equal((await leaseOf(site, STRANGER))?.state, 'released')
  })

  test('systemd-networkd: an address, renewal, RELEASE when it ends; the address is that of other clients', {
    ...options,
    skip: missing(NETWORKD, 'busybox'),
  }, async () => {
    machine.become(OTHER)
    const server = await serve(site, '--log', 'json')
    const running = machine.networkd()
    const [, address = ''] = await running.stderrMatch(
      /DHCPv4 address (\S+)\/24, .*acquired from 10\.77\.0\.1/,
    )
    const lease = await leaseOf(site, OTHER)
    assert.equal(lease?.address, address)
    assert.match(lease?.clientId ?? '', /^ff/)
    await running.stderrMatch(/REQUEST \(renewing\)[\s\S]*DHCPv4 client: ACK/)
    await running.stop()
    await server.event('dhcp.release', { mac: OTHER, asks: address })
    machine.forgetAddress()
    const udhcpc = machine.udhcpc()
    assert.equal((await machine.applied(/^bound (\S+)$/m))[1], address)
    await udhcpc.stop('SIGKILL')
    await server.stop()
  })
})

interface ShownLease {
  readonly mac: string
  readonly address: string
  readonly state: string
  readonly clientId?: string
}

async function leaseOf(site: Site, mac: string): Promise<ShownLease | undefined> {
  return (await allLeases(site)).find((lease) => lease.mac === mac)
}

async function allLeases(site: Site): Promise<readonly ShownLease[]> {
  const { code, stdout } = await centra('leases', '--config', site.config, '--json')
  assert.equal(code, 0)
  return JSON.parse(stdout)
}
