import type { Pace } from '../model/http.ts'

/** Milliseconds of a rate that are given at once, and that a bucket saves up: a timer is a few milliseconds late. */
const QUANTUM_MS = 20
const BURST_MS = 60
/** Octets. */
const LEAST_QUANTUM = 16 << 10
const MOST_QUANTUM = 1 << 20

interface Waiting {
  readonly octets: number
  readonly go: () => void
  readonly isGone: () => boolean
}

/** A token bucket that lends: when the octets given so far are paid for, on the clock of `performance.now()`. */
interface Bucket {
  paidAt: number
}

interface Line {
  readonly bucket: Bucket
  rate: number
  clientRate: number
  /** Clients in turn, each with what it waits for. */
  readonly waiting: Map<string, Waiting[]>
  readonly clients: Map<string, Bucket>
  timer: NodeJS.Timeout | undefined
}

/**
 * Shares a network's rate among the clients that load from it: each in turn gets a quantum, so that neither many
 * connections nor a fast client get more, and nobody starves.
 */
export class Pacing {
  readonly #lines = new Map<string, Line>()
  readonly #now: () => number

  /** `now` in milliseconds; it never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** The most octets to ask for at once; undefined where nothing is paced. */
  static quantum({ rate, clientRate }: Pace): number | undefined {
    const least = Math.min(rate ?? Number.POSITIVE_INFINITY, clientRate ?? Number.POSITIVE_INFINITY)
    if (least === Number.POSITIVE_INFINITY) return undefined
    return Math.round(Math.min(Math.max((least * QUANTUM_MS) / 1000, LEAST_QUANTUM), MOST_QUANTUM))
  }

  /** Resolves when these octets may go out. Of a client that is gone by then nothing is counted. */
  take(pace: Pace, octets: number, isGone: () => boolean = () => false): Promise<void> {
    const line = this.#line(pace)
    return new Promise((go) => {
      const own = line.waiting.get(pace.client)
      const one = { octets, go, isGone }
      if (own === undefined) line.waiting.set(pace.client, [one])
      else own.push(one)
      this.#serve(line)
    })
  }

  /** So many of the octets that were taken did not go out after all. */
  giveBack(pace: Pace, octets: number): void {
    if (octets === 0) return
    const line = this.#line(pace)
    line.bucket.paidAt -= (octets * 1000) / line.rate
    const bucket = line.clients.get(pace.client)
    if (bucket !== undefined) bucket.paidAt -= (octets * 1000) / line.clientRate
    clearTimeout(line.timer)
    line.timer = undefined
    this.#serve(line)
  }

  #line({ network, rate, clientRate }: Pace): Line {
    const line = this.#lines.get(network) ?? {
      ...{ bucket: { paidAt: 0 }, rate: 0, clientRate: 0, timer: undefined },
      ...{ waiting: new Map(), clients: new Map() },
    }
    this.#lines.set(network, line)
    line.rate = rate ?? Number.POSITIVE_INFINITY
    line.clientRate = clientRate ?? Number.POSITIVE_INFINITY
    return line
  }

  #serve(line: Line): void {
    const now = this.#now()
    while (line.bucket.paidAt <= now && line.waiting.size > 0) {
      const client = nextClient(line, now)
      if (client === undefined) break
      this.#give(line, client, now)
    }
    for (const [client, { paidAt }] of line.clients)
      if (paidAt + BURST_MS < now && !line.waiting.has(client)) line.clients.delete(client)
    if (line.waiting.size > 0 && line.timer === undefined) this.#later(line, now)
  }

  #give(line: Line, client: string, now: number): void {
    const own = line.waiting.get(client) ?? []
    const [first, ...others] = own.filter(({ isGone }) => !isGone())
    line.waiting.delete(client)
    if (others.length > 0) line.waiting.set(client, others)
    if (first === undefined) return
    charge(line.bucket, (first.octets * 1000) / line.rate, now)
    if (line.clientRate < Number.POSITIVE_INFINITY) {
      const bucket = line.clients.get(client) ?? { paidAt: 0 }
      line.clients.set(client, bucket)
      charge(bucket, (first.octets * 1000) / line.clientRate, now)
    }
    first.go()
  }

  #later(line: Line, now: number): void {
    const clients = [...line.waiting.keys()].map((one) => line.clients.get(one)?.paidAt ?? 0)
    const at = Math.max(line.bucket.paidAt, Math.min(...clients))
    line.timer = setTimeout(
      () => {
        line.timer = undefined
        this.#serve(line)
      },
      Math.max(1, Math.ceil(at - now)),
    )
  }
}

/** Whoever waits longest of those that have not had their own rate. */
function nextClient({ waiting, clients }: Line, now: number): string | undefined {
  for (const client of waiting.keys()) if ((clients.get(client)?.paidAt ?? 0) <= now) return client
  return undefined
}

function charge(bucket: Bucket, milliseconds: number, now: number): void {
  bucket.paidAt = Math.max(bucket.paidAt, now - BURST_MS) + milliseconds
}
