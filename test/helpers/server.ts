/**
 * The real command, `bin/centra-pxe`, and the files it needs: for tests inside the namespaces of `netns.ts`, whose
 * `/run` is a private tmpfs.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export const CENTRA_PXE: string = path.join(import.meta.dirname, '../../bin/centra-pxe')
const EXAMPLE = path.join(import.meta.dirname, '../fixtures/config/lab.yaml')
/** Generous: the machine may be busy with other tests. */
const PATIENCE_MS = 30_000

/** A folder with the contract's configuration, its two image files, two loaders, and room for the state. */
export interface Site {
  readonly dir: string
  readonly config: string
  readonly stateDir: string
  /** The published files by name. Their bytes are random. */
  readonly files: Readonly<Record<'vmlinuz' | 'initrd.img' | 'undionly.kpxe' | 'snponly.efi', Buffer>>
  /** Writes the configuration again, changed by the function. */
  rewrite(change: (text: string) => string): void
}

export function makeSite(dir: string, change: (text: string) => string = (text) => text): Site {
  const files = {
    vmlinuz: randomBytes(70_001),
    'initrd.img': randomBytes(3_000_017),
    'undionly.kpxe': randomBytes(70_283),
    'snponly.efi': randomBytes(262_144),
  }
  for (const folder of ['images', 'firmware']) mkdirSync(path.join(dir, folder), { recursive: true })
  for (const [name, bytes] of Object.entries(files))
    writeFileSync(
      path.join(dir, name.startsWith('vm') || name.startsWith('init') ? 'images' : 'firmware', name),
      bytes,
    )
  const config = path.join(dir, 'lab.yaml')
  const original = readFileSync(EXAMPLE, 'utf8')
    .replace(/[ \t]*#.*$/gm, '')
    .replace('server:\n', 'server:\n  firmware: ./firmware\n')
    // Who else is there is known; test/net/foreign.test.ts asks.
    .replace('    address: 10.77.0.1\n', '    address: 10.77.0.1\n    probe: false\n')
  const rewrite = (edit: (text: string) => string): void => writeFileSync(config, edit(original))
  rewrite(change)
  return { dir, config, stateDir: path.join(dir, 'state'), files, rewrite }
}

export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Facts of an event by name: its own (`mac`, `node`, `address`) or those of its detail. */
export type Facts = Readonly<Record<string, string | number | boolean | RegExp>>

export interface LoggedEvent {
  readonly id: number
  readonly kind: string
  readonly detail: Readonly<Record<string, unknown>>
  readonly [key: string]: unknown
}

export function loggedEvents(log: string): readonly LoggedEvent[] {
  return log.split('\n').flatMap((line) => {
    if (!line.startsWith('{') || !line.endsWith('}')) return []
    const { event } = JSON.parse(line)
    return event === undefined ? [] : [event]
  })
}

function hasFacts(event: LoggedEvent, facts: Facts): boolean {
  return Object.entries(facts).every(([key, wanted]) => {
    const value = event.detail[key] ?? event[key]
    return wanted instanceof RegExp ? wanted.test(String(value)) : value === wanted
  })
}

const alive = new Set<Running>()

/** Ends what a failed test left behind, so that the next one finds its ports free: for `afterEach`. */
export async function endAll(): Promise<void> {
  for (const running of alive) running.signal('SIGKILL')
  await Promise.all([...alive].map((running) => running.exited))
}

/** A running command. Its output is collected; it dies with the test file. */
export class Running {
  readonly process: ChildProcess
  readonly exited: Promise<Ending>
  stdout = ''
  stderr = ''
  readonly #wakers = new Set<() => void>()
  #ending: Ending | undefined

  constructor(child: ChildProcess) {
    this.process = child
    alive.add(this)
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
      this.#wake()
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
      this.#wake()
    })
    this.exited = once(child, 'close').then(([code, signal]) => {
      this.#ending = { code, signal }
      alive.delete(this)
      this.#wake()
      return { code, signal }
    })
  }

  get pid(): number {
    assert.ok(this.process.pid)
    return this.process.pid
  }

  get hasExited(): boolean {
    return this.#ending !== undefined
  }

  signal(name: NodeJS.Signals): void {
    this.process.kill(name)
  }

  /** Signals, and resolves with how it ended. */
  stop(name: NodeJS.Signals = 'SIGTERM'): Promise<Ending> {
    this.signal(name)
    return this.exited
  }

  /** The first match in stderr after `from` characters; fails when the process ends without it, or after a while. */
  stderrMatch(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    return this.#match('stderr', pattern, from)
  }

  stdoutMatch(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    return this.#match('stdout', pattern, from)
  }

  /** The first event of this kind that has these facts, in the log of a server that runs with `--log json`. */
  async event(kind: string, facts: Facts = {}, from = 0, patienceMs = PATIENCE_MS): Promise<LoggedEvent> {
    let seen: LoggedEvent | undefined
    const isIt = (text: string): boolean => {
      seen = loggedEvents(text).find((event) => event.kind === kind && hasFacts(event, facts))
      return seen !== undefined
    }
    await this.#wait(
      'stderr',
      `${kind} ${JSON.stringify(facts)}`,
      (text) => isIt(text.slice(from)) || undefined,
      patienceMs,
    )
    assert.ok(seen)
    return seen
  }

  #match(stream: 'stdout' | 'stderr', pattern: RegExp, from: number): Promise<RegExpExecArray> {
    return this.#wait(stream, `${pattern}`, (text) => pattern.exec(text.slice(from)) ?? undefined)
  }

  async #wait<T>(
    stream: 'stdout' | 'stderr',
    what: string,
    look: (text: string) => T | undefined,
    patienceMs = PATIENCE_MS,
  ): Promise<T> {
    const late = AbortSignal.timeout(patienceMs)
    for (;;) {
      const found = look(this[stream])
      if (found !== undefined) return found
      const talk = `; it said:\n${this.stdout}\n${this.stderr}`
      assert.ok(this.#ending === undefined, `ended (${JSON.stringify(this.#ending)}) without ${what}${talk}`)
      assert.ok(!late.aborted, `no ${what}${talk}`)
      await new Promise<void>((resolve) => {
        this.#wakers.add(resolve)
        late.addEventListener('abort', () => resolve(), { once: true })
      })
    }
  }

  #wake(): void {
    for (const wake of this.#wakers) wake()
    this.#wakers.clear()
  }
}

/** Starts `centra-pxe ARGS` here. */
export function startCentra(...args: readonly string[]): Running {
  return new Running(spawn(CENTRA_PXE, args, { stdio: ['ignore', 'pipe', 'pipe'] }))
}

/** Starts `centra-pxe serve` and waits for its `ready` line. */
export async function serve(site: Pick<Site, 'config'>, ...flags: readonly string[]): Promise<Running> {
  const server = startCentra('serve', '--config', site.config, ...flags)
  await server.stderrMatch(/^ready .*$/m)
  return server
}

/** Runs `centra-pxe ARGS` to its end. */
export async function centra(
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const running = startCentra(...args)
  const { code } = await running.exited
  return { code, stdout: running.stdout, stderr: running.stderr }
}

/** Asks again until the answer is not undefined. */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | Promise<T | undefined>,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const late = AbortSignal.timeout(patienceMs)
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    assert.ok(!late.aborted, `waited in vain: ${what}`)
    await sleep(50)
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Why a test that needs these programs is skipped; false when all are there. */
export function missing(...programs: readonly string[]): string | false {
  const absent = programs.filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0)
  return absent.length === 0 ? false : `${absent.join(', ')} not installed`
}
