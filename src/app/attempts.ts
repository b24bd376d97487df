import type { Mac } from '../lib/mac.ts'
import type { BootAttempt, StateStore } from '../model/ports.ts'

/** A script asked for again within this time belongs to the same try, in milliseconds. */
const SAME_ATTEMPT_MS = 600_000

export interface AttemptRequest {
  readonly mac: Mac
  /** Dotted decimal of the lease that asks. */
  readonly address: string
  readonly profile: string
  readonly image: string
  /** Milliseconds since 1970. */
  readonly now: number
}

/** The boot attempts that are open: a report proves by its nonce to which one it belongs. */
export class BootAttempts {
  readonly #store: Pick<StateStore, 'openAttempt'>
  readonly #newNonce: () => string
  readonly #open = new Map<Mac, BootAttempt>()

  constructor(store: Pick<StateStore, 'openAttempt'>, newNonce: () => string, known: readonly BootAttempt[]) {
    this.#store = store
    this.#newNonce = newNonce
    for (const attempt of [...known].sort((a, b) => a.openedAt - b.openedAt))
      this.#open.set(attempt.mac, attempt)
  }

  of(mac: Mac): BootAttempt | undefined {
    return this.#open.get(mac)
  }

  /** The attempt this script belongs to: the open one, or a new one that is on disk when this resolves. */
  async open({ mac, address, profile, image, now }: AttemptRequest): Promise<BootAttempt> {
    const before = this.#open.get(mac)
    const age = now - (before?.openedAt ?? 0)
    const same = before?.address === address && before.profile === profile && before.image === image
    if (before !== undefined && same && age >= 0 && age < SAME_ATTEMPT_MS) return before
    const attempt: BootAttempt = { mac, nonce: this.#newNonce(), address, profile, image, openedAt: now }
    this.#open.set(mac, attempt)
    await this.#store.openAttempt(attempt)
    return attempt
  }
}
