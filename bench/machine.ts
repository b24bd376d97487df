import { execFileSync } from 'node:child_process'
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { median } from './statistics.ts'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly fileSystem: string
  /** The median of a small write and its fdatasync, in milliseconds. */
  readonly fdatasyncMs: number
}

const SYNCS = 50

/** What the figures were measured on; `folder` is where the servers keep their leases. */
export function describeMachine(folder: string): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    fileSystem: execFileSync('stat', ['-f', '-c', '%T', folder], { encoding: 'utf8' }).trim(),
    fdatasyncMs: syncTime(join(folder, 'sync')),
  }
}

/** The load averages of 1, 5 and 15 minutes. */
export function loadNow(): string {
  return loadavg()
    .map((load) => load.toFixed(1))
    .join(' ')
}

function syncTime(file: string): number {
  const descriptor = openSync(file, 'w')
  const times = Array.from({ length: SYNCS }, () => {
    const begun = performance.now()
    writeSync(descriptor, Buffer.alloc(4096))
    fdatasyncSync(descriptor)
    return performance.now() - begun
  })
  closeSync(descriptor)
  rmSync(file)
  return median(times) ?? 0
}
