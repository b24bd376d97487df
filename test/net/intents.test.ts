/**
 * `kill -9` of the real server in every transition of boot intents, before, while and after it is written, and power cuts of
 * the machine in every stage: one intent gives one install at most, and none is used up that no machine tried.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, afterEach, test } from 'node:test'
import { formatTable } from '../../src/lib/text.ts'
import { runs } from '../helpers/counts.ts'
import { DhcpHost } from '../helpers/dhcp-programs.ts'
import { InstallMachine, type Stage } from '../helpers/install-machine.ts'
import { inNetns } from '../helpers/netns.ts'
import { CENTRA_PXE, centra, endAll, makeSite, missing, Running, type Site } from '../helpers/server.ts'

const MAC = '52:54:00:77:00:01'
const SERVER = 'http://10.77.0.1:8080'
const PROGRAM = path.join(import.meta.dirname, 'killed-at.ts')
const TRANSITIONS = [
  ...['asked', 'opened', 'again', 'loading', 'started', 'redeemed', 'report', 'done', 'failed'],
  ...['quarantined', 'released'],
] as const
const POINTS = ['before', 'within', 'after'] as const
/** What the machine does when nobody answers: it asks the same again, or somebody switches it off and on. */
const HABITS = ['starts again', 'asks again'] as const
const PROFILES = ['asks', 'kernel'] as const
const ROUNDS = runs(1, 10)
/** Who starts again is more in danger. */
const HABITS_TRIED = HABITS.slice(0, runs(1, 2))
const options = { timeout: runs(400_000, 3_600_000), skip: missing('nsenter', 'curl', 'busybox') }

type Transition = (typeof TRANSITIONS)[number]
type Profile = (typeof PROFILES)[number]

interface Cell {
  readonly transition: Transition
  readonly point: (typeof POINTS)[number]
  readonly habit: (typeof HABITS)[number]
  readonly profile: Profile
}

inNetns(import.meta, (net) => {
  const client = net.host('client')
  net.veth({ name: 'prov0', address: '10.77.0.1/24' }, { name: 'eth0', mac: MAC, host: client })
  // Not in the tmpfs of the namespace: a sync shall take its time.
  const folder = mkdtempSync(path.join(tmpdir(), 'centra-intents-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  afterEach(endAll)
  const machine = new InstallMachine(client, MAC, { server: SERVER, kernelSize: 70_001 })
  const killAt = path.join(folder, 'kill-at')

  const siteIn = (name: string): Site =>
    makeSite(path.join(folder, name), (text) =>
      text
        .replace('    cmdline: centra.profile=worker\n', `    cmdline: centra.profile=worker\n${INSTALLERS}`)
        .replace('    lease: 1h\n', '    lease: 1h\n    pingCheck: false\n'),
    )

  const start = async (site: Site): Promise<Running> => {
    const serving = [PROGRAM, 'serve', '--config', site.config]
    const env = { ...process.env, CENTRA_KILL_AT: killAt }
    const server = new Running(spawn(process.execPath, serving, { env, stdio: ['ignore', 'pipe', 'pipe'] }))
    await server.stderrMatch(/^ready .*$/m)
    return server
  }

  const getLease = async (): Promise<void> => {
    const card = new DhcpHost(client, 'eth0')
    card.become(MAC)
    assert.equal((await card.udhcpc('-q').exited).code, 0)
  }

  test(`kill -9 in every transition (${ROUNDS} rounds)`, options, async (t) => {
    const site = siteIn('kill')
    let server = await start(site)
    await getLease()
    const control = (what: string, query = ''): { status: number; body: string } => {
      const socket = ['--unix-socket', path.join(site.stateDir, 'control.sock')]
      const url = `http://control/v1/nodes/node01/${what}?${query}`
      const { stdout } = net.run('curl', '-s', '-X', 'POST', '-w', '\n%{http_code}', ...socket, url)
      const at = stdout.lastIndexOf('\n')
      return { status: Number(stdout.slice(at + 1)), body: stdout.slice(0, Math.max(0, at)) }
    }
    const revive = async (): Promise<void> => {
      assert.deepEqual(await server.exited, { code: null, signal: 'SIGKILL' })
      server = await start(site)
    }
    /** As the command does, and once more where no answer came. */
    const command = async (what: string, profile?: string): Promise<void> => {
      const id = `id=${randomBytes(16).toString('hex')}`
      const query = profile === undefined ? id : `${id}&profile=${profile}`
      const first = control(what, query)
      if (first.status === 200) return
      assert.equal(first.status, 0, first.body)
      await revive()
      const second = control(what, query)
      assert.equal(second.status, 200, second.body)
    }
    /** Boots until the machine is at its disk, or has done the last of these stages. */
    const boots = async (habit: Cell['habit'], until?: Stage): Promise<void> => {
      let stage: Stage | 'off' = 'script'
      while (stage !== 'off') {
        const next: Stage | 'off' | undefined = machine.does(stage)
        if (next !== undefined && stage === until) return
        if (next === undefined) {
          await revive()
          if (habit === 'starts again') stage = 'script'
        } else stage = next
      }
    }
    const state = async (): Promise<{
      readonly intent?: object
      readonly attempt?: { redeemed?: object }
    }> => {
      const { stdout } = await centra('node', 'show', 'node01', '--config', site.config, '--json')
      return JSON.parse(stdout)
    }

    const live = async ({ transition, point, habit, profile }: Cell): Promise<string> => {
      await command('release')
      await command('ram')
      machine.begin()
      const arm = (): void => writeFileSync(killAt, `${transition} ${point}`)
      if (transition === 'asked') arm()
      await command('install', profile)
      if (transition === 'quarantined' || transition === 'released') {
        for (let boot = 0; boot < 3; boot += 1) await boots(habit, 'kernel')
        if (transition === 'quarantined') arm()
        await boots(habit)
        assert.match(machine.script, /local disk, quarantined/)
        if (transition === 'released') arm()
        await command('release')
        await boots(habit)
      } else if (transition === 'again') {
        await boots(habit, 'script')
        arm()
        await boots(habit)
      } else if (transition === 'report') {
        await boots(habit, 'kernel')
        arm()
        if (machine.report('initrd').status === 0) await revive()
        await boots(habit)
      } else if (transition === 'failed') {
        await boots(habit, profile === 'asks' ? 'redeem' : 'kernel')
        machine.does('write')
        arm()
        if (machine.report('failed').status === 0) {
          await revive()
          machine.report('failed')
        }
        await boots(habit)
      } else {
        if (transition !== 'asked') arm()
        await boots(habit)
      }
      assert.equal(existsSync(killAt), false, 'it was killed')
      const { intent } = await state()
      assert.ok(machine.writes <= 1, `${machine.writes} installs for one intent`)
      if (intent !== undefined) {
        assert.equal(machine.writes, 0)
        await boots(habit)
        assert.equal(machine.writes, 1, 'what is still asked for is done')
        return 'installed at the next boot'
      }
      assert.ok(machine.tried, 'used up, and no machine tried')
      await boots(habit)
      assert.match(machine.script, /Centra PXE: local disk/)
      return machine.writes === 1 ? '1 install' : 'tried; boots its disk'
    }

    const cells: Cell[] = []
    const outcomes: string[][] = []
    for (const profile of PROFILES)
      for (const transition of TRANSITIONS.filter((one) => isPossible(one, profile)))
        for (const habit of HABITS_TRIED)
          for (const point of POINTS) cells.push({ transition, point, habit, profile })
    const rows = new Map<string, string[]>()
    for (let round = 0; round < ROUNDS; round += 1)
      for (const cell of cells) {
        const { transition, point, habit, profile } = cell
        const outcome = await live(cell).catch((error: unknown) => {
          throw new Error(
            `${profile} ${transition} ${point} ${habit}: ${String(error)}\n${machine.script}\n${server.stderr}`,
            { cause: error },
          )
        })
        const key = [profile === 'asks' ? 'installer' : 'kernel', transition, habit].join(' ')
        rows.set(key, [...(rows.get(key) ?? []), outcome])
      }
    for (const [key, found] of rows) {
      const [who = '', transition = '', ...habit] = key.split(' ')
      const at = POINTS.map((_, i) =>
        [...new Set(found.filter((_f, n) => n % POINTS.length === i))].join(' / '),
      )
      outcomes.push([who, transition, habit.join(' '), ...at])
    }
    const head = ['REDEEMS', 'KILLED IN', 'THE MACHINE', 'BEFORE', 'WHILE', 'AFTER THE WRITE']
    t.diagnostic(
      `${cells.length * ROUNDS} kills, no intent gave two installs, none was used up without a try`,
    )
    for (const row of formatTable([head, ...outcomes]).split('\n')) t.diagnostic(row)
    await server.stop()
  })

  test('the control: an answer before the commit, and kill -9, give two installs', options, async () => {
    const site = siteIn('early')
    const first = await start(site)
    await getLease()
    const asked = await centra('node', 'install', 'node01', '--config', site.config, '--profile', 'asks')
    assert.equal(asked.code, 0, asked.stderr)
    machine.begin()
    writeFileSync(killAt, 'redeemed early')
    const boot = (): void => {
      for (let stage: Stage | 'off' | undefined = 'script'; stage !== 'off' && stage !== undefined; )
        stage = machine.does(stage)
    }
    boot()
    assert.deepEqual(await first.exited, { code: null, signal: 'SIGKILL' })
    const second = await start(site)
    boot()
    assert.equal(machine.writes, 2)
    await second.stop()
  })

  test('a machine whose power is cut in each stage: its history', options, async (t) => {
    const site = siteIn('power')
    const server = await start(site)
    await getLease()
    const at = ['--config', site.config] as const
    const node = async (what: string, ...more: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await centra('node', what, 'node01', ...at, ...more)
      assert.equal(code, 0, stderr)
      return stdout
    }
    /** The power is cut when this stage has been done. */
    const cutAfter = (last: Stage): void => {
      for (let stage: Stage | 'off' | undefined = 'script'; ; ) {
        const next: Stage | 'off' | undefined = machine.does(stage)
        if (stage === last || next === undefined || next === 'off') return
        stage = next
      }
    }
    machine.begin()
    await node('install', '--profile', 'kernel')
    cutAfter('script')
    assert.deepEqual(machine.load('0-999'), { status: 206, octets: 1000, isWhole: true })
    cutAfter('script')
    assert.doesNotMatch(machine.script, /PXE: local disk/, 'the power was cut while it loaded')
    await node('install', '--profile', 'asks')
    cutAfter('script')
    cutAfter('kernel')
    assert.equal(machine.writes, 0)
    cutAfter('redeem')
    cutAfter('script')
    assert.match(machine.script, /local disk, its install was begun/)
    assert.equal(machine.writes, 0, 'the power was cut before it wrote')
    machine.begin()
    await node('install', '--profile', 'asks')
    cutAfter('write')
    cutAfter('script')
    assert.match(machine.script, /local disk/)
    assert.equal(machine.writes, 1)
    machine.begin()
    await node('release')
    await node('install', '--profile', 'asks')
    cutAfter('report')
    assert.equal(machine.writes, 1)
    cutAfter('script')
    assert.match(machine.script, /local disk/)
    const history = await node('history')
    for (const row of history.trimEnd().split('\n')) t.diagnostic(row)
    const what = history
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((row) => row.split(/ +/)[2])
    assert.deepEqual(what, [
      ...['asked', 'opened', 'loading', 'again', 'replaced'],
      ...['asked', 'opened', 'again', 'loading', 'started', 'again', 'loading', 'started', 'redeemed'],
      ...['asked', 'opened', 'loading', 'started', 'redeemed'],
      ...['released', 'asked', 'opened', 'loading', 'started', 'redeemed', 'done'],
    ])
    await server.stop()
    assert.equal(await node('history'), history, 'of a stopped server as well')
  })

  test(
    'over TFTP: a request alone and a part of the file use nothing up; the last window does',
    options,
    async () => {
      const site = siteIn('tftp')
      const server = await start(site)
      await getLease()
      const at = ['--config', site.config] as const
      const asked = await centra('node', 'install', 'node01', ...at, '--profile', 'kernel')
      assert.equal(asked.code, 0, asked.stderr)
      const tftp = (name: string, ...flags: readonly string[]) =>
        client.run('curl', '-s', '--max-time', '20', ...flags, `tftp://10.77.0.1/${name}`)
      const history = async (): Promise<string> => {
        const lines = JSON.parse((await centra('node', 'history', 'node01', ...at, '--json')).stdout)
        return lines.map(({ what }: { readonly what: string }) => what).join(' ')
      }
      const config = (): string => tftp(`pxelinux.cfg/01-${MAC.replaceAll(':', '-')}`).stdout
      const initrd = /INITRD (attempt\/\S+)/.exec(config())?.[1] ?? assert.fail('no attempt')
      // One datagram whose sender does not answer, and a size probe; what comes after them was read after them.
      for (const blocks of [-1, 0]) {
        assert.equal(client.run(process.execPath, '-e', readsSome(initrd, blocks)).code, 0)
        assert.match(config(), /INITRD attempt/)
      }
      assert.equal(await history(), 'asked opened again again')
      assert.equal(client.run(process.execPath, '-e', readsSome(initrd, 1000)).code, 0)
      assert.match(config(), /INITRD attempt/)
      assert.doesNotMatch(await history(), /started|redeemed/)
      assert.equal(tftp(initrd, '-o', '/dev/null').code, 0)
      assert.match(await history(), /loading( again)? started redeemed$/)
      assert.doesNotMatch(config(), /INITRD attempt/)
      await server.stop()
    },
  )

  test('node: exit codes, --json, and what it says without a server', options, async () => {
    const site = siteIn('cli')
    const at = ['--config', site.config] as const
    const before = await centra('node', 'install', 'node01', ...at)
    assert.deepEqual([before.code, before.stdout], [1, ''])
    assert.match(before.stderr, /no server answers at/)
    const server = new Running(spawn(CENTRA_PXE, ['serve', ...at], { stdio: ['ignore', 'pipe', 'pipe'] }))
    await server.stderrMatch(/^ready .*$/m)
    assert.match((await centra('node', 'install', 'node01', ...at)).stderr, /name one with --profile/)
    assert.match(
      (await centra('node', 'rescue', 'node01', ...at)).stderr,
      /profile rescue has no image that is on disk/,
    )
    assert.match((await centra('node', 'local', 'nobody', ...at)).stderr, /describes no node nobody/)
    for (const args of [
      ['node', 'wipe', 'node01'],
      ['node', 'install'],
      ['node', 'show', ...at],
    ])
      assert.equal((await centra(...args)).code, 2)
    const json = await centra('node', 'install', 'node01', ...at, '--profile', 'asks', '--json')
    assert.deepEqual([json.code, JSON.parse(json.stdout).intent.kind], [0, 'install'])
    const shown = await centra('node', 'show', 'node01', ...at)
    assert.match(shown.stdout, /^next boot +install at the next boot, once \(profile asks\)$/m)
    assert.doesNotMatch(shown.stdout + json.stdout, /[0-9a-f]{32}/, 'no nonce')
    const explained = await centra('explain', ...at, '--mac', MAC, '--via', 'http', '--leases')
    assert.match(explained.stdout, /boot\.intent +install, asked for .*: profile asks, once +state/)
    assert.match((await centra('explain', ...at, '--mac', MAC, '--via', 'http')).stdout, /control-plane/)
    const lines = JSON.parse((await centra('node', 'history', 'node01', ...at, '--json')).stdout)
    assert.deepEqual(
      lines.map(({ what }: { what: string }) => what),
      ['asked'],
    )
    const instead = await centra('node', 'local', 'node01', ...at)
    assert.match(
      instead.stderr,
      /^.*node01: its local disk; install was not begun, and is not asked for any more$/m,
    )
    await server.stop()
  })
})

/** A TFTP client that goes away after so many blocks; 0: it wants the size alone; -1: it hears nothing. */
function readsSome(name: string, blocks: number): string {
  return `
const socket = require('node:dgram').createSocket('udp4')
const request = Buffer.from('\\0\\x01${name}\\0octet\\0tsize\\x000\\0', 'latin1')
socket.on('message', (bytes, { port }) => {
  const block = bytes[1] === 3 ? bytes.readUInt16BE(2) : 0
  const isOver = block >= ${blocks}
  const answer = isOver ? Buffer.from('\\0\\x05\\0\\x08over\\0', 'latin1') : Buffer.from([0, 4, block >> 8, block & 255])
  socket.send(answer, port, '10.77.0.1', () => isOver && process.exit(0))
})
socket.send(request, 69, '10.77.0.1', () => ${blocks} < 0 && process.exit(0))
setTimeout(() => process.exit(1), 20_000)`
}

const INSTALLERS = `  asks:
    image: debian-live
    install: installer
    cmdline: centra.profile=asks
  kernel:
    image: debian-live
    install: kernel
    cmdline: centra.profile=kernel
`

/** Without an agent the kernel that starts is the redemption, and nothing is left that could be asked for again. */
function isPossible(transition: Transition, profile: Profile): boolean {
  return (
    profile === 'asks' ||
    ['asked', 'opened', 'again', 'loading', 'redeemed', 'report', 'done', 'failed'].includes(transition)
  )
}
