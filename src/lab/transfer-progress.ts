/** Milliseconds over which the rate is taken: the server tells of a transfer at most twice a second. */
const WINDOW_MS = 3000
/** Milliseconds without news after which no rate is claimed any more. */
const QUIET_MS = 5000

interface Sample {
  /** Milliseconds since 1970. */
  readonly time: number
  /** Octets. */
  readonly done: number
}

/** How far one file is on its way to a machine. */
export interface TransferView {
  readonly file: string
  /** Octets that went out. */
  readonly done: number
  /** Octets in all; 0 when unknown. */
  readonly size: number
  /** Octets a second over the last seconds; absent until there are two reports, and when there was no news lately. */
  readonly rate?: number
  /** Milliseconds since the last news, when that is long. */
  readonly quietFor?: number
}

/** One transfer under way. No clock: reports carry their time. */
export class TransferProgress {
  readonly #file: string
  #size: number
  #samples: readonly Sample[]

  /** `time` in milliseconds since 1970, `size` in octets. */
  constructor(file: string, size: number, time: number) {
    this.#file = file
    this.#size = size
    this.#samples = [{ time, done: 0 }]
  }

  get file(): string {
    return this.#file
  }

  /** A report: so many octets of so many. */
  advance({ done, size, time }: Sample & { readonly size: number }): void {
    this.#size = size
    const since = time - WINDOW_MS
    // The newest sample before the window stays: slow transfers report less often than the window is long.
    const kept = this.#samples.filter(
      ({ time: at }, i) => at >= since || (this.#samples[i + 1]?.time ?? time) > since,
    )
    this.#samples = [...kept, { time, done }]
  }

  /** `now` in milliseconds since 1970; `rate` in octets a second. */
  view(now: number): TransferView {
    const last = this.#samples.at(-1)
    const facts = { file: this.#file, done: last?.done ?? 0, size: this.#size }
    const [first] = this.#samples
    if (first === undefined || last === undefined) return facts
    const quietFor = now - last.time
    const beforeLast = this.#samples.at(-2) ?? last
    if (quietFor > Math.max(QUIET_MS, 2 * (last.time - beforeLast.time))) return { ...facts, quietFor }
    if (last.time <= first.time) return facts
    return { ...facts, rate: ((last.done - first.done) * 1000) / (last.time - first.time) }
  }
}
