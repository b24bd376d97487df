import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'

/** The private world's /sys has none, and its /run is its own. */
const MOUNT = '/run/centra-cgroup'

/**
 * The CPU time of a server with all that it forks. tftpd-hpa's children are nobody's when they end, so no process adds them
 * up; a cgroup does (cgroup v2: `cpu.stat` needs no controller).
 */
export class CpuGroup {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** undefined where there is no cgroup v2 that may be written. To be called in the private world. */
  static create(name: string): CpuGroup | undefined {
    const folder = join(MOUNT, `centra-bench-${Date.now()}-${name}`)
    try {
      if (!existsSync(MOUNT)) {
        mkdirSync(MOUNT)
        execFileSync('mount', ['-t', 'cgroup2', 'none', MOUNT], { stdio: 'ignore' })
      }
      mkdirSync(folder)
      readFileSync(join(folder, 'cpu.stat'))
      return new CpuGroup(folder)
    } catch {
      return undefined
    }
  }

  /** The words before a command that runs it in the group from its first instruction on. */
  get enter(): readonly string[] {
    return ['sh', '-c', `echo $$ > ${join(this.#folder, 'cgroup.procs')} && exec "$0" "$@"`]
  }

  /** User and system time so far, in seconds. */
  get cpuSeconds(): number {
    const text = readFileSync(join(this.#folder, 'cpu.stat'), 'utf8')
    return Number(/^usage_usec ([0-9]+)$/m.exec(text)?.[1]) / 1e6
  }

  /** Ends what is still in it. */
  remove(): void {
    try {
      for (const pid of readFileSync(join(this.#folder, 'cgroup.procs'), 'utf8').split('\n'))
        if (pid !== '' && pid !== '0') process.kill(Number(pid), 'SIGKILL')
      rmdirSync(this.#folder)
    } catch {
      // Busy for a moment yet: an empty group is left, which costs nothing and ends with the machine.
    }
  }
}
