import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, existsSync, mkdirSync, readFileSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import type { BootEvent } from '../model/event.ts'
import { Board } from './board.ts'
import { type CaptureRun, startCapture } from './capture.ts'
import { makeBridge, makeTap } from './namespace.ts'
import { openPlainPxeRelay, type PlainPxeRelay } from './plain-pxe-relay.ts'
import type { LabPlan, PlannedMachine } from './plan.ts'
import { type RunningMachine, startMachine } from './qemu.ts'
import { machineFiles } from './qemu-arguments.ts'
import { answerRouterSolicitations } from './router-advertisement.ts'

export interface InsideOptions {
  readonly plan: LabPlan
  /** The command that runs the server, without `serve`: Node and its script. */
  readonly program: readonly string[]
  /** Follows the server's events by its control socket until the signal aborts. */
  readonly follow: (
    socketPath: string,
    onLine: (line: string) => void,
    signal: AbortSignal,
  ) => Promise<unknown>
  readonly print: (line: string) => void
}

/** Seconds for the server to open its sockets. */
const SERVER_TIMEOUT_S = 30
const TICK_MS = 200

/**
 * The lab itself, inside its private world: bridge, server, machines, until all are in service or time is up.
 * Resolves with whether all are. Whatever happens, the world ends with this process and takes everything with it.
 */
export async function runInside({ plan, program, follow, print }: InsideOptions): Promise<boolean> {
  await makeBridge(plan.bridge)
  const router = answerRouterSolicitations(plan.bridge.name)
  if (!router.ok) print(`no router advertisements, iPXE will be slow: ${router.error}`)
  const capture = plan.capture
    ? await startCapture(plan.bridge.name, join(plan.folder, 'capture.pcap'))
    : undefined
  const server = await startServer(plan, program)
  const board = new Board()
  const record = createWriteStream(join(plan.folder, 'timeline.ndjson'))
  const stopFollowing = new AbortController()
  const machines: RunningMachine[] = []
  const relays: PlainPxeRelay[] = []
  try {
    const following = follow(
      join(plan.stateDir, 'control.sock'),
      (line) => onEvent(line, { board, record, print }),
      stopFollowing.signal,
    )
    for (const machine of plan.machines) {
      const folder = join(plan.folder, machine.name)
      mkdirSync(folder, { recursive: true })
      const relay = machine.plainPxe ? await openPlainPxeRelay(folder) : undefined
      if (relay !== undefined) relays.push(relay)
      machines.push(await powerOn(machine, { plan, board, folder, relay }))
    }
    await waitForBoots(plan, board)
    stopFollowing.abort()
    await following
  } finally {
    await Promise.all(machines.map((machine) => machine.stop()))
    await Promise.all(relays.map((relay) => relay.close()))
    await endServer(server, capture)
    record.end()
    if (router.ok) router.value.close()
  }
  print('')
  print(board.table())
  if (!board.allInService) showLogs(plan, print)
  return board.allInService
}

function onEvent(
  line: string,
  to: { board: Board; record: WriteStream; print: (line: string) => void },
): void {
  to.record.write(`${line}\n`)
  const event: BootEvent = JSON.parse(line)
  const shown = to.board.take(event)
  if (shown !== undefined) to.print(shown)
}

async function startServer(plan: LabPlan, [node = '', ...script]: readonly string[]): Promise<ChildProcess> {
  const args = [...script, 'serve', '--config', plan.configFile, '--state-dir', plan.stateDir]
  const server = spawn(node, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const log = createWriteStream(join(plan.folder, 'server.log'))
  const lines = createInterface({ input: server.stderr })
  const said: string[] = []
  const ready = new Promise<boolean>((resolve) => {
    lines.on('line', (line) => {
      log.write(`${line}\n`)
      said.push(line)
      if (line.startsWith('ready ')) resolve(true)
    })
    server.on('exit', () => resolve(false))
  })
  const inTime = await Promise.race([ready, sleep(SERVER_TIMEOUT_S * 1000, false, { ref: false })])
  if (!inTime) throw new Error(`the server did not start:\n${said.slice(-20).join('\n')}`)
  said.length = 0
  return server
}

interface Surroundings {
  readonly plan: LabPlan
  readonly board: Board
  readonly folder: string
  readonly relay: PlainPxeRelay | undefined
}

async function powerOn(machine: PlannedMachine, around: Surroundings): Promise<RunningMachine> {
  const { plan, board, folder, relay } = around
  const tap = `lab${plan.machines.indexOf(machine)}`
  await makeTap({ name: tap, bridge: plan.bridge.name })
  const { name, mac, firmware, nic } = machine
  const { memoryMib, acceleration } = plan
  board.powerOn(machine, Date.now())
  const running = startMachine({
    ...{ name, mac, firmware, nic, uuid: uuidOf(mac), tap, memoryMib, acceleration, folder },
    ...(relay === undefined ? {} : { sentFrames: relay.sentFrames }),
  })
  void running.exited.then(({ code, stderr }) => board.fail(mac, `QEMU ended with ${code} ${stderr}`.trim()))
  return running
}

/** A UUID of its own for each machine: QEMU's default is all zeros, as on bad hardware. */
function uuidOf(mac: string): string {
  return `00000000-0000-4000-8000-${mac.replaceAll(':', '')}`
}

async function waitForBoots(plan: LabPlan, board: Board): Promise<void> {
  const deadline = performance.now() + plan.timeoutSeconds * 1000
  while (!board.isOver && performance.now() < deadline) await sleep(TICK_MS)
  for (const { mac } of plan.machines) board.fail(mac, `not in service after ${plan.timeoutSeconds} s`)
}

async function endServer(server: ChildProcess, capture: CaptureRun | undefined): Promise<void> {
  await capture?.stop()
  if (server.exitCode !== null || server.signalCode !== null) return
  const ended = new Promise((resolve) => server.once('exit', resolve))
  server.kill('SIGTERM')
  await ended
}

/** The last words of each machine, where a person looks first. */
function showLogs(plan: LabPlan, print: (line: string) => void): void {
  for (const machine of plan.machines) {
    const { serialLog } = machineFiles({ folder: join(plan.folder, machine.name) })
    const text = existsSync(serialLog) ? readFileSync(serialLog, 'latin1') : ''
    const lines = text.split('\n').map((line) => stripVTControlCharacters(line).replace(/[^\x20-\x7e]/g, ''))
    const last = lines.map((line) => line.trim()).filter((line) => line !== '')
    print(`\nserial console of ${machine.name} (${serialLog}):`)
    for (const line of last.slice(-12)) print(`  ${line}`)
  }
}
