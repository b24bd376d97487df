import { OldestFirst } from '../lib/oldest-first.ts'

interface Bucket {
  tokens: number
  /** When it was last asked. */
  at: number
}

/** A token bucket for each sender, with a bound on how many senders are remembered. */
export class RateLimit {
  readonly #burst: number
  readonly #perSecond: number
  readonly #most: number
  readonly #buckets = new OldestFirst<string, Bucket>()

  constructor({
    burst,
    perSecond,
    most,
  }: { readonly burst: number; readonly perSecond: number; readonly most: number }) {
    this.#burst = burst
    this.#perSecond = perSecond
    this.#most = most
  }

  /** Whether this sender may go on now. `now` in milliseconds; a clock that goes back grants nothing. */
  take(sender: string, now: number): boolean {
    const bucket = this.#buckets.get(sender) ?? { tokens: this.#burst, at: now }
    const gained = (Math.max(0, now - bucket.at) / 1000) * this.#perSecond
    const tokens = Math.min(this.#burst, bucket.tokens + gained)
    const allowed = tokens >= 1
    bucket.tokens = allowed ? tokens - 1 : tokens
    bucket.at = now
    this.#buckets.set(sender, bucket)
    this.#buckets.trim(this.#most)
    return allowed
  }
}
