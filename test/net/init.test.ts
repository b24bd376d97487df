import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, test } from 'node:test'
import { parse } from 'yaml'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import type { DhcpMessage } from '../../src/protocol/dhcp4/message.ts'
import { wantsBroadcast } from '../../src/protocol/dhcp4/message.ts'
import { messageType, serverIdentifier } from '../../src/protocol/dhcp4/options.ts'
import { parseEthernetUdp } from '../../src/protocol/frame/ipv4-udp.ts'
import { peerEnvironment, unpackPeer } from '../helpers/debian-peer.ts'
import { type Capture, inNetns } from '../helpers/netns.ts'
import { CENTRA_PXE, centra, endAll, eventually, makeSite, missing, Running } from '../helpers/server.ts'

const options = { timeout: 90_000 }
const OUT = '/run/centra-pxe.yaml'
const ENTER = '\r'
const CTRL_C = '\x03'
const CTRL_D = '\x04'
// Outside the namespaces this downloads what is missing; inside, it finds it in the cache.
const dnsmasq = await unpackPeer('dnsmasq-base')

inNetns(import.meta, (net) => {
  const quiet = net.host('quiet')
  const centraHost = net.host('centra')
  const dnsmasqHost = net.host('dnsmasq')
  net.veth(
    { name: 'lan0', address: '10.77.0.1/24', mac: '52:54:00:aa:00:01' },
    { name: 'eth0', address: '10.77.0.7/24', host: quiet },
  )
  net.veth(
    { name: 'lan1', address: '10.78.0.1/24' },
    { name: 'prov0', address: '10.78.0.254/24', host: centraHost },
  )
  net.veth(
    { name: 'lan2', address: '10.79.0.10/24' },
    { name: 'eth0', address: '10.79.0.1/24', host: dnsmasqHost },
  )
  writeFileSync('/run/vmlinuz', 'kernel')
  writeFileSync('/run/initrd.img', 'initrd')
  const onlyWire = ['--out', OUT] as const

  afterEach(async () => {
    rmSync(OUT, { force: true })
    await endAll()
  })

  test('nobody answers: dhcp: server with a pool of free addresses, and only a DISCOVER was sent', {
    ...options,
    skip: missing('tcpdump'),
  }, async () => {
    const capture = await quiet.capture('eth0')
    assert.ok(capture)
    quiet.run('ping', '-c1', '-W1', '10.77.0.1')
    const { code, stdout, stderr } = await centra('init', '--interface', 'lan0', ...onlyWire)
    assert.deepEqual([code, stdout], [0, ''], stderr)
    await capture.stop()

    const text = readFileSync(OUT, 'utf8')
    assert.match(text, /^# yaml-language-server: \$schema=/)
    const [network] = parse(text).networks
    assert.deepEqual(network, {
      name: 'provisioning',
      interface: 'lan0',
      subnet: '10.77.0.0/24',
      dhcp: 'server',
      pool: '10.77.0.128-10.77.0.227',
    })
    assert.match(stderr, /warning: dhcp: server makes this machine the DHCP server of 10\.77\.0\.0\/24/)
    assert.match(stderr, /centra-pxe validate \/run\/centra-pxe\.yaml/)
    assert.deepEqual(await validated(), [0, ''])

    const sent = sentBy(capture)
    assert.ok(sent.length > 0)
    for (const { message, source, sourcePort } of sent) {
      assert.deepEqual([messageType(message), source, sourcePort], ['DISCOVER', 0, 68])
      assert.ok(wantsBroadcast(message))
    }
    assert.equal(new Set(sent.map(({ message }) => message.xid)).size, 2, 'a plain one, and one as firmware')
  })

  test(
    'a server answers: dhcp: observe, and the file names it and says why not server',
    options,
    async () => {
      const site = makeSite('/run/peer', (text) =>
        text.replaceAll('10.77.0.', '10.78.0.').replaceAll('10.78.0.1\n', '10.78.0.254\n'),
      )
      const peer = new Running(centraHost.spawn(CENTRA_PXE, ['serve', '--config', site.config]))
      await peer.stderrMatch(/^ready .*$/m)
      const { code, stderr } = await centra('init', '--interface', 'lan1', ...onlyWire)
      assert.equal(code, 0, stderr)
      const text = readFileSync(OUT, 'utf8')
      const [network] = parse(text).networks
      assert.deepEqual(network, {
        name: 'provisioning',
        interface: 'lan1',
        subnet: '10.78.0.0/24',
        dhcp: 'observe',
      })
      const prose = text.replaceAll(/\n *# /g, ' ')
      assert.match(prose, /10\.78\.0\.254 answered DHCP on this network\./)
      assert.match(prose, /proxy adds where to boot from and leaves addresses to 10\.78\.0\.254/)
      assert.match(prose, /server would fight 10\.78\.0\.254/)
      assert.deepEqual(await validated(), [0, ''])

      // We are the stranger that the other server saw: its YAML goes below nodes: as it stands.
      const seen = await eventually('the other server has seen us', async () => {
        const { stdout } = await centra('nodes', '--seen', '--config', site.config)
        return stdout === '' ? undefined : stdout
      })
      writeFileSync(OUT, text.replace('\n#nodes:\n', `\nnodes:\n${seen}`))
      assert.equal(parse(readFileSync(OUT, 'utf8')).nodes.length, 1)
      assert.deepEqual(await validated(), [0, ''])

      // The operator decides, and is told what that means.
      const anyway = await centra('init', '--interface', 'lan1', '--dhcp', 'server', '--force', ...onlyWire)
      assert.equal(anyway.code, 0)
      assert.match(anyway.stderr, /warning: dhcp: server, although 10\.78\.0\.254 answers DHCP there/)
      assert.equal(parse(readFileSync(OUT, 'utf8')).networks[0].dhcp, 'server')
      assert.deepEqual(await validated(), [0, ''])
    },
  )

  test('a server is heard although a DHCP client has port 68', {
    ...options,
    skip: missing('dhclient'),
  }, async () => {
    const site = makeSite('/run/peer2', (text) =>
      text.replaceAll('10.77.0.', '10.78.0.').replaceAll('10.78.0.1\n', '10.78.0.254\n'),
    )
    const peer = new Running(centraHost.spawn(CENTRA_PXE, ['serve', '--config', site.config]))
    await peer.stderrMatch(/^ready .*$/m)
    writeFileSync('/run/apply', '#!/bin/sh\necho "$reason" >> /run/applied\n', { mode: 0o755 })
    const files = ['-lf', '/run/dhclient.leases', '-pf', '/run/dhclient.pid']
    const dhclient = new Running(
      net.spawn('dhclient', ['-4', '-d', '-cf', '/dev/null', '-sf', '/run/apply', ...files, 'lan1']),
    )
    await dhclient.stderrMatch(/bound to 10\.78\.0\./)
    assert.match(readFileSync('/proc/net/udp', 'utf8'), /:0044 /, 'dhclient has port 68')
    const { code, stdout } = await centra('init', '--interface', 'lan1', '--json')
    assert.equal(code, 0)
    assert.deepEqual(
      JSON.parse(stdout).dhcpServers.map(({ address }: { address: string }) => address),
      ['10.78.0.254'],
    )
    assert.ok(!existsSync(OUT))
  })

  test('a server of another subnet is heard where rp_filter drops its packets', options, async () => {
    const site = makeSite('/run/foreign', (text) =>
      text.replaceAll('10.77.0.', '172.30.0.').replaceAll('172.30.0.1\n', '172.30.0.254\n'),
    )
    centraHost.run('ip', 'address', 'flush', 'dev', 'prov0')
    centraHost.run('ip', 'address', 'add', '172.30.0.254/24', 'brd', '+', 'dev', 'prov0')
    const strict = net.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter')
    assert.equal(strict.code, 0, strict.stderr)
    const peer = new Running(centraHost.spawn(CENTRA_PXE, ['serve', '--config', site.config]))
    await peer.stderrMatch(/^ready .*$/m)
    const { stdout } = await centra('init', '--interface', 'lan1', '--json')
    const [heard] = JSON.parse(stdout).dhcpServers
    assert.equal(heard?.address, '172.30.0.254')
  })

  test('dnsmasq is heard, which pings for three seconds before it offers', {
    ...options,
    skip: 'why' in dnsmasq ? `dnsmasq cannot be unpacked: ${dnsmasq.why}` : false,
  }, async () => {
    assert.ok('tree' in dnsmasq)
    const program = path.join(dnsmasq.tree, 'usr/sbin/dnsmasq')
    const args = ['--no-daemon', '--conf-file=/dev/null', '--user=root', '--port=0', '--log-dhcp']
    const pool = ['--dhcp-range=10.79.0.50,10.79.0.99', '--dhcp-leasefile=/run/dnsmasq.leases']
    const peer = new Running(
      dnsmasqHost.spawn('env', [
        peerEnvironment(dnsmasq.tree),
        program,
        ...args,
        ...pool,
        '--interface=eth0',
      ]),
    )
    await peer.stderrMatch(/DHCP, IP range/)
    const { code, stdout, stderr } = await centra('init', '--interface', 'lan2', '--json')
    assert.equal(code, 0, stderr)
    const { dhcpServers, listened, proposal } = JSON.parse(stdout)
    assert.deepEqual(listened.interfaces, ['lan2'])
    const [heard] = dhcpServers
    assert.match(heard?.offered ?? '', /^10\.79\.0\.[5-9][0-9]$/, peer.stderr)
    assert.deepEqual([heard.interface, heard.address, heard.kind], ['lan2', '10.79.0.1', 'dhcp'])
    assert.deepEqual([proposal.dhcp, proposal.router], ['observe', '10.79.0.1'])
    assert.doesNotMatch(peer.stderr, /DHCPREQUEST|DHCPACK/)
  })

  test('flags decide everything, and nothing is sent or asked', options, async () => {
    const flags = [
      ...['--interface', 'eth9', '--subnet', '10.9.0.0/24', '--address', '10.9.0.1', '--dhcp', 'server'],
      ...['--pool', '10.9.0.50-10.9.0.60', '--router', '10.9.0.1', '--dns', '10.9.0.2', '10.9.0.3'],
      ...['--kernel', '/run/vmlinuz', '--initrd', '/run/initrd.img', '--state-dir', '/run/state'],
    ]
    const { code, stdout, stderr } = await centra('init', '--no-probe', '--yes', ...flags, ...onlyWire)
    assert.deepEqual([code, stdout], [0, ''], stderr)
    assert.match(stderr, /there is no interface eth9 on this machine now/)
    const { networks, images, profiles, server } = parse(readFileSync(OUT, 'utf8'))
    assert.deepEqual(networks, [
      {
        name: 'provisioning',
        interface: 'eth9',
        subnet: '10.9.0.0/24',
        address: '10.9.0.1',
        dhcp: 'server',
        pool: '10.9.0.50-10.9.0.60',
        router: '10.9.0.1',
        dns: ['10.9.0.2', '10.9.0.3'],
      },
    ])
    assert.deepEqual(images, { linux: { kernel: '/run/vmlinuz', initrd: '/run/initrd.img' } })
    assert.deepEqual(profiles.worker, { image: 'linux' })
    assert.deepEqual(server, { stateDir: '/run/state' })
    assert.deepEqual(await validated(), [0, ''])

    const printed = await centra('init', '--no-probe', '--yes', ...flags, '--out', '-')
    assert.deepEqual([printed.code, printed.stdout], [0, readFileSync(OUT, 'utf8')])
    const again = await centra('init', '--no-probe', '--yes', ...flags, ...onlyWire)
    assert.equal(again.code, 2)
    assert.match(again.stderr, /exists; --force overwrites it/)
  })

  test('wrong use is 2, and writes nothing', options, async () => {
    const wrong = [
      ['--subnet', '10.9.0.0'],
      ['--subnet', '10.9.0.0/31'],
      ['--pool', '10.9.0.9-10.9.0.1'],
      ['--pool', '10.99.0.1-10.99.0.9'],
      ['--address', '10.99.0.1'],
      ['--router', '10.77.0.255'],
      ['--dns', '10.77.0.1', 'x'],
      ['--dhcp', 'proxy'],
      ['--interface', 'a/b'],
      ['--kernel', 'my kernel'],
      ['--initrd', 'initrd.img'],
      ['--kernel', 'a/same', '--initrd', 'b/same'],
      ['--state-dir', ''],
      ['--out', '/run/nowhere/x.yaml'],
    ]
    const told = wrong.map(async (flags) => ({
      flags: flags.join(' '),
      ...(await centra('init', '--no-probe', '--yes', ...onlyWire, ...flags)),
    }))
    for (const { flags, code, stdout, stderr } of await Promise.all(told))
      assert.deepEqual([code, stdout], [2, ''], `${flags}: ${stderr}`)
    assert.ok(!existsSync(OUT))
  })

  test('without the right to look it says so, and proposes no server', {
    ...options,
    skip: missing('setpriv'),
  }, async () => {
    const drop = ['--bounding-set=-net_raw,-net_bind_service', '--inh-caps=-net_raw,-net_bind_service']
    const running = new Running(
      net.spawn('setpriv', [...drop, CENTRA_PXE, 'init', '--interface', 'lan0', ...onlyWire]),
    )
    assert.equal((await running.exited).code, 0, running.stderr)
    assert.match(running.stderr, /did not look for DHCP servers: .*root/)
    assert.equal(parse(readFileSync(OUT, 'utf8')).networks[0].dhcp, 'observe')
    assert.deepEqual(await validated(), [0, ''])
  })

  test('the default route: proposed only where nothing else is, and never as server', options, async () => {
    net.run('ip', 'route', 'add', 'default', 'via', '10.77.0.7', 'dev', 'lan0')
    const [any, chosen] = await Promise.all([
      centra('init', '--json'),
      centra('init', '--interface', 'lan0', '--json'),
    ])
    const { proposal, interfaces } = JSON.parse(any.stdout)
    assert.deepEqual(
      interfaces
        .filter(({ defaultRoute }: { defaultRoute: boolean }) => defaultRoute)
        .map(({ name, gateway }: { name: string; gateway: string }) => `${name} ${gateway}`),
      ['lan0 10.77.0.7'],
    )
    assert.notEqual(proposal.interface, 'lan0')
    const { dhcp, warnings, router } = JSON.parse(chosen.stdout).proposal
    assert.deepEqual([dhcp, router], ['observe', '10.77.0.7'])
    assert.match(warnings[0], /lan0 carries the default route/)
    net.run('ip', 'route', 'del', 'default')
  })

  test('at a terminal: Enter takes what is proposed, and what is wrong is asked again', {
    ...options,
    skip: missing('script'),
  }, async () => {
    const terminal = atTerminal('init', ...onlyWire)
    await terminal.answer(/Interface that machines boot from \[lan0\]: /, `nonsense${ENTER}`)
    await terminal.answer(/there is no interface nonsense[\s\S]*\[lan0\]: /, ENTER)
    await terminal.answer(/DHCP \[server\]: /, ENTER)
    await terminal.answer(/Pool .*\[10\.77\.0\.128-10\.77\.0\.227\]: /, `10.0.0.1${ENTER}`)
    await terminal.answer(/the pool is not inside 10\.77\.0\.0\/24[\s\S]*Pool .*\]: /, ENTER)
    await terminal.answer(/Kernel .*\[none\]: /, `/run/vmlinux${ENTER}`)
    await terminal.answer(/there is no file \/run\/vmlinux\s+Kernel .*\[none\]: /, `/run/vmlinuz${ENTER}`)
    await terminal.answer(/initrd.*\[none\]: /, ENTER)
    assert.deepEqual(await terminal.running.exited, { code: 0, signal: null }, terminal.running.stdout)
    const { networks, images } = parse(readFileSync(OUT, 'utf8'))
    assert.deepEqual([networks[0].interface, networks[0].dhcp], ['lan0', 'server'])
    assert.deepEqual(images, { linux: { kernel: '/run/vmlinuz' } })
    assert.deepEqual(await validated(), [0, ''])
  })

  for (const [name, key] of [
    ['Ctrl-C', CTRL_C],
    ['Ctrl-D', CTRL_D],
  ] as const)
    test(`${name} at a question: exit 1, nothing is written`, {
      ...options,
      skip: missing('script'),
    }, async () => {
      const terminal = atTerminal('init', '--no-probe', ...onlyWire)
      await terminal.answer(/Interface .*: /, ENTER)
      await terminal.answer(/DHCP \[observe\]: /, key)
      assert.equal((await terminal.running.exited).code, 1)
      assert.match(terminal.running.stdout, /nothing was written/)
      assert.ok(!existsSync(OUT))
    })
})

async function validated(): Promise<readonly unknown[]> {
  const { code, stdout } = await centra('validate', OUT)
  return [code, stdout]
}

interface Sent {
  readonly message: DhcpMessage
  readonly source: number
  readonly sourcePort: number
}

/** What a capture saw on its way to DHCP servers, but for answers. */
function sentBy({ frames }: Capture): readonly Sent[] {
  return frames.flatMap((frame) => {
    const udp = parseEthernetUdp(frame)
    if (!udp.ok || udp.value.destinationPort !== 67) return []
    const message = decodeDhcp4(udp.value.payload)
    assert.ok(message.ok)
    assert.equal(serverIdentifier(message.value), undefined)
    return [{ message: message.value, source: udp.value.source, sourcePort: udp.value.sourcePort }]
  })
}

interface Terminal {
  readonly running: Running
  /** Waits for a prompt behind all that was answered before, and types. */
  answer(prompt: RegExp, keys: string): Promise<void>
}

/** The command on a pseudo-terminal, by script(1); its exit code is the command's. */
function atTerminal(...args: readonly string[]): Terminal {
  const command = [CENTRA_PXE, ...args].join(' ')
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, TERM: 'dumb', SHELL: '/bin/sh' },
  })
  const running = new Running(child)
  let seen = 0
  return {
    running,
    async answer(prompt, keys) {
      const match = await running.stdoutMatch(prompt, seen)
      seen += match.index + match[0].length
      child.stdin.write(keys)
    },
  }
}
