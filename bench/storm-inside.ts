/** The part of the benchmark that runs in the private world: `storm-inside.ts PLAN`, a file written by `storm.ts`. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { CpuGroup } from './cpu-group.ts'
import { LAN, POOL } from './lan.ts'
import { describeMachine, loadNow } from './machine.ts'
import { type Cable, layCable, prepareNamespaces } from './namespaces.ts'
import { stop, usageOf } from './process-tree.ts'
import type { StormLoad, StormYield } from './storm-client.ts'
import { plotSvg } from './storm-plot.ts'
import { bootTimes, type StormRun, stormFailures, stormTable } from './storm-report.ts'
import {
  prepareStorm,
  type StormPrograms,
  type StormServerName,
  stormConfigurations,
} from './storm-servers.ts'

export interface StormPlan {
  readonly work: string
  readonly servers: readonly { readonly name: StormServerName; readonly programs: StormPrograms }[]
  /** Servers that are not to be had, and why. */
  readonly missing: readonly string[]
  readonly storms: readonly { readonly machines: number; readonly megabytes: number }[]
  readonly repeats: number
  readonly boots: number | 'auto' | false
  readonly json?: string
  readonly svg?: string
}

const LOADER = 1_000_000
const WITHIN_MS = 2000
const BOOT_LIMIT_MS = 900_000
const START_LIMIT_MS = 60_000
const LOOK_MS = 250
const OUTPUT_LIMIT = 256 * 1024 * 1024
const say = (line: string): void => void process.stderr.write(`${line}\n`)

process.once('SIGTERM', () => process.exit(143))
const plan: StormPlan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))
prepareNamespaces()
const before = loadNow()
const runs: StormRun[] = []
let id = 0
for (let repeat = 1; repeat <= plan.repeats; repeat += 1)
  for (const { machines, megabytes } of plan.storms)
    for (const server of plan.servers) {
      const run = await measure(server, machines, megabytes * 1e6, repeat)
      runs.push(run)
      say(stormTable([run]))
      for (const line of stormFailures([run])) say(line)
    }
report()
process.exit(0)

/** A server started anew, with no leases, and one storm. */
async function measure(
  { name, programs }: StormPlan['servers'][number],
  machines: number,
  image: number,
  repeat: number,
): Promise<StormRun> {
  id += 1
  const dir = join(plan.work, `storm${id}`)
  const cable = layCable(`storm${id}`)
  spareNeighbours(cable)
  const group = CpuGroup.create(`storm${id}`)
  const all = prepareStorm(name, dir, { machines, image, loader: LOADER, boots: plan.boots })
  const log = openSync(join(dir, 'output'), 'a')
  const processes = programs.map(({ path, env }, i) => {
    const [command = '', ...args] = [...cable.atServer, ...(group?.enter ?? []), path, ...(all[i] ?? [])]
    return spawn(command, args, { stdio: ['ignore', log, log], env: { ...process.env, ...env } })
  })
  try {
    await listening(cable, processes, dir)
    const pids = processes.map(({ pid }) => pid ?? 0)
    const used = (): number =>
      group?.cpuSeconds ?? pids.reduce((sum, pid) => sum + usageOf(pid).cpuSeconds, 0)
    let peakMiB = 0
    const look = setInterval(() => {
      peakMiB = Math.max(
        peakMiB,
        pids.reduce((sum, pid) => sum + usageOf(pid).residentMiB, 0),
      )
    }, LOOK_MS)
    const earlier = used()
    say(`${name}: ${machines} machines of ${image / 1e6} MB, run ${repeat}/${plan.repeats}`)
    const got = await storm(cable, machines)
    clearInterval(look)
    return { server: name, count: machines, repeat, image, yield: got, cpuSeconds: used() - earlier, peakMiB }
  } finally {
    await stop(processes)
    group?.remove()
    rmSync(dir, { recursive: true, force: true })
  }
}

/**
 * Linux has one table of neighbours for all namespaces, of 1024 entries unless the machine says more (arp(7), gc_thresh3):
 * the server reaches the machines by a route over one of them.
 */
function spareNeighbours({ atServer: [command = '', ...enter] }: Cable): void {
  const pool = `${POOL.first}/16`
  execFileSync(command, [...enter, 'ip', 'route', 'add', pool, 'via', LAN.relay, 'dev', LAN.interface])
}

async function storm(cable: Cable, machines: number): Promise<StormYield> {
  const load: StormLoad = { machines, interface: LAN.interface, within: WITHIN_MS, limit: BOOT_LIMIT_MS }
  const client = join(import.meta.dirname, 'storm-client.ts')
  const [command = '', ...enter] = cable.atClient
  const args = [...enter, process.execPath, client, JSON.stringify(load)]
  const { stdout } = await promisify(execFile)(command, args, { maxBuffer: OUTPUT_LIMIT })
  return JSON.parse(stdout)
}

/** Until the sockets of DHCP, TFTP and HTTP are open. */
async function listening(cable: Cable, processes: readonly ChildProcess[], dir: string): Promise<void> {
  const limit = performance.now() + START_LIMIT_MS
  for (;;) {
    const [command = '', ...enter] = cable.atServer
    const { stdout } = await promisify(execFile)(command, [...enter, 'ss', '-Hlnut'])
    if ([':67 ', ':69 ', ':8080 '].every((port) => stdout.includes(port))) return
    const ended = processes.some(({ exitCode }) => exitCode !== null)
    if (ended || performance.now() > limit)
      throw new Error(`a server does not start: ${readFileSync(join(dir, 'output'), 'utf8').slice(-2000)}`)
    await sleep(100)
  }
}

function report(): void {
  const machine = describeMachine(plan.work)
  const storms = plan.storms.map(({ machines, megabytes }) => `${machines} x ${megabytes} MB`).join(', ')
  const lines = [
    `${new Date().toISOString()}; ${machine.cores} x ${machine.cpu}, ${machine.memoryGiB} GiB, Linux ${machine.kernel}`,
    `load average ${before} before, ${loadNow()} after; ${plan.repeats} repeats of ${storms}, a loader of ${LOADER / 1e6} MB, all start within ${WITHIN_MS / 1000} s; boots: ${plan.boots}`,
    ...plan.servers.map(
      ({ name, programs }) =>
        `${name}: ${programs.map(({ version }) => version).join(', ')}; ${stormConfigurations(name)}`,
    ),
    ...plan.missing,
    '',
    stormTable(runs),
    ...stormFailures(runs),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  if (plan.json !== undefined)
    writeFileSync(plan.json, `${JSON.stringify({ machine, plan, runs }, undefined, 1)}\n`)
  if (plan.svg !== undefined) writeFileSync(plan.svg, plotSvg(panels()))
}

/** The first run of each. */
function panels(): Parameters<typeof plotSvg>[0] {
  return plan.storms.map(({ machines, megabytes }) => ({
    title: `${machines} machines, ${megabytes} MB`,
    curves: runs
      .filter(({ count, repeat }) => count === machines && repeat === 1)
      .map((run) => ({
        name: run.server,
        times: bootTimes(run.yield).map((ms) => ms / 1000),
        of: machines,
      })),
  }))
}
