/** The arithmetic of the benchmarks. */

/** The middle value, the mean of both middle values when there are two; undefined without values. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)]
  const lower = sorted[Math.floor((sorted.length - 1) / 2)]
  return upper === undefined || lower === undefined ? undefined : (upper + lower) / 2
}

/** The value that this share of all is not above (nearest rank); undefined without values. */
export function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
}

/** What one step of the rate ladder showed. */
export interface Step {
  /** Four-way exchanges a second that were asked for. */
  readonly rate: number
  readonly seconds: number
  /** DISCOVERs sent. */
  readonly started: number
  /** ACKs received. */
  readonly completed: number
  /** CPU seconds of the server's process tree, user and system. */
  readonly cpuSeconds: number
}

/** A step is clean with less than this share of its exchanges lost. */
export const CLEAN_DROP_SHARE = 0.025
/** A client that sent less than this share of what it was asked for did not test the rate. */
const LEAST_SENT_SHARE = 0.95

/** The share of exchanges that began and did not end in an ACK. */
export function dropShare({ started, completed }: Step): number {
  return started === 0 ? 1 : 1 - completed / started
}

/** Whether the client itself was too slow for the step. */
export function isClientLimited({ rate, seconds, started }: Step): boolean {
  return started < rate * seconds * LEAST_SENT_SHARE
}

export function isClean(step: Step): boolean {
  return !isClientLimited(step) && dropShare(step) < CLEAN_DROP_SHARE
}

/** The highest clean rate of one run up the ladder; 0 when no step was clean. */
export function cleanRate(steps: readonly Step[]): number {
  return Math.max(0, ...steps.filter(isClean).map(({ rate }) => rate))
}

/** Whether the ladder may end: this many steps at its top were not clean, so that one bad moment does not decide. */
export function isExhausted(steps: readonly Step[], inARow = 2): boolean {
  return steps.length >= inARow && steps.slice(-inARow).every((step) => !isClean(step))
}

/** Microseconds of CPU for one completed exchange; undefined when none was. */
export function cpuPerExchange({ cpuSeconds, completed }: Step): number | undefined {
  return completed === 0 ? undefined : (cpuSeconds * 1e6) / completed
}
