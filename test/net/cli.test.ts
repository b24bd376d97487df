import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { inNetns } from '../helpers/netns.ts'
import {
  centra,
  endAll,
  eventually,
  makeSite,
  missing,
  type Running,
  serve,
  startCentra,
} from '../helpers/server.ts'
import { clientMessage, Wire } from '../helpers/wire.ts'

const NODE01 = '52:54:00:77:00:01'
const STRANGERS = ['52:54:00:99:00:01', '00:00:5e:00:53:01', '12:34:56:99:00:01']
const CAPTURE = new URL('../fixtures/pcap/client-udhcpc.pcap', import.meta.url).pathname
const options = { timeout: 60_000, skip: missing('tcpdump') }
const COMMANDS = [
  ...['init', 'serve', 'validate', 'explain', 'leases', 'nodes', 'events', 'status', 'reload'],
  ...['probe', 'firmware', 'lab', 'schema', 'node'],
]

inNetns(import.meta, (net) => {
  const client = net.host('client')
  net.veth(
    { name: 'prov0', address: '10.77.0.1/24' },
    { name: 'eth0', address: '10.77.0.50/24', host: client },
  )
  const site = makeSite('/run/site')
  const config = ['--config', site.config] as const
  let server: Running
  let follower: Running

  test('validate: silent and 0; every error at once, with line and column, and 78', options, async () => {
    assert.deepEqual(await centra('validate', site.config), { code: 0, stdout: '', stderr: '' })
    const json = await centra('validate', site.config, '--json')
    assert.deepEqual([json.code, JSON.parse(json.stdout)], [0, { valid: true, problems: [] }])

    const broken = makeSite('/run/broken', (text) =>
      text
        .replace('dhcp: server', 'dhcp: sevrer')
        .replace('10.77.0.11', '10.99.0.11')
        .replace('profile: worker', 'profile: wroker')
        .replace('timeout: 30s', 'timeout: soon')
        .replace('stateDir:', 'stateDri:')
        .replace('./images/vmlinuz', './images/missing'),
    )
    const { code, stdout } = await centra('validate', broken.config)
    assert.equal(code, 78)
    for (const [text, path] of [
      ['dhcp: sevrer', 'networks[0].dhcp'],
      ['address: 10.99.0.11', 'nodes[0].address'],
      ['profile: wroker', 'nodes[1].profile'],
      ['timeout: soon', 'menu.timeout'],
      ['stateDri:', 'server'],
    ] as const) {
      const line =
        readFileSync(broken.config, 'utf8')
          .split('\n')
          .findIndex((row) => row.includes(text)) + 1
      const row = stdout
        .split('\n')
        .find((candidate) => candidate.startsWith(`/run/broken/lab.yaml:${line}:`))
      assert.match(
        row ?? '',
        new RegExp(`^/run/broken/lab\\.yaml:${line}:\\d+: ${path.replace(/[[\].]/g, '\\$&')}.*: .+`),
        stdout,
      )
    }
    const asJson = await centra('validate', broken.config, '--json')
    assert.equal(asJson.code, 78)
    const { valid, problems } = JSON.parse(asJson.stdout)
    assert.equal(valid, false)
    assert.equal(problems.length, stdout.trim().split('\n').length)

    for (const [name, text] of [
      ['empty', ''],
      ['list', '- 1\n'],
      ['not YAML', 'a: [1\nb: "\n'],
      ['binary', '\u0000\u0001'],
    ] as const) {
      writeFileSync('/run/odd.yaml', text)
      const odd = await centra('validate', '/run/odd.yaml')
      assert.equal(odd.code, 78, name)
      assert.match(odd.stdout, /^\/run\/odd\.yaml:\d+:\d+: /, name)
    }
    for (const path of ['/run/nowhere.yaml', '/run']) {
      const none = await centra('validate', path)
      assert.equal(none.code, 78)
      assert.ok(none.stdout.startsWith(`${path}:1:1: `), none.stdout)
    }
    const served = await centra('serve', '--config', broken.config)
    assert.equal(served.code, 78)
    assert.match(served.stderr, /networks\[0\]\.dhcp/)
    assert.match(served.stderr, /menu\.timeout/)
  })

  test('a missing image file is an error with its place', options, async () => {
    const bare = makeSite('/run/bare', (text) => text.replace('./images/vmlinuz', './images/missing'))
    const { code, stdout } = await centra('validate', bare.config)
    assert.equal(code, 78)
    assert.match(
      stdout,
      /lab\.yaml:\d+:\d+: images\.debian-live\.kernel: there is no readable file \/run\/bare\/images\/missing/,
    )
  })

  test('before any server ran: empty answers, exit 0, and no state directory is made', options, async () => {
    for (const command of ['leases', 'nodes', 'events']) {
      const { code, stdout, stderr } = await centra(command, ...config, '--json')
      assert.equal(code, 0, stderr)
      if (command !== 'events') assert.ok(Array.isArray(JSON.parse(stdout)))
      assert.match(stderr, /no server has run/)
    }
    for (const command of ['status', 'reload']) assert.equal((await centra(command, ...config)).code, 1)
    assert.equal(net.run('ls', site.stateDir).code, 2)
  })

  test('explain: the rules, their sources and the answer, without a server', options, async () => {
    const explain = (...args: readonly string[]): ReturnType<typeof centra> =>
      centra('explain', ...config, ...args)
    const uefi = await explain('--mac', NODE01, '--arch', 'uefi-x64')
    assert.equal(uefi.code, 0, uefi.stderr)
    assert.equal(uefi.stderr, '')
    for (const word of [
      /node\.match/,
      /node01/,
      /lab\.yaml:\d+/,
      /loader\.select/,
      /snponly\.efi/,
      /10\.77\.0\.11/,
    ])
      assert.match(uefi.stdout, word)
    const http = await explain('--mac', '52-54-00-77-00-02', '--via', 'http', '--json')
    assert.equal(http.code, 0)
    const explained = JSON.parse(http.stdout)
    assert.equal(explained.node, 'node02')
    assert.ok(explained.steps.length > 2)
    const script = await explain('--mac', NODE01, '--script')
    assert.match(script.stdout, /^#!ipxe\n/)
    assert.match((await explain('--mac', NODE01, '--script', 'grub')).stdout, /linux|linuxefi/)
    assert.match((await explain('--mac', STRANGERS[0] ?? '', '--script')).stdout, /^menu /m)
    const renewing = await explain(
      '--mac',
      STRANGERS[0] ?? '',
      '--message',
      'request',
      '--ciaddr',
      '10.77.0.150',
    )
    assert.match(renewing.stdout, /^reply {5}ACK 10\.77\.0\.150, unicast to 10\.77\.0\.150$/m)
    const pcap = await explain('--pcap', CAPTURE, '--json')
    assert.deepEqual(
      JSON.parse(pcap.stdout).map(({ packet }: { readonly packet: number }) => packet),
      [1, 3, 5, 7],
    )
    assert.match((await explain('--pcap', CAPTURE, '--mac', NODE01)).stderr, /nobody asks/)
    assert.match((await explain('--pcap', site.config)).stderr, /is no pcap file/)
    for (const args of [
      ['--mac', NODE01, '--message', 'hello'],
      ['--mac', NODE01, '--giaddr', '10.1'],
      ['--mac', NODE01, '--client-id', 'xyz'],
      ['--mac', NODE01, '--port', '69'],
      ['--mac', 'nonsense'],
      ['--mac', NODE01, '--arch', 'z80'],
      ['--mac', NODE01, '--via', 'smoke'],
      ['--mac', NODE01, '--network', 'none'],
      ['--mac', NODE01, '--stage', 'x'],
      [],
    ])
      assert.equal((await explain(...args)).code, 2, args.join(' '))
  })

  test(
    'usage errors exit 2 with talk on stderr; --help of every command exits 0 on stdout',
    options,
    async () => {
      const wrong = [
        [],
        ['nonsense'],
        ['serve'],
        ['validate'],
        ['leases', ...config, '--nonsense'],
        ['leases', ...config, 'extra'],
        ['validate', site.config, 'extra'],
        ['events', ...config, '--limit', 'x'],
        ['serve', ...config, '--log', 'xml'],
      ]
      for (const { args, code, stdout, stderr } of await Promise.all(
        wrong.map(async (args) => ({ args, ...(await centra(...args)) })),
      )) {
        assert.equal(code, 2, args.join(' '))
        assert.equal(stdout, '', args.join(' '))
        assert.notEqual(stderr, '', args.join(' '))
      }
      const helps = [['--help'], ['help'], ...COMMANDS.map((command) => [command, '--help'])]
      const told = await Promise.all(helps.map(async (args) => ({ args, ...(await centra(...args)) })))
      for (const { args, code, stdout, stderr } of told) {
        assert.equal(code, 0, args.join(' '))
        assert.match(stdout, /Usage: centra-pxe/)
        assert.equal(stderr, '')
      }
      assert.match((await centra('--version')).stdout, /^\d+\.\d+\.\d+\n$/)
      assert.equal((await centra('leases', '--config', '/run/nowhere.yaml')).code, 78)
    },
  )

  test(
    'events --follow waits for a server, goes on when it comes, ends with it, and waits again',
    options,
    async () => {
      follower = startCentra('events', ...config, '--follow', '--json')
      await follower.stderrMatch(/waiting for it/)
      server = await serve(site)
      const wire = await Wire.open(client, 'eth0')
      assert.ok(wire)
      for (const mac of [NODE01, ...STRANGERS]) {
        const offer = await wire.ask(clientMessage('DISCOVER', mac))
        const address = formatIpv4(offer.message.yiaddr)
        await wire.ask(clientMessage('REQUEST', mac, { address, server: '10.77.0.1' }))
      }
      await wire.close()
      await follower.stdoutMatch(new RegExp(`"mac":"${STRANGERS.at(-1)}".*"kind":"dhcp\\.ack"`))
      const events = follower.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      assert.deepEqual(
        events.map(({ kind }) => kind).filter((kind) => kind.startsWith('server') || kind === 'network.up'),
        ['network.up', 'server.started'],
      )
      assert.deepEqual(
        // A busy machine answers late, and the client asks again.
        [...new Set(events.filter(({ mac }) => mac === NODE01).map(({ kind }) => kind))],
        ['dhcp.discover', 'dhcp.offer', 'dhcp.request', 'dhcp.ack'],
      )
      assert.deepEqual(
        events.map(({ id }) => id),
        events.map((_, i) => i + 1),
        'each once, in order',
      )
    },
  )

  test('after kill -9 a follower misses nothing of the next server', options, async () => {
    const before = follower.stdout.length
    await eventually('what came last is on disk', async () => {
      const { stdout } = await centra('nodes', '--seen', ...config, '--json')
      return JSON.parse(stdout).length === STRANGERS.length ? true : undefined
    })
    await server.stop('SIGKILL')
    server = await serve(site)
    await follower.stdoutMatch(/"kind":"server\.started"/, before)
    await follower.stdoutMatch(/"kind":"network\.up"/, before)
    const ids = follower.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).id)
    assert.equal(new Set(ids).size, ids.length, 'no id twice')
  })

  for (const state of ['running', 'stopped'] as const)
    test(`leases, nodes and events of a ${state} server`, options, async () => {
      if (state === 'stopped') {
        const before = follower.stdout.length
        assert.deepEqual(await server.stop(), { code: 0, signal: null })
        await follower.stdoutMatch(/"kind":"server\.stopped"/, before)
        assert.deepEqual((await follower.stop('SIGINT')).signal, 'SIGINT')
      }
      const leases = await centra('leases', ...config, '--json')
      const shown: readonly Readonly<Record<string, string>>[] = JSON.parse(leases.stdout)
      assert.equal(shown.length, 1 + STRANGERS.length)
      const [first] = shown
      assert.deepEqual(
        [first?.['address'], first?.['mac'], first?.['node'], first?.['state']],
        ['10.77.0.11', NODE01, 'node01', 'bound'],
      )
      const table = await centra('leases', ...config)
      assert.match(table.stdout, /^ADDRESS +MAC +NODE/)
      assert.equal(table.stdout.trim().split('\n').length, 2 + STRANGERS.length)
      assert.equal(table.stderr, '')

      const nodes = await centra('nodes', ...config, '--json')
      assert.deepEqual(
        JSON.parse(nodes.stdout).map(({ name }: { name: string }) => name),
        ['node01', 'node02'],
      )
      assert.match((await centra('nodes', ...config)).stdout, /^node01 .*10\.77\.0\.11/m)

      const events = await centra('events', ...config, '--json')
      const kinds = events.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).kind)
      assert.ok(kinds.includes('dhcp.ack'), events.stdout)
      assert.equal(
        (await centra('events', ...config, '--json', '--limit', '2')).stdout.trim().split('\n').length,
        2,
      )
      assert.match((await centra('events', ...config)).stdout, /ACK 10\.77\.0\.11/)
      const cut = net.run('sh', '-c', `${startCommand()} events --config ${site.config} | head -n 1`)
      assert.deepEqual([cut.code, cut.stderr], [0, ''])
    })

  test('nodes --seen prints YAML that can be pasted below nodes: as it stands', options, async () => {
    const { code, stdout } = await centra('nodes', '--seen', ...config)
    assert.equal(code, 0)
    const list: readonly { readonly name: string; readonly mac: string }[] = parse(stdout)
    assert.deepEqual(list.map(({ mac }) => mac).sort(), [...STRANGERS].sort())
    assert.equal(new Set(list.map(({ name }) => name)).size, list.length, 'names differ')
    mkdirSync('/run/pasted')
    const pasted = makeSite('/run/pasted', (text) => text.replace('\nmenu:', `\n${stdout}\nmenu:`))
    assert.deepEqual(await centra('validate', pasted.config), { code: 0, stdout: '', stderr: '' })
    const known = await centra('nodes', '--config', pasted.config, '--json')
    assert.equal(JSON.parse(known.stdout).length, 2 + STRANGERS.length)
    const json = await centra('nodes', '--seen', ...config, '--json')
    assert.equal(JSON.parse(json.stdout).length, STRANGERS.length)
    await endAll()
  })
})

function startCommand(): string {
  return new URL('../../bin/centra-pxe', import.meta.url).pathname
}
