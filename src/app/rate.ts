/** A sender moves to the end of the list at most this often, in milliseconds: moving costs more than looking. */
const MOVE_EVERY_MS = 1000

interface Bucket {
  tokens: number
  /** When it was last asked, and when it came to the end of the list. */
  at: number
  movedAt: number
}

/** A token bucket for each sender, with a bound on how many senders are remembered. */
export class RateLimit {
  readonly #burst: number
  readonly #perSecond: number
  readonly #most: number
  readonly #buckets = new Map<string, Bucket>()

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
    const bucket = this.#buckets.get(sender) ?? this.#add(sender, now)
    const gained = (Math.max(0, now - bucket.at) / 1000) * this.#perSecond
    const tokens = Math.min(this.#burst, bucket.tokens + gained)
    const allowed = tokens >= 1
    bucket.tokens = allowed ? tokens - 1 : tokens
    bucket.at = now
    if (Math.abs(now - bucket.movedAt) > MOVE_EVERY_MS) {
      bucket.movedAt = now
      this.#buckets.delete(sender)
      this.#buckets.set(sender, bucket)
    }
    return allowed
  }

  #add(sender: string, now: number): Bucket {
    const bucket = { tokens: this.#burst, at: now, movedAt: now }
    this.#buckets.set(sender, bucket)
    const oldest = this.#buckets.size > this.#most ? this.#buckets.keys().next().value : undefined
    if (oldest !== undefined) this.#buckets.delete(oldest)
    return bucket
  }
}
