import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import {
  type Machine,
  type MachineFiles,
  machineFiles,
  ovmfVariables,
  qemuArguments,
} from './qemu-arguments.ts'

/** How a machine's QEMU ended. */
export interface MachineExit {
  /** Exit code; 128 + signal number after a signal; 127 when QEMU could not be started. */
  readonly code: number
  /** What QEMU said on stderr, at most 4 KiB of it. */
  readonly stderr: string
}

export interface RunningMachine {
  readonly machine: Machine
  readonly files: MachineFiles
  readonly pid: number | undefined
  readonly exited: Promise<MachineExit>
  /** Switches it off: `quit` over QMP, SIGKILL when it is still there after two seconds. Safe to call twice. */
  stop(): Promise<MachineExit>
}

const QUIT_TIMEOUT_MS = 2000
const STDERR_LIMIT = 4096

/** Switches a machine on. Its folder is made; UEFI variables start anew unless the machine keeps them. */
export function startMachine(machine: Machine): RunningMachine {
  const files = machineFiles(machine)
  mkdirSync(machine.folder, { recursive: true })
  for (const stale of [files.consoleSocket, files.qmpSocket]) rmSync(stale, { force: true })
  prepareVariables(machine)
  const stdio = ['ignore', 'ignore', 'pipe'] as const
  const child = spawn('qemu-system-x86_64', qemuArguments(machine), { stdio: [...stdio] })
  const exited = exitOf(child)
  return { machine, files, pid: child.pid, exited, stop: () => stopMachine(child, files, exited) }
}

/** Gives a UEFI machine, whose folder exists, the variables of one fresh from the factory, unless it keeps its own. */
export function prepareVariables(
  machine: Pick<Machine, 'firmware' | 'folder' | 'keepVariables' | 'secureBoot'>,
): void {
  const { uefiVariables } = machineFiles(machine)
  if (machine.firmware !== 'uefi' || (machine.keepVariables === true && existsSync(uefiVariables))) return
  copyFileSync(ovmfVariables(machine), uefiVariables)
}

async function stopMachine(
  child: ChildProcess,
  files: MachineFiles,
  exited: Promise<MachineExit>,
): Promise<MachineExit> {
  const timer = setTimeout(() => child.kill('SIGKILL'), QUIT_TIMEOUT_MS)
  quit(files.qmpSocket, () => child.kill('SIGKILL'))
  try {
    return await exited
  } finally {
    clearTimeout(timer)
  }
}

/** QMP (QEMU, docs/interop/qmp-spec): capabilities are negotiated before the first command. */
function quit(path: string, onRefused: () => void): void {
  const socket = connect(path)
  socket.once('error', onRefused)
  socket.on('connect', () => {
    // From here on an error is QEMU closing the connection as it ends.
    socket.off('error', onRefused).on('error', () => socket.destroy())
    socket.write('{"execute":"qmp_capabilities"}\n{"execute":"quit"}\n')
  })
  socket.resume()
}

function exitOf(child: ChildProcess): Promise<MachineExit> {
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    if (stderr.length < STDERR_LIMIT) stderr = (stderr + chunk.toString()).slice(0, STDERR_LIMIT)
  })
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: 127, stderr: error.message }))
    child.on('close', (code, signal) => resolve({ code: code ?? (signal === 'SIGKILL' ? 137 : 143), stderr }))
  })
}
