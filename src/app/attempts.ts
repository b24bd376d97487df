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
  readonly #open = new Map<Mac, OpenAttempt>()

  /** `known` in the order in which they were opened, whatever the clock said then. */
  constructor(store: Pick<StateStore, 'openAttempt'>, newNonce: () => string, known: readonly BootAttempt[]) {
    this.#store = store
    this.#newNonce = newNonce
    for (const attempt of known) this.adopt(attempt)
  }

  /** The newest one of this machine, whether it has reported or not; it may still be on its way to the disk. */
  of(mac: Mac): BootAttempt | undefined {
    return this.#open.get(mac)?.attempt
  }

  /** One that was opened and written elsewhere. */
  adopt(attempt: BootAttempt): void {
    this.#open.set(attempt.mac, { attempt, saved: Promise.resolve() })
  }

  /** The attempt this script belongs to: the open one, or a new one, which is not open yet. */
  draft(request: AttemptRequest): BootAttempt {
    const before = this.#open.get(request.mac)
    if (before !== undefined && isSame(before.attempt, request)) return before.attempt
    const { mac, address, profile, image, now } = request
    return { mac, nonce: this.#newNonce(), address, profile, image, openedAt: now }
  }

  /**
   * Opens what was drafted; on disk when this resolves. One that cannot be written is forgotten, so that the next script
   * tries again.
   */
  async open(attempt: BootAttempt): Promise<void> {
    const { mac } = attempt
    const before = this.#open.get(mac)
    if (before?.attempt.nonce === attempt.nonce) {
      await before.saved
      return
    }
    const opened: OpenAttempt = { attempt, saved: this.#store.openAttempt(attempt) }
    this.#open.set(mac, opened)
    try {
      await opened.saved
    } catch (error) {
      if (this.#open.get(mac) === opened) {
        this.#open.delete(mac)
        if (before !== undefined) this.#open.set(mac, before)
      }
      throw error
    }
  }
}

interface OpenAttempt {
  readonly attempt: BootAttempt
  readonly saved: Promise<void>
}

function isSame(before: BootAttempt, { address, profile, image, now }: AttemptRequest): boolean {
  const age = now - before.openedAt
  const same = before.address === address && before.profile === profile && before.image === image
  return same && age >= 0 && age < SAME_ATTEMPT_MS
}
