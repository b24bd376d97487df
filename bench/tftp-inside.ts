/** The part of the benchmark that runs in the private world: `tftp-inside.ts PLAN`, a file written by `tftp.ts`. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { CpuGroup } from './cpu-group.ts'
import { LAN } from './lan.ts'
import { describeMachine, loadNow } from './machine.ts'
import { type Cable, layCable, prepareNamespaces } from './namespaces.ts'
import type { Found, Program } from './peers.ts'
import { usageOf } from './process-tree.ts'
import type { TftpLoad, TftpYield } from './tftp-client.ts'
import { type TftpRun, tftpCells, tftpGoals, tftpGoalTable, tftpTable } from './tftp-report.ts'
import { prepareTftp, TFTP_FILE, type TftpServerName, tftpConfiguration } from './tftp-servers.ts'

export interface TftpPlan {
  readonly work: string
  readonly servers: readonly { readonly name: TftpServerName; readonly found: Found }[]
  readonly windows: readonly number[]
  readonly clients: readonly number[]
  /** Of the file: 10^6 octets. */
  readonly megabytes: number
  /** Of one measurement. */
  readonly total: number
  readonly repeats: number
  readonly json?: string
}

const START_LIMIT_MS = 20_000
const say = (line: string): void => void process.stderr.write(`${line}\n`)

process.once('SIGTERM', () => process.exit(143))
const plan: TftpPlan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))
prepareNamespaces()
const content = randomBytes(plan.megabytes * 1_000_000)
const sha256 = createHash('sha256').update(content).digest('hex')
const before = loadNow()
const running = await startAll()
const runs: TftpRun[] = []
const troubles = new Map<TftpServerName, string>()
await measureAll()
for (const { process: server } of running) server.kill('SIGTERM')
await sleep(500)
for (const { group } of running) group?.remove()
report()
process.exit(0)

interface RunningServer {
  readonly name: TftpServerName
  readonly process: ChildProcess
  readonly cable: Cable
  /** Absent without cgroup v2: what children of children used is not counted then. */
  readonly group: CpuGroup | undefined
}

async function startAll(): Promise<readonly RunningServer[]> {
  const started: RunningServer[] = []
  for (const [index, { name, found }] of plan.servers.entries()) {
    if (found.kind === 'missing') say(`${name} is not available: ${found.why}`)
    else started.push(await start(name, found.program, `t${index}`))
  }
  return started
}

/** Resolves once the file can be read. */
async function start(name: TftpServerName, program: Program, id: string): Promise<RunningServer> {
  const dir = join(plan.work, id)
  const cable = layCable(id)
  const group = CpuGroup.create(id)
  if (group === undefined) say(`${name}: no cgroup v2 here, so what children of children use is not counted`)
  const enter = [...cable.atServer, ...(group?.enter ?? [])]
  const [command = '', ...args] = [...enter, program.path, ...prepareTftp(name, dir, content)]
  const log = openSync(join(dir, 'output'), 'a')
  const server = spawn(command, args, {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...program.env },
  })
  const ended = once(server, 'exit')
  const limit = performance.now() + START_LIMIT_MS
  for (;;) {
    const answered = await load(cable, { clients: 1, window: 1, transfers: 1 }).catch((error: Error) => error)
    if (!(answered instanceof Error)) return { name, process: server, cable, group }
    const isOver = await Promise.race([ended.then(() => true), sleep(200, false)])
    if (isOver || performance.now() > limit) {
      const words = readFileSync(join(dir, 'output'), 'utf8').trim().split('\n').at(-1) ?? ''
      throw new Error(`${name} does not serve: ${answered.message}; its last words: ${words}`)
    }
  }
}

async function load(
  cable: Cable,
  asked: Pick<TftpLoad, 'clients' | 'window' | 'transfers'>,
): Promise<TftpYield> {
  const whole: TftpLoad = { server: LAN.server, file: TFTP_FILE, sha256, ...asked }
  const client = join(import.meta.dirname, 'tftp-client.ts')
  const args = [client, JSON.stringify(whole)]
  const [command = '', ...enter] = cable.atClient
  const { stdout } = await promisify(execFile)(command, [...enter, process.execPath, ...args])
  return JSON.parse(stdout)
}

async function measureAll(): Promise<void> {
  const cases = plan.windows.flatMap((window) => plan.clients.map((clients) => ({ window, clients })))
  for (let repeat = 1; repeat <= plan.repeats; repeat += 1)
    for (const one of cases)
      for (const server of running) {
        await measure(server, one)
        const run = runs.at(-1)
        if (run?.server !== server.name) continue
        const cpu = (run.cpuSeconds * 1000) / run.megabytes
        say(
          `${repeat}/${plan.repeats} window ${one.window}, ${one.clients} clients, ${server.name}: ${cpu.toFixed(1)} ms/MB`,
        )
      }
}

async function measure(
  { name, process: server, cable, group }: RunningServer,
  { window, clients }: { readonly window: number; readonly clients: number },
): Promise<void> {
  const transfers = Math.max(1, Math.round(plan.total / plan.megabytes / clients))
  try {
    const used = (): number => group?.cpuSeconds ?? usageOf(server.pid ?? 0).cpuSeconds
    const earlier = used()
    const { bytes, seconds, window: granted, retries } = await load(cable, { clients, window, transfers })
    // A server that forks accounts for a child when it has collected it.
    await sleep(100)
    const cpuSeconds = used() - earlier
    runs.push({
      ...{ server: name, window, clients, granted },
      ...{ megabytes: bytes / 1e6, seconds, cpuSeconds, retries },
    })
  } catch (error) {
    const why = error instanceof Error ? (error.message.trim().split('\n').at(-1) ?? '') : String(error)
    say(`${name}, window ${window}, ${clients} clients: ${why}`)
    troubles.set(name, why)
  }
}

function report(): void {
  const machine = describeMachine(plan.work)
  const cells = tftpCells(runs)
  const goals = tftpGoals(cells)
  const servers = plan.servers.map(({ name, found }) => ({
    name,
    configuration: tftpConfiguration(name),
    ...(found.kind === 'found' ? { version: found.program.version } : { missing: found.why }),
    ...(troubles.has(name) ? { trouble: troubles.get(name) } : {}),
  }))
  const lines = [
    `${new Date().toISOString()}; ${machine.cores} x ${machine.cpu}, ${machine.memoryGiB} GiB, Linux ${machine.kernel}`,
    `load average ${before} before, ${loadNow()} after; ${plan.repeats} repeats of ${plan.total} MB, a file of ${plan.megabytes} MB, blksize 1468`,
    ...servers.map((one) => Object.values(one).join('; ')),
    '',
    'CPU milliseconds of the server per MB, in brackets MB/s',
    tftpTable(
      cells,
      plan.servers.map(({ name }) => name),
    ),
    '',
    tftpGoalTable(goals),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  if (plan.json !== undefined)
    writeFileSync(plan.json, `${JSON.stringify({ machine, servers, cells, goals, runs }, undefined, 2)}\n`)
}
