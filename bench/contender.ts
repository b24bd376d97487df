import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { clientMac, LAN } from './lan.ts'
import { type Cable, layCable } from './namespaces.ts'
import { type PeerName, type Preparation, type Program, prepare } from './peers.ts'
import { type Load, parsePerfdhcp, perfdhcpArguments } from './perfdhcp.ts'
import { type Usage, usageOf } from './process-tree.ts'
import type { Step } from './statistics.ts'

const START_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 5000
/** After a step the server works off what it still has: until it is this idle, or this long. */
const SETTLED_SHARE = 0.1
const SETTLE_LIMIT_MS = 10_000
const SETTLE_LOOK_MS = 250
/** The MAC of the DISCOVER that waits for a start; far above the clients of the load. */
const PROBE_CLIENT = 0xff_ff_ff_00

export interface ContenderOptions extends Preparation {
  readonly peer: PeerName
  /** Names the namespaces. */
  readonly id: string
  readonly program: Program
  readonly perfdhcp: Program
}

export interface StepResult extends Step {
  readonly offers: number
  readonly ackDelayMs: number | undefined
  readonly residentMiB: number
}

/** One server under test, running in its own namespaces. */
export class Contender {
  /** Milliseconds from the start of the process to the first OFFER. */
  readonly firstOfferMs: number
  readonly #server: ChildProcess
  readonly #cable: Cable
  readonly #perfdhcp: Program

  private constructor({ server, cable, firstOfferMs }: Started, perfdhcp: Program) {
    this.#server = server
    this.#cable = cable
    this.firstOfferMs = firstOfferMs
    this.#perfdhcp = perfdhcp
  }

  /** Rejects with the server's last words when no OFFER comes. */
  static async start(options: ContenderOptions): Promise<Contender> {
    const { peer, id, program, perfdhcp, dir } = options
    const prepared = await prepare(peer, options)
    const cable = layCable(id)
    const probe = new Probe(cable)
    await probe.sending
    const log = openSync(join(dir, 'output'), 'a')
    const begun = process.hrtime.bigint()
    const server = start([...cable.atServer, program.path, ...prepared.arguments], {
      env: { ...program.env, ...prepared.env },
      output: log,
    })
    closeSync(log)
    try {
      const firstOfferMs = Number((await probe.offer(server)) - begun) / 1e6
      return new Contender({ server, cable, firstOfferMs }, perfdhcp)
    } catch (error) {
      server.kill('SIGKILL')
      const words = lastWords(dir)
      throw new Error(`${error instanceof Error ? error.message : String(error)}${words}`)
    } finally {
      probe.end()
    }
  }

  usage(): Usage {
    return usageOf(this.#server.pid ?? 0)
  }

  /** One step of load, after the server has settled from the one before. Rejects when perfdhcp or the server fails. */
  async load({ rate, seconds, clients }: Pick<Load, 'rate' | 'seconds' | 'clients'>): Promise<StepResult> {
    await this.#settle()
    const before = this.usage()
    const load = perfdhcpArguments({ rate, seconds, clients, relay: LAN.relay, server: LAN.server })
    const text = await outputOf([...this.#cable.atClient, this.#perfdhcp.path, ...load], this.#perfdhcp.env)
    const after = this.usage()
    if (this.#server.exitCode !== null || this.#server.signalCode !== null)
      throw new Error(`the server ended (${this.#server.exitCode ?? this.#server.signalCode})`)
    const exchanges = parsePerfdhcp(text)
    if (exchanges === undefined) throw new Error(`perfdhcp: ${text.trim().split('\n').at(-1) ?? 'no output'}`)
    const { discovers, offers, acks, ackDelayMs } = exchanges
    const { residentMiB } = after
    const cpuSeconds = after.cpuSeconds - before.cpuSeconds
    return { rate, seconds, started: discovers, offers, completed: acks, cpuSeconds, ackDelayMs, residentMiB }
  }

  async stop(): Promise<void> {
    const ended = once(this.#server, 'exit')
    if (this.#server.exitCode !== null || this.#server.signalCode !== null) return
    this.#server.kill('SIGTERM')
    const limit = setTimeout(() => this.#server.kill('SIGKILL'), STOP_LIMIT_MS)
    await ended
    clearTimeout(limit)
  }

  async #settle(): Promise<void> {
    for (let waited = 0; waited < SETTLE_LIMIT_MS; waited += SETTLE_LOOK_MS) {
      const before = this.usage().cpuSeconds
      await sleep(SETTLE_LOOK_MS)
      if (this.usage().cpuSeconds - before < (SETTLED_SHARE * SETTLE_LOOK_MS) / 1000) return
    }
  }
}

interface Started {
  readonly server: ChildProcess
  readonly cable: Cable
  readonly firstOfferMs: number
}

/** The process of `first-offer.ts`. */
class Probe {
  readonly #process: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly sending: Promise<void>

  constructor({ atClient }: Cable) {
    const program = join(import.meta.dirname, 'first-offer.ts')
    const args = [LAN.relay, LAN.server, clientMac(PROBE_CLIENT)]
    const [command = '', ...rest] = [...atClient, process.execPath, program, ...args]
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#process = child
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    this.sending = this.#lines.next().then(({ done }) => {
      if (done === true) throw new Error('the probe did not start')
    })
  }

  /** The moment of the first OFFER; rejects when the server ends, or after a while. */
  async offer(server: ChildProcess): Promise<bigint> {
    const stopped = new AbortController()
    const line = this.#lines.next()
    const ended = once(server, 'exit', { signal: stopped.signal }).then(([code, signal]) => {
      throw new Error(`the server ended (${code ?? signal})`)
    })
    const late = sleep(START_LIMIT_MS, undefined, { signal: stopped.signal }).then(() => {
      throw new Error(`no OFFER within ${START_LIMIT_MS / 1000} s`)
    })
    for (const promise of [ended, late]) promise.catch(() => {})
    const result = await Promise.race([line, ended, late])
    stopped.abort()
    if (result.done === true) throw new Error('the probe ended')
    return BigInt(result.value)
  }

  end(): void {
    this.#process.kill('SIGKILL')
  }
}

interface StartOptions {
  readonly env: Readonly<Record<string, string>>
  /** A file descriptor. */
  readonly output: number
}

function start(command: readonly string[], { env, output }: StartOptions): ChildProcess {
  const [program = '', ...args] = command
  return spawn(program, args, { stdio: ['ignore', output, output], env: { ...process.env, ...env } })
}

async function outputOf(command: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const [program = '', ...args] = command
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
  await once(child, 'close')
  return text
}

function lastWords(dir: string): string {
  const words = readFileSync(join(dir, 'output'), 'utf8').trim().split('\n').at(-1) ?? ''
  return words === '' ? '' : `; its last words: ${words}`
}
