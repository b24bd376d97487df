/** Hundreds of DHCP clients on another host of the test's network, and what they saw; `udp-load.ts` is the program. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Host } from './netns.ts'

const PROGRAM = path.join(import.meta.dirname, 'udp-load.ts')
const PATIENCE_MS = 120_000

export interface LoadPlan {
  /** Exchanges that run at the same time. */
  readonly atOnce: number
  /** Of a hundred exchanges, how many are a new client's; the others are those of a client that has an address. */
  readonly fresh: number
  /** Clients in all. */
  readonly clients: number
  /** The first two octets of their MAC addresses. */
  readonly prefix: string
  /** Milliseconds that a client rests after an exchange. */
  readonly pauseMs?: number
}

/** Packets that no good client sends, from a seed. */
export interface Burst {
  /** `mutated`: random and changed messages; `strangers`: DISCOVERs of as many MAC addresses; `chatty`: of one. */
  readonly kind: 'mutated' | 'strangers' | 'chatty'
  readonly count: number
  readonly perSecond: number
  readonly seed: number
}

export interface Acknowledged {
  readonly mac: string
  readonly address: string
}

export interface Counts {
  /** Exchanges that were completed. */
  readonly exchanged: number
  /** Clients that exist by now. */
  readonly clients: number
  /** OFFERs seen, to whomever. */
  readonly offers: number
}

const alive = new Set<Load>()

/** Ends what a failed test left behind: for `afterEach`. */
export async function endLoads(): Promise<void> {
  await Promise.all([...alive].map((load) => load.close()))
}

export class Load {
  readonly #program: ChildProcess
  readonly #wakers = new Set<() => void>()
  #halted = 0
  #sent = 0
  /** Every ACK seen on the wire, in order. */
  readonly acks: Acknowledged[] = []
  /** The clients' complaints: NAKs, other addresses than before, exchanges given up. */
  readonly complaints: string[] = []
  /** As of the last `halt`. */
  counts: Counts = { exchanged: 0, clients: 0, offers: 0 }

  /** `local` is the host's address: the relay agent's. */
  constructor(host: Host, local: string, server: string) {
    const inside = [`--net=/run/netns/${host.name}`, '--', process.execPath, PROGRAM, local, server]
    this.#program = spawn('nsenter', inside, { stdio: ['pipe', 'pipe', 'inherit'] })
    alive.add(this)
    const { stdout } = this.#program
    if (stdout === null) throw new Error('no pipe')
    createInterface({ input: stdout }).on('line', (line) => this.#read(line))
    this.#program.once('exit', () => {
      for (const wake of this.#wakers) wake()
    })
  }

  go(plan: LoadPlan): void {
    this.#tell(`go ${JSON.stringify(plan)}`)
  }

  /** Ends all exchanges; when this resolves every ACK that had reached the host is in `acks`. */
  async halt(): Promise<void> {
    const before = this.#halted
    this.#tell('halt')
    await this.#until('the load to halt', () => this.#halted > before)
  }

  /** Resolves when all packets of the burst are sent. */
  async send(burst: Burst): Promise<void> {
    const before = this.#sent
    this.#tell(`send ${JSON.stringify(burst)}`)
    const patience = PATIENCE_MS + (burst.count / burst.perSecond) * 3000
    await this.#until('the burst', () => this.#sent > before, patience)
  }

  /** Resolves when so many ACKs have been seen in all. */
  acknowledged(count: number): Promise<void> {
    return this.#until(`${count} ACKs`, () => this.acks.length >= count)
  }

  async close(): Promise<void> {
    if (!alive.delete(this)) return
    if (this.#program.exitCode !== null) return
    const closed = once(this.#program, 'close')
    this.#program.stdin?.end()
    await closed
  }

  #tell(line: string): void {
    this.#program.stdin?.write(`${line}\n`)
  }

  #read(line: string): void {
    const [word = '', mac = '', address = ''] = line.split(' ')
    if (word === 'ACK') this.acks.push({ mac, address })
    else if (word === 'sent') this.#sent += 1
    else if (word === 'halted') {
      this.#halted += 1
      this.counts = JSON.parse(line.slice('halted '.length))
    } else this.complaints.push(line)
    for (const wake of this.#wakers) wake()
  }

  async #until(what: string, isTrue: () => boolean, patience = PATIENCE_MS): Promise<void> {
    const late = AbortSignal.timeout(patience)
    while (!isTrue()) {
      if (late.aborted || this.#program.exitCode !== null)
        throw new Error(`no ${what}: ${this.acks.length} ACKs, ${this.complaints.slice(0, 5).join(', ')}`)
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#wakers.delete(wake)
          resolve()
        }
        this.#wakers.add(wake)
        late.addEventListener('abort', wake, { once: true })
      })
    }
  }
}
