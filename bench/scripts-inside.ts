/** The part of the benchmark that runs in the private world: `scripts-inside.ts PLAN`, a file written by `scripts.ts`. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { LAN } from './lan.ts'
import { describeMachine, loadNow } from './machine.ts'
import { type Cable, layCable, prepareNamespaces } from './namespaces.ts'
import type { Found, Program } from './peers.ts'
import { usageOf } from './process-tree.ts'
import {
  type ScriptRun,
  type ScriptServerName,
  scriptCells,
  scriptGoals,
  scriptGoalTable,
  scriptTable,
} from './scripts-report.ts'
import { dashed, machinesOf, prepareScripts, SCRIPT_PORT, scriptConfiguration } from './scripts-servers.ts'

export interface ScriptPlan {
  readonly work: string
  readonly wrk: Program
  readonly servers: readonly { readonly name: ScriptServerName; readonly found: Found }[]
  readonly nodes: readonly number[]
  /** Of one measurement. */
  readonly seconds: number
  /** Of load before the measurements, in seconds for each server: V8 compiles what is hot only after thousands of requests. */
  readonly warmUp: number
  readonly repeats: number
  readonly json?: string
}

const START_LIMIT_MS = 180_000
const CONNECTIONS = 32
const BASE = `http://${LAN.server}:${SCRIPT_PORT}`
const say = (line: string): void => void process.stderr.write(`${line}\n`)
const run = promisify(execFile)

process.once('SIGTERM', () => process.exit(143))
const plan: ScriptPlan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))
prepareNamespaces()
const before = loadNow()
const running: Started[] = []
const runs: ScriptRun[] = []
let script = ''
for (const nodes of plan.nodes) for (const server of plan.servers) await startOne(server, nodes)
// Round 0 warms up and is not counted.
for (let repeat = 0; repeat <= plan.repeats; repeat += 1)
  for (const one of running) await measure(one, repeat)
for (const { process: server } of running) server.kill('SIGTERM')
report()
process.exit(0)

interface Started {
  readonly name: ScriptServerName
  readonly nodes: number
  readonly process: ChildProcess
  readonly cable: Cable
}

async function startOne({ name, found }: ScriptPlan['servers'][number], nodes: number): Promise<void> {
  if (found.kind === 'missing') return say(`${name} is not available: ${found.why}`)
  say(`starting ${name} with ${nodes} nodes`)
  const id = `${name.slice(0, 2)}${running.length}`
  const dir = join(plan.work, id)
  mkdirSync(dir, { recursive: true })
  const cable = layCable(id)
  const args = prepareScripts(name, { program: found.program, dir, nodes }, script)
  const [command = '', ...enter] = cable.atServer
  const log = openSync(join(dir, 'output'), 'a')
  const server = spawn(command, [...enter, found.program.path, ...args], {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...found.program.env },
  })
  script = await firstScript(cable, server, join(dir, 'output'))
  running.push({ name, nodes, process: server, cable })
}

/** Resolves with the script of the first machine as soon as the server gives it. */
async function firstScript(cable: Cable, server: ChildProcess, output: string): Promise<string> {
  const ended = once(server, 'exit')
  const limit = performance.now() + START_LIMIT_MS
  const [command = '', ...enter] = cable.atClient
  for (;;) {
    const url = `${BASE}/boot/${dashed(0)}.ipxe`
    const got = await run(command, [...enter, 'curl', '-sf', '--max-time', '5', url]).catch(() => undefined)
    if (got?.stdout.includes('kernel ') === true) return got.stdout
    const isOver = await Promise.race([ended.then(() => true), sleep(300, false)])
    if (isOver || performance.now() > limit) {
      const words = readFileSync(output, 'utf8').trim().split('\n').slice(-3).join(' | ')
      throw new Error(`a server does not serve; its last words: ${words}`)
    }
  }
}

async function measure({ name, nodes, process: server, cable }: Started, repeat: number): Promise<void> {
  const lua = join(import.meta.dirname, 'peers/scripts.lua')
  const load = [
    '-t',
    '1',
    '-c',
    String(CONNECTIONS),
    '-d',
    `${repeat === 0 ? plan.warmUp : plan.seconds}s`,
    '-s',
    lua,
    BASE,
    '--',
  ]
  const [command = '', ...enter] = cable.atClient
  const earlier = usageOf(server.pid ?? 0).cpuSeconds
  const { stdout } = await run(command, [...enter, plan.wrk.path, ...load, String(machinesOf(name, nodes))], {
    env: { ...process.env, ...plan.wrk.env },
  })
  const { cpuSeconds, residentMiB } = usageOf(server.pid ?? 0)
  const requests = Number(/([0-9]+) requests in/.exec(stdout)?.[1])
  const perSecond = Number(/Requests\/sec:\s+([0-9.]+)/.exec(stdout)?.[1])
  if (!(requests > 0) || /Non-2xx|Socket errors/.test(stdout)) throw new Error(`${name}: ${stdout}`)
  const used = cpuSeconds - earlier
  const cost = `${((used * 1e6) / requests).toFixed(0)} us CPU a request, ${perSecond.toFixed(0)}/s`
  say(`${repeat === 0 ? 'warm-up' : `${repeat}/${plan.repeats}`} ${nodes} nodes, ${name}: ${cost}`)
  if (repeat > 0)
    runs.push({ server: name, nodes, requests, seconds: requests / perSecond, cpuSeconds: used, residentMiB })
}

function report(): void {
  const cells = scriptCells(runs)
  const goals = scriptGoals(cells)
  const machine = describeMachine(plan.work)
  const servers = plan.servers.map(({ name, found }) => ({
    name,
    configuration: scriptConfiguration(name),
    ...(found.kind === 'found' ? { version: found.program.version } : { missing: found.why }),
  }))
  const lines = [
    `${new Date().toISOString()}; ${machine.cores} x ${machine.cpu}, ${machine.memoryGiB} GiB, Linux ${machine.kernel}`,
    `load average ${before} before, ${loadNow()} after; ${plan.repeats} repeats of ${plan.seconds} s after ${plan.warmUp} s of warm-up, ${CONNECTIONS} connections, scripts of ${script.length} octets`,
    ...servers.map((one) => Object.values(one).join('; ')),
    '',
    'CPU microseconds of the server per request, in brackets requests a second and resident memory',
    scriptTable(cells),
    '',
    scriptGoalTable(goals),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  if (plan.json !== undefined)
    writeFileSync(plan.json, `${JSON.stringify({ machine, servers, cells, goals, runs }, undefined, 2)}\n`)
}
