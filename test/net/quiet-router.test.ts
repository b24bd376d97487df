import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { fromHex } from '../../src/lib/text.ts'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import { ROUTER_SOLICITATION } from '../../src/protocol/icmpv6.ts'
import { openIcmpv6Socket } from '../../src/servers/icmpv6-socket.ts'
import { openQuietRouter } from '../../src/servers/quiet-router.ts'
import { vector } from '../helpers/dhcp-fixtures.ts'
import { type Host, inNetns } from '../helpers/netns.ts'
import { eventually, loggedEvents, makeSite, missing, type Running, serve } from '../helpers/server.ts'
import type { Heard, Solicitation } from '../helpers/solicitor.ts'
import { Wire } from '../helpers/wire.ts'

/** `quietRouter:` on a real link: who is answered with what, and when nobody is. */
const limits = { timeout: 60_000, skip: missing('tcpdump') }
const MAC = '52:54:00:12:34:56'
const SOLICITOR = path.join(import.meta.dirname, '../helpers/solicitor.ts')
const ALL_NODES = 'ff020000000000000000000000000001'
const ALL_ROUTERS = 'ff020000000000000000000000000002'
/** RFC 4861 §4.2: lifetime 1800 s. */
const ROUTER = '8600000040000708 00000000 00000000'.replaceAll(' ', '')

inNetns(import.meta, (net) => {
  const [client, stranger, router] = [net.host('client'), net.host('stranger'), net.host('router')]
  net.run('ip', 'link', 'add', 'prov0', 'type', 'bridge')
  net.run('ip', 'addr', 'add', '10.77.0.1/24', 'dev', 'prov0')
  net.run('ip', 'link', 'set', 'prov0', 'up')
  const hosts = [
    [client, 'port1', MAC],
    [stranger, 'port2', '52:54:00:12:34:57'],
    [router, 'port3', '52:54:00:00:00:fe'],
  ] as const
  for (const [host, port, mac] of hosts) {
    host.run('sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0')
    net.veth({ name: port }, { name: 'eth0', mac, host })
    net.run('ip', 'link', 'set', port, 'master', 'prov0')
  }
  const solicit = (host: Host, parts: Partial<Solicitation> = {}): readonly Heard[] => {
    const plan: Solicitation = { interface: 'eth0', group: ALL_ROUTERS, listenMs: 1500, ...parts }
    const { code, stdout, stderr } = host.run(process.execPath, SOLICITOR, JSON.stringify(plan))
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout)
  }
  let server: Running
  let wire: Wire | undefined

  test('a machine that does not boot is not answered', limits, async () => {
    const site = makeSite('/run/site', (text) =>
      text.replace('    probe: false\n', '    probe: false\n    quietRouter: true\n'),
    )
    server = await serve(site, '--log', 'json')
    assert.deepEqual(solicit(client), [])
  })

  test(
    'one whose firmware was offered an address is, alone, with an advertisement of nothing',
    limits,
    async () => {
      wire = await Wire.open(client, 'eth0')
      assert.ok(wire)
      const discover = decodeDhcp4(vector('P1').bytes)
      assert.ok(discover.ok)
      assert.equal((await wire.ask(discover.value)).type, 'OFFER')
      const [heard, ...more] = solicit(client)
      assert.ok(heard)
      // Its checksum apart.
      assert.equal(heard.message.slice(0, 4) + heard.message.slice(8), '8600000000000000000000000000')
      assert.match(heard.from, /^fe80::/)
      assert.deepEqual(more, [])
      assert.deepEqual(solicit(stranger), [])
      const told = await eventually('the event', () =>
        loggedEvents(server.stdout + server.stderr).find(({ kind }) => kind === 'ra.sent'),
      )
      assert.equal(told['mac'], MAC)
    },
  )

  test('where a router is heard, nobody is answered', limits, async () => {
    solicit(router, { group: ALL_NODES, message: ROUTER, listenMs: 0 })
    await eventually('the event', () =>
      loggedEvents(server.stdout + server.stderr).find(
        ({ kind, detail }) =>
          kind === 'ra.off' && detail['reason'] === 'fe80::5054:ff:fe00:fe is a router there',
      ),
    )
    assert.deepEqual(solicit(client), [])
    assert.deepEqual(await server.stop(), { code: 0, signal: null })
  })

  test('with probe: routers are asked for first, and whoever asks meanwhile waits', limits, async () => {
    const site = makeSite('/run/other', (text) =>
      text.replace('    probe: false\n', '    quietRouter: true\n'),
    )
    const capture = await net.capture('prov0')
    server = await serve(site, '--log', 'json')
    const asked = await capture?.waitFor(
      (frame) => frame[12] === 0x86 && frame[13] === 0xdd && frame[54] === 133,
    )
    assert.equal(asked?.[21], 255, 'hop limit')
    await capture?.stop()
    const discover = decodeDhcp4(vector('P1').bytes)
    assert.ok(discover.ok)
    assert.equal((await wire?.ask({ ...discover.value, xid: 7 }))?.type, 'OFFER')
    assert.deepEqual(solicit(client, { listenMs: 500 }), [])
    assert.equal(solicit(client, { listenMs: 6000 }).length, 1)
    assert.deepEqual(await server.stop(), { code: 0, signal: null })
  })

  test('routers are asked as soon as the interface has checked its own address', limits, async () => {
    const named = ['name', 'late0', 'type', 'veth', 'peer', 'name', 'late1']
    net.run('ip', 'link', 'add', ...named)
    // The kernel's own solicitation would hide that ours is missing.
    for (const name of ['late0', 'late1']) net.run('sysctl', '-qw', `net.ipv6.conf.${name}.forwarding=1`)
    net.run('sysctl', '-qw', 'net.ipv6.conf.late0.accept_dad=1')
    for (const name of ['late1', 'late0']) net.run('ip', 'link', 'set', name, 'up')
    const group = fromHex(ALL_ROUTERS) ?? assert.fail()
    const listener = openIcmpv6Socket({ interface: 'late1', group, types: [ROUTER_SOLICITATION] })
    const nobody = { isBooting: () => false, onAnswered: () => {}, onRouter: () => {} }
    const quiet = openQuietRouter({ interface: 'late0', asksFirst: true, ...nobody })
    assert.ok(listener.ok && quiet.ok)
    assert.match(net.run('ip', '-6', 'addr', 'show', 'dev', 'late0').stdout, /tentative/)
    const heard = await eventually('the question', () => listener.value.receive())
    assert.equal(heard.message[0], ROUTER_SOLICITATION)
    quiet.value.close()
    listener.value.close()
  })
})
