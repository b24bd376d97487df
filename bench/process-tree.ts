import { type ChildProcess, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Usage {
  /** User and system time of the processes and of those they waited for, in seconds. */
  readonly cpuSeconds: number
  /** Resident memory, in MiB. */
  readonly residentMiB: number
}

/** /proc/PID/stat counts time in this unit, a second's part. */
const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
const PAGE = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }))
const MIB = 1024 * 1024

/** What a process and its descendants used until now (proc_pid_stat(5)). Processes that ended count nothing of their own. */
export function usageOf(pid: number): Usage {
  const own = statOf(pid)
  if (own === undefined) return { cpuSeconds: 0, residentMiB: 0 }
  return childrenOf(pid)
    .map(usageOf)
    .reduce(
      (sum, one) => ({
        cpuSeconds: sum.cpuSeconds + one.cpuSeconds,
        residentMiB: sum.residentMiB + one.residentMiB,
      }),
      own,
    )
}

function statOf(pid: number): Usage | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'), { ticks: TICKS, page: PAGE })
  } catch {
    return undefined
  }
}

/** Reads one line of /proc/PID/stat. The name in brackets may hold blanks and brackets. */
export function parseStat(line: string, unit: { readonly ticks: number; readonly page: number }): Usage {
  // Fields are numbered from 1; the first after the name is the third.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  const field = (number: number): number => Number(fields[number - 3])
  const ticks = field(14) + field(15) + field(16) + field(17)
  return { cpuSeconds: ticks / unit.ticks, residentMiB: (field(24) * unit.page) / MIB }
}

function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return text
      .split(' ')
      .filter((word) => word !== '')
      .map(Number)
  } catch {
    return []
  }
}

/** Ends processes with SIGTERM; those that are there after five seconds with SIGKILL. */
export async function stop(processes: readonly ChildProcess[]): Promise<void> {
  await Promise.all(
    processes.map(async (one) => {
      if (one.exitCode !== null) return
      const ended = once(one, 'exit')
      one.kill('SIGTERM')
      await Promise.race([ended, sleep(5000)])
      one.kill('SIGKILL')
    }),
  )
}
