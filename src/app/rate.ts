/** A token bucket for each sender, with a bound on how many senders are remembered. */
export class RateLimit {
  readonly #burst: number
  readonly #perSecond: number
  readonly #most: number
  readonly #buckets = new Map<string, { tokens: number; at: number }>()

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
    this.#buckets.delete(sender)
    this.#buckets.set(sender, { tokens: allowed ? tokens - 1 : tokens, at: now })
    const oldest = this.#buckets.size > this.#most ? this.#buckets.keys().next().value : undefined
    if (oldest !== undefined) this.#buckets.delete(oldest)
    return allowed
  }
}
