import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { afterEach, test } from 'node:test'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { inNetns } from '../helpers/netns.ts'
import {
  CENTRA_PXE,
  centra,
  endAll,
  eventually,
  makeSite,
  missing,
  Running,
  type Site,
  serve,
  startCentra,
} from '../helpers/server.ts'
import { clientMessage, Wire } from '../helpers/wire.ts'

const options = { timeout: 60_000, skip: missing('curl', 'tcpdump', 'busybox') }
const OPERATOR = 'http://127.0.0.1:8081/health'
const LISTENER = new URL('../helpers/udp-listener.ts', import.meta.url).pathname
const READY =
  /^ready udp 0\.0\.0\.0%prov0:67, udp 10\.77\.0\.1%prov0:4011, udp 10\.77\.0\.1%prov0:69, tcp 10\.77\.0\.1:8080$/m

inNetns(import.meta, (net) => {
  const client = net.host('client')
  const plug = (): void => {
    net.veth(
      { name: 'prov0', address: '10.77.0.1/24' },
      { name: 'eth0', address: '10.77.0.50/24', host: client },
    )
  }
  plug()
  afterEach(endAll)
  let sites = 0
  const freshSite = (change?: (text: string) => string): Site => {
    sites += 1
    return makeSite(`/run/site${sites}`, change)
  }
  const health = (): readonly [number, Readonly<Record<string, unknown>>] => {
    const { stdout } = net.run('curl', '-s', '--max-time', '5', '-w', '\n%{http_code}', OPERATOR)
    const [body = '', code] = stdout.split('\n').filter((line) => line !== '')
    return [Number(code), body.startsWith('{') ? JSON.parse(body) : {}]
  }
  const get = (path: string): string =>
    client.run('curl', '-s', '--max-time', '5', `http://10.77.0.1:8080${path}`).stdout
  const offered = async (mac = '52:54:00:77:00:01'): Promise<string> => {
    const wire = await Wire.open(client, 'eth0')
    assert.ok(wire)
    const { message } = await wire.ask(clientMessage('DISCOVER', mac))
    await wire.close()
    return formatIpv4(message.yiaddr)
  }

  test('ready names the sockets that are open; SIGTERM and SIGINT end it with 0', options, async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const server = startCentra('serve', '--config', freshSite().config)
      await server.stderrMatch(READY)
      const udp = net.run('busybox', 'netstat', '-lnu').stdout
      for (const socket of ['0.0.0.0:67', '10.77.0.1:69']) assert.ok(udp.includes(`${socket} `), udp)
      assert.match(net.run('busybox', 'netstat', '-lnt').stdout, /10\.77\.0\.1:8080 /)
      assert.equal(server.stdout, '')
      assert.equal(server.stderr.match(/^ready /gm)?.length, 1)
      assert.deepEqual(await server.stop(signal), { code: 0, signal: null })
    }
  })

  test('SIGTERM while a large download is under way ends it all the same', options, async () => {
    const site = freshSite()
    truncateSync(`${site.dir}/images/initrd.img`, 60_000_000)
    const server = await serve(site, '--log', 'json')
    const slow = [
      '-s',
      '-o',
      '/run/slow',
      '--limit-rate',
      '1M',
      'http://10.77.0.1:8080/images/debian-live/initrd.img',
    ]
    const downloads = [client.spawn('curl', slow), client.spawn('curl', slow)].map(
      (child) => new Running(child),
    )
    await server.event('http.start', { file: 'initrd.img' })
    await eventually('some of it came', () =>
      existsSync('/run/slow') && statSync('/run/slow').size > 0 ? true : undefined,
    )
    const from = performance.now()
    assert.deepEqual(await server.stop(), { code: 0, signal: null })
    assert.ok(performance.now() - from < 5000, 'the contract: within 5 s')
    for (const download of downloads) await download.stop('SIGKILL')
  })

  test(
    '--state-dir holds after a reload, and the commands find the state there, also beside a broken file',
    options,
    async () => {
      const site = freshSite()
      const elsewhere = `${site.dir}/elsewhere`
      const server = await serve(site, '--log', 'json', '--state-dir', elsewhere)
      server.signal('SIGHUP')
      await server.event('config.reloaded', {})
      assert.doesNotMatch(server.stderr, /takes effect at the next start/)
      assert.equal(existsSync(site.stateDir), false)
      site.rewrite((text) => text.replace('profile: worker', 'profile: wroker'))
      const there = ['--config', site.config, '--state-dir', elsewhere]
      for (const command of ['leases', 'nodes', 'events', 'status']) {
        const { code, stderr } = await centra(command, ...there)
        assert.equal(code, 0, stderr)
        assert.match(stderr, /there is no profile wroker/)
      }
      await server.stop()
    },
  )

  test('an image whose files went away: /health says so, and says when they are back', options, async () => {
    const site = freshSite()
    const server = await serve(site)
    renameSync(`${site.dir}/images/vmlinuz`, `${site.dir}/images/away`)
    await eventually('it is noticed', () => (/vmlinuz is missing/.test(get('/health')) ? true : undefined))
    renameSync(`${site.dir}/images/away`, `${site.dir}/images/vmlinuz`)
    await eventually('it is well again', () => (/"status":"ok"/.test(get('/health')) ? true : undefined))
    await server.stop()
  })

  test('SIGTERM and SIGHUP while it still starts', options, async () => {
    const site = freshSite()
    // Seconds of hashing before the sockets open.
    truncateSync(`${site.dir}/images/initrd.img`, 6_000_000_000)
    const server = startCentra('serve', '--config', site.config)
    await eventually('it has begun', () => (existsSync(`${site.stateDir}/state.db`) ? true : undefined))
    server.signal('SIGHUP')
    assert.equal(server.hasExited, false)
    const { code, signal } = await server.stop()
    assert.deepEqual({ code, signal }, { code: 0, signal: null })
    assert.doesNotMatch(server.stderr, READY)
  })

  test(
    'SIGHUP: a new node counts at once; a broken file is refused with its line, and the old one stays',
    options,
    async () => {
      const site = freshSite()
      const server = await serve(site, '--log', 'json')
      assert.notEqual(await offered('52:54:00:77:00:03'), '10.77.0.13')
      const node03 =
        '  - { name: node03, mac: "52:54:00:77:00:03", address: 10.77.0.13, profile: worker }\n\nmenu:'
      site.rewrite((text) => text.replace('\nmenu:', node03))
      server.signal('SIGHUP')
      await server.event('config.reloaded', { nodes: 3 })
      assert.equal(await offered('52:54:00:77:00:03'), '10.77.0.13')
      assert.match(get('/boot/52-54-00-77-00-03.ipxe'), /centra\.profile=worker/)

      site.rewrite((text) =>
        text.replace('profile: worker', 'profile: wroker').replace('dhcp: server', 'dhcp: srever'),
      )
      server.signal('SIGHUP')
      await server.event('config.rejected')
      assert.match(server.stderr, /lab\.yaml:\d+:\d+: nodes\[1\]\.profile: /)
      assert.match(server.stderr, /lab\.yaml:\d+:\d+: networks\[0\]\.dhcp: /)
      assert.equal(await offered('52:54:00:77:00:03'), '10.77.0.13')
      const refused = await centra('reload', '--config', site.config)
      assert.equal(refused.code, 78)

      site.rewrite((text) => text)
      const from = server.stderr.length
      const reloaded = await centra('reload', '--config', site.config, '--json')
      assert.equal(reloaded.code, 0, reloaded.stderr)
      assert.equal(JSON.parse(reloaded.stdout).reloaded, true)
      await server.event('config.reloaded', { nodes: 2 }, from)
      await server.stop()
    },
  )

  test('SIGHUP changes ports, address and mode of a network that is served', options, async () => {
    const site = freshSite()
    const server = await serve(site, '--log', 'json')
    site.rewrite((text) => text.replace('http: 8080', 'http: 8088').replace('dhcp: server', 'dhcp: off'))
    const from = server.stderr.length
    server.signal('SIGHUP')
    await server.event('network.up', { dhcp: 'off' }, from)
    assert.match(
      client.run('curl', '-s', '--max-time', '5', 'http://10.77.0.1:8088/boot.ipxe').stdout,
      /^#!ipxe/,
    )
    assert.equal(get('/boot.ipxe'), '')
    assert.doesNotMatch(net.run('busybox', 'netstat', '-lnu').stdout, /:67 /)
    await server.stop()
  })

  test(
    'a second server on the same state directory ends with 1 and says why; the first goes on',
    options,
    async () => {
      const site = freshSite()
      const first = await serve(site)
      const { code, stderr } = await centra('serve', '--config', site.config)
      assert.equal(code, 1)
      assert.match(stderr, /^centra-pxe: .*site\d+\/state is in use by another Centra PXE server/m)
      const status = await centra('status', '--json', '--config', site.config)
      assert.equal(JSON.parse(status.stdout).pid, first.pid)
      assert.equal(statSync(`${site.stateDir}/control.sock`).mode & 0o777, 0o660)
      await first.stop()
    },
  )

  for (const { taken, program } of [
    {
      taken: /UDP 0\.0\.0\.0:67 on prov0: another program has this port/,
      program: [process.execPath, LISTENER, '67'],
    },
    {
      taken: /UDP 10\.77\.0\.1:69 on prov0: another program has this port/,
      program: [process.execPath, LISTENER, '69'],
    },
    {
      taken: /TCP 10\.77\.0\.1:8080: another program has this port/,
      program: ['busybox', 'nc', '-l', '-p', '8080'],
    },
    {
      taken: /TCP 127\.0\.0\.1:8081: another program has this port/,
      program: ['busybox', 'nc', '-l', '-p', '8081'],
    },
  ])
    test(`A17: port ${program.at(-1)} taken by another program: exit 1, and which`, options, async () => {
      const [command = '', ...args] = program
      const other = new Running(net.spawn(command, args))
      const port = program.at(-1)
      await eventually('the port is taken', () =>
        net.run('busybox', 'netstat', '-lntu').stdout.includes(`:${port} `) ? true : undefined,
      )
      const { code, stderr } = await centra('serve', '--config', freshSite().config)
      await other.stop('SIGKILL')
      assert.equal(code, 1)
      assert.match(stderr, /^centra-pxe: /m)
      assert.match(stderr, taken)
      assert.match(stderr, new RegExp(`has this port \\([^()]+, pid ${other.pid}\\)`))
      assert.doesNotMatch(stderr, /^ready/m)
    })

  test(
    'A16: an interface that is not there yet: 503 with the reason, then served; away and back; another address',
    options,
    async () => {
      assert.equal(net.run('ip', 'link', 'del', 'prov0').code, 0)
      const site = freshSite((text) => text.replace('    address: 10.77.0.1\n', ''))
      const server = startCentra('serve', '--config', site.config, '--log', 'json')
      await server.event('network.down', { reason: /prov0/ })
      const [status, body] = health()
      assert.equal(status, 503)
      assert.match(JSON.stringify(body), /prov0 is missing/)
      assert.doesNotMatch(server.stderr, /^ready/m)
      plug()
      await server.stderrMatch(READY)
      assert.equal(health()[0], 200)
      assert.equal(await offered(), '10.77.0.11')

      assert.equal(net.run('ip', 'link', 'del', 'prov0').code, 0)
      await eventually('503', () => (health()[0] === 503 ? true : undefined))
      const from = server.stderr.length
      plug()
      await server.event('network.up', {}, from)
      await eventually('200', () => (health()[0] === 200 ? true : undefined))
      assert.equal(await offered(), '10.77.0.11')
      assert.match(get('/boot.ipxe'), /^#!ipxe/)
      assert.equal(
        client.run('curl', '-sf', '--max-time', '5', '-o', '/dev/null', 'tftp://10.77.0.1/snponly.efi').code,
        0,
      )

      const before = server.stderr.length
      for (const args of [
        ['del', '10.77.0.1/24'],
        ['add', '10.77.0.2/24'],
      ])
        net.run('ip', 'addr', ...args, 'dev', 'prov0')
      await server.event('network.up', { address: '10.77.0.2' }, before)
      assert.match(
        client.run('curl', '-s', '--max-time', '5', 'http://10.77.0.2:8080/boot.ipxe').stdout,
        /http:\/\/10\.77\.0\.2:8080/,
      )
      assert.equal(await offered(), '10.77.0.11')
      for (const args of [
        ['del', '10.77.0.2/24'],
        ['add', '10.77.0.1/24'],
      ])
        net.run('ip', 'addr', ...args, 'dev', 'prov0')
      await server.event('network.up', { address: '10.77.0.1' }, before)

      for (const state of ['down', 'up']) client.run('ip', 'link', 'set', 'eth0', state)
      await eventually('200', () => (health()[0] === 200 ? true : undefined))
      assert.equal(await offered(), '10.77.0.11', 'the carrier was away for a moment')
      assert.deepEqual(await server.stop(), { code: 0, signal: null })
    },
  )

  test(
    'an interface made anew within a moment, without IPv6 to number it: new sockets',
    options,
    async () => {
      const site = freshSite()
      const server = await serve(site, '--log', 'json')
      // Below 1280 octets the kernel takes IPv6 away from an interface, and its entry in /proc/net/dev_snmp6 with it.
      const replug = (): void => {
        net.run('ip', 'link', 'del', 'prov0')
        plug()
        net.run('ip', 'link', 'set', 'prov0', 'mtu', '1200')
      }
      const first = server.stderr.length
      replug()
      await server.event('network.up', {}, first)
      const second = server.stderr.length
      replug()
      await server.event('network.up', {}, second)
      assert.equal(await offered(), '10.77.0.11')
      await server.stop()
      net.run('ip', 'link', 'set', 'prov0', 'mtu', '1500')
    },
  )

  test('one network whose port is taken does not keep the others from coming up', options, async () => {
    const second = `  - name: second
    interface: prov1
    subnet: 10.78.0.0/24
    dhcp: off
`
    const site = freshSite((text) =>
      text.replace(
        'networks:\n',
        `networks:\n${second.replaceAll('second', 'first').replaceAll('prov1', 'prov9').replaceAll('78', '79')}${second}`,
      ),
    )
    const server = startCentra('serve', '--config', site.config, '--log', 'json')
    await server.event('network.up', { network: 'provisioning' })
    net.run('ip', 'addr', 'add', '10.79.0.1/32', 'dev', 'lo')
    const holder = createServer().listen(8080, '10.79.0.1')
    await once(holder, 'listening')
    net.veth({ name: 'prov9', address: '10.79.0.1/24' }, { name: 'eth9', host: client })
    await server.event('network.down', { network: 'first', reason: /8080/ })
    net.veth({ name: 'prov1', address: '10.78.0.1/24' }, { name: 'eth1', host: client })
    await server.event('network.up', { network: 'second' })
    const { stderr } = server
    holder.close()
    await server.event('network.up', { network: 'first' })
    await server.stderrMatch(/^ready /m)
    assert.ok((stderr.match(/EADDRINUSE/g) ?? []).length <= 2, 'told once, not once a second')
    await server.stop()
    for (const name of ['prov1', 'prov9']) net.run('ip', 'link', 'del', name)
    net.run('ip', 'addr', 'del', '10.79.0.1/32', 'dev', 'lo')
  })

  test(
    'SIGKILL leaves a control socket that nobody answers; the next start takes its place',
    options,
    async () => {
      const site = freshSite()
      const first = await serve(site)
      await first.stop('SIGKILL')
      assert.ok(existsSync(`${site.stateDir}/control.sock`))
      const asked = await centra('status', '--config', site.config)
      assert.equal(asked.code, 1)
      assert.match(asked.stderr, /no server answers/)
      const second = await serve(site)
      assert.equal(
        JSON.parse((await centra('status', '--json', '--config', site.config)).stdout).pid,
        second.pid,
      )
      assert.deepEqual(await second.stop(), { code: 0, signal: null })
      assert.equal(existsSync(`${site.stateDir}/control.sock`), false, 'a clean end takes the socket away')
    },
  )

  test('stderr that nobody reads any more does not end the server, nor keep it busy', options, async () => {
    const site = freshSite()
    const server = await serve(site)
    server.process.stderr?.destroy()
    assert.equal(await offered(), '10.77.0.11')
    assert.match(get('/boot.ipxe'), /^#!ipxe/)
    const ticks = (): number =>
      Number(net.run('cut', '-d', ' ', '-f', '14', `/proc/${server.pid}/stat`).stdout)
    const before = ticks()
    await offered()
    assert.ok(ticks() - before < 100, 'less than a second of processor time')
    assert.deepEqual(await server.stop(), { code: 0, signal: null })
  })

  test('an older Node alone: one line, exit 78', options, async () => {
    const copy = '/run/copy'
    mkdirSync(`${copy}/bin`, { recursive: true })
    cpSync(CENTRA_PXE, `${copy}/bin/centra-pxe`)
    mkdirSync(`${copy}/path`)
    for (const program of ['sh', 'dirname', 'readlink', 'env'])
      symlinkSync(net.run('sh', '-c', `command -v ${program}`).stdout.trim(), `${copy}/path/${program}`)
    const run = (): ReturnType<typeof net.run> =>
      net.run('env', '-i', `PATH=${copy}/path`, `${copy}/bin/centra-pxe`, 'validate', 'x')
    const none = run()
    assert.equal(none.code, 78)
    assert.match(none.stderr, /^centra-pxe: Node\.js >= 24 is needed; [^\n]*\n$/)
    for (const version of ['v20.20.2', 'v8.0.0', 'nonsense', 'v23.11.0']) {
      writeFileSync(`${copy}/path/node`, `#!/bin/sh\necho ${version}\n`)
      chmodSync(`${copy}/path/node`, 0o755)
      const old = run()
      assert.equal(old.code, 78, version)
      assert.match(old.stderr, /^centra-pxe: Node\.js >= 24 is needed, found [^\n]*\n$/)
      assert.ok(old.stderr.includes(version))
      assert.equal(old.stdout, '')
    }
  })
})
