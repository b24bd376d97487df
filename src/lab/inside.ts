import { createWriteStream, existsSync, mkdirSync, readFileSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import type { BootEvent } from '../model/event.ts'
import { Board } from './board.ts'
import { type CaptureRun, startCapture } from './capture.ts'
import { startLabServer } from './lab-server.ts'
import { openPicture, type Picture, type PictureOptions } from './live.ts'
import type { MachineOutcome } from './machine-progress.ts'
import { Machines } from './machines.ts'
import { makeBridge } from './namespace.ts'
import type { LabPlan } from './plan.ts'
import { machineFiles } from './qemu-arguments.ts'
import { openRecording } from './recording.ts'

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
  /** Where the picture goes. */
  readonly terminal: PictureOptions['stdout']
  /** Resolves when the person has seen enough of machines that run on. */
  readonly stay: () => Promise<void>
}

export interface LabResult {
  readonly allInService: boolean
  readonly machines: readonly MachineOutcome[]
}

const TICK_MS = 200
/** How long a machine that looks done may take to go on by itself or by keys, in milliseconds. */
const PATIENCE_MS = 120_000
/** CUP (ECMA-48 8.3.21). */
const CURSOR_POSITION = new RegExp(`${'\x1b'}\\[[0-9;]*H`, 'g')
/** Lines of a serial console that are shown of a machine that failed. */
const LAST_LINES = 12
const LINE_COLUMNS = 160

/**
 * The lab itself, inside its private world: bridges, server, machines, until all are in service or time is up.
 * Whatever happens, the world ends with this process and takes everything with it.
 */
export async function runInside(options: InsideOptions): Promise<LabResult> {
  const { plan, terminal } = options
  const board = new Board()
  const record = plan.record === undefined ? undefined : openRecording(plan.record)
  if (record?.ok === false) throw new Error(`--record: ${record.error}`)
  const picture = openPicture({ board, stdout: terminal, record: record?.value })
  const machines = new Machines(plan, { board, picture })
  const network = await openNetwork(plan, picture)
  const server = await startLabServer(plan, options.program)
  const timeline = createWriteStream(join(plan.folder, 'timeline.ndjson'))
  const stopFollowing = new AbortController()
  try {
    const following = options.follow(
      join(plan.stateDir, 'control.sock'),
      (line) => onEvent(line, timeline, picture),
      stopFollowing.signal,
    )
    await machines.powerOn()
    await waitForBoots(plan, board, machines)
    await machines.consoleIsFree()
    if (plan.stay) {
      picture.line('the machines run on; Ctrl-C ends them')
      await options.stay()
    }
    stopFollowing.abort()
    await following
  } catch (error) {
    // What went wrong is told below the rows, not over them.
    picture.close()
    throw error
  } finally {
    await machines.powerOff()
    await server.stop()
    await network.close()
    timeline.end()
  }
  return tellEnd({ plan, board, machines, picture })
}

function onEvent(line: string, timeline: WriteStream, picture: Picture): void {
  timeline.write(`${line}\n`)
  const event: BootEvent = JSON.parse(line)
  picture.take(event)
}

interface LabNetwork {
  close(): Promise<void>
}

async function openNetwork(plan: LabPlan, picture: Picture): Promise<LabNetwork> {
  const captures: CaptureRun[] = []
  for (const [index, bridge] of plan.bridges.entries()) {
    await makeBridge({ ...bridge, index })
    const file = plan.bridges.length === 1 ? 'capture.pcap' : `capture-${bridge.network}.pcap`
    if (!plan.capture) continue
    const capture = await startCapture(bridge.name, join(plan.folder, file))
    if (capture === undefined) picture.line('no capture: tcpdump is not installed')
    else captures.push(capture)
  }
  return {
    close: async () => {
      for (const capture of captures) await capture.stop()
    },
  }
}

/** Until every machine has come as far as it will; one on its local disk may still report, one with keys may go on. */
async function waitForBoots(plan: LabPlan, board: Board, machines: Machines): Promise<void> {
  const deadline = performance.now() + plan.timeoutSeconds * 1000
  const mayGoOn = (): boolean =>
    (plan.diskSize !== undefined && board.outcome().some(({ state }) => state === 'local-disk')) ||
    board
      .outcome()
      .some(
        ({ name, state }) =>
          state === 'failed' && machines.unansweredKeys.some(({ machine }) => machine === name),
      )
  let [now, active] = [performance.now(), performance.now()]
  for (; now < deadline; now = performance.now()) {
    if (!board.isOver) active = now
    if (board.isOver && !(mayGoOn() && now - active < PATIENCE_MS)) break
    await sleep(TICK_MS)
  }
  for (const { mac, state } of board.outcome())
    if (state === 'booting') board.fail(mac, `not in service after ${plan.timeoutSeconds} s`, Date.now())
}

interface End {
  readonly plan: LabPlan
  readonly board: Board
  readonly machines: Machines
  readonly picture: Picture
}

function tellEnd({ plan, board, machines, picture }: End): LabResult {
  picture.endRows()
  picture.text(`\n${board.table()}`)
  for (const { machine, waitsFor } of machines.unansweredKeys)
    picture.line(`keys: ${machine} never showed "${waitsFor}"`)
  const result = { allInService: board.allInService, machines: board.outcome() }
  for (const outcome of result.machines)
    if (outcome.state === 'failed' || outcome.state === 'booting') showLog(outcome.name, plan, picture)
  picture.close()
  return result
}

/** The last words of a machine, where a person looks first. */
function showLog(name: string, plan: LabPlan, picture: Picture): void {
  const { serialLog } = machineFiles({ folder: join(plan.folder, name) })
  mkdirSync(join(plan.folder, name), { recursive: true })
  const text = existsSync(serialLog) ? readFileSync(serialLog, 'latin1') : ''
  // A screen that is drawn, not written, has cursor movements where lines would end.
  const drawn = text.replaceAll(CURSOR_POSITION, '\n')
  const lines = drawn.split('\n').map((line) =>
    stripVTControlCharacters(line)
      .replace(/[^\x20-\x7e]/g, '')
      .replace(/ {8,}/g, '  '),
  )
  const last = lines.map((line) => line.trim()).filter((line) => line !== '')
  picture.text(`\nserial console of ${name} (${serialLog}):`)
  for (const line of last.slice(-LAST_LINES)) picture.line(`  ${line.slice(0, LINE_COLUMNS)}`)
}
