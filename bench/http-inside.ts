/** The part of the benchmark that runs in the private world: `http-inside.ts PLAN`, a file written by `http.ts`. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { CpuGroup } from './cpu-group.ts'
import type { HttpLoad, HttpYield } from './http-client.ts'
import { caseName, type HttpCase, type HttpRun, httpCells, httpGoalTable, httpTable } from './http-report.ts'
import {
  HTTP_FILES,
  type HttpFileName,
  type HttpServerName,
  httpConfiguration,
  httpPath,
  prepareHttp,
} from './http-servers.ts'
import { LAN } from './lan.ts'
import { describeMachine, loadNow } from './machine.ts'
import { type Cable, layCable, prepareNamespaces } from './namespaces.ts'
import type { Found, Program } from './peers.ts'
import { usageOf } from './process-tree.ts'

export interface HttpPlan {
  readonly work: string
  readonly servers: readonly { readonly name: HttpServerName; readonly found: Found }[]
  readonly connections: readonly number[]
  /** Of one measurement: 10^9 octets. */
  readonly gigabytes: number
  readonly repeats: number
  readonly json?: string
}

const PORT = 8080
const RANGE = 1_000_000
const START_LIMIT_MS = 20_000
const RUN_LIMIT_MS = 300_000
const say = (line: string): void => void process.stderr.write(`${line}\n`)

process.once('SIGTERM', () => process.exit(143))
const plan: HttpPlan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))
prepareNamespaces()
const files = join(plan.work, 'files')
const hashes: Readonly<Record<HttpFileName, string>> = { small: makeFile('small'), large: makeFile('large') }
const before = loadNow()
const running = await startAll()
const runs: HttpRun[] = []
const troubles = new Map<HttpServerName, string>()
await measureAll()
for (const { process: server } of running) server.kill('SIGTERM')
await sleep(500)
for (const { group } of running) group?.remove()
report()
process.exit(0)

interface RunningServer {
  readonly name: HttpServerName
  readonly process: ChildProcess
  readonly cable: Cable
  /** Absent without cgroup v2: what children of children used is not counted then. */
  readonly group: CpuGroup | undefined
}

async function startAll(): Promise<readonly RunningServer[]> {
  const started: RunningServer[] = []
  for (const [index, { name, found }] of plan.servers.entries()) {
    if (found.kind === 'missing') say(`${name} is not available: ${found.why}`)
    else started.push(await start(name, found.program, `h${index}`))
  }
  return started
}

/** Resolves once the file can be read. */
async function start(name: HttpServerName, program: Program, id: string): Promise<RunningServer> {
  const dir = join(plan.work, id)
  const cable = layCable(id)
  const group = CpuGroup.create(id)
  if (group === undefined) say(`${name}: no cgroup v2 here, so what children of children use is not counted`)
  const enter = [...cable.atServer, ...(group?.enter ?? [])]
  const [command = '', ...args] = [...enter, program.path, ...prepareHttp(name, dir, files)]
  const log = openSync(join(dir, 'output'), 'a')
  const server = spawn(command, args, {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...program.env },
  })
  const ended = once(server, 'exit')
  const limit = performance.now() + START_LIMIT_MS
  for (;;) {
    const once = { file: 'small', connections: 1 } as const
    const answered = await load(name, cable, once, 1).catch((error: Error) => error)
    if (!(answered instanceof Error)) return { name, process: server, cable, group }
    const isOver = await Promise.race([ended.then(() => true), sleep(200, false)])
    if (isOver || performance.now() > limit) {
      const words = readFileSync(join(dir, 'output'), 'utf8').trim().split('\n').at(-1) ?? ''
      throw new Error(`${name} does not serve: ${answered.message}; its last words: ${words}`)
    }
  }
}

function makeFile(name: HttpFileName): string {
  mkdirSync(files, { recursive: true })
  const hash = createHash('sha256')
  const file = openSync(join(files, name), 'w')
  for (let left: number = HTTP_FILES[name]; left > 0; left -= RANGE) {
    const bytes = randomBytes(RANGE)
    hash.update(bytes)
    writeSync(file, bytes)
  }
  closeSync(file)
  return hash.digest('hex')
}

async function load(
  name: HttpServerName,
  cable: Cable,
  { file, connections, range }: HttpCase,
  requests: number,
): Promise<HttpYield> {
  const whole: HttpLoad = {
    ...{ server: LAN.server, port: PORT, path: httpPath(name, file, hashes[file]), size: HTTP_FILES[file] },
    ...{ connections, requests },
    ...(range === undefined ? {} : { range }),
  }
  const client = join(import.meta.dirname, 'http-client.ts')
  const [command = '', ...enter] = cable.atClient
  const args = [...enter, process.execPath, client, JSON.stringify(whole)]
  const { stdout } = await promisify(execFile)(command, args, { timeout: RUN_LIMIT_MS })
  return JSON.parse(stdout)
}

async function measureAll(): Promise<void> {
  const wholes = (['small', 'large'] as const).flatMap((file) =>
    plan.connections.map((connections) => ({ file, connections })),
  )
  const ranges = (['small', 'large'] as const).map((file) => ({ file, connections: 10, range: RANGE }))
  const cases: readonly HttpCase[] = [...wholes, ...ranges]
  for (let repeat = 1; repeat <= plan.repeats; repeat += 1)
    for (const one of cases)
      for (const server of running) {
        const run = await measure(server, one)
        if (run === undefined) continue
        runs.push(run)
        const cpu = (run.cpuSeconds / run.gigabytes).toFixed(2)
        say(`${repeat}/${plan.repeats} ${caseName(one)}, ${server.name}: ${cpu} s/GB`)
      }
}

async function measure(
  { name, process: server, cable, group }: RunningServer,
  one: HttpCase,
): Promise<HttpRun | undefined> {
  const each = one.range ?? HTTP_FILES[one.file]
  const requests = Math.max(one.connections, Math.round((plan.gigabytes * 1e9) / each))
  try {
    const used = (): number => group?.cpuSeconds ?? usageOf(server.pid ?? 0).cpuSeconds
    const earlier = used()
    const { bytes, seconds } = await load(name, cable, one, requests)
    await sleep(100)
    return { server: name, ...one, gigabytes: bytes / 1e9, seconds, cpuSeconds: used() - earlier }
  } catch (error) {
    const why = error instanceof Error ? (error.message.trim().split('\n').at(-1) ?? '') : String(error)
    say(`${name}, ${caseName(one)}: ${why}`)
    troubles.set(name, why)
    return undefined
  }
}

function report(): void {
  const machine = describeMachine(plan.work)
  const cells = httpCells(runs)
  const servers = plan.servers.map(({ name, found }) => ({
    name,
    configuration: httpConfiguration(name),
    ...(found.kind === 'found' ? { version: found.program.version } : { missing: found.why }),
    ...(troubles.has(name) ? { trouble: troubles.get(name) } : {}),
  }))
  const lines = [
    `${new Date().toISOString()}; ${machine.cores} x ${machine.cpu}, ${machine.memoryGiB} GiB, Linux ${machine.kernel}`,
    `load average ${before} before, ${loadNow()} after; ${plan.repeats} repeats of ${plan.gigabytes} GB; small: ${HTTP_FILES.small / 1e6} MB, large: ${HTTP_FILES.large / 1e6} MB`,
    ...servers.map((one) => Object.values(one).join('; ')),
    '',
    'CPU seconds of the server per GB, the ratio to nginx, in brackets MB/s',
    httpTable(
      cells,
      plan.servers.map(({ name }) => name),
    ),
    '',
    httpGoalTable(cells),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  if (plan.json !== undefined)
    writeFileSync(plan.json, `${JSON.stringify({ machine, servers, cells, runs }, undefined, 2)}\n`)
}
