import type { TftpContent } from './tftp-exchange.ts'

/**
 * A file whose last octets leave only once they are let go: when the client has acknowledged all before the window that they are
 * in. A size probe and a client that falls silent never come to them.
 */
export class HeldOctets implements TftpContent {
  readonly length: number
  readonly #content: TftpContent
  readonly #release: () => Promise<string | undefined>
  #told: (error?: Error) => void = () => {}
  #state: 'held' | 'asked' | 'free' = 'held'

  /** `release` resolves with a reason why they may not leave. The content is closed with this. */
  constructor(content: TftpContent, release: () => Promise<string | undefined>) {
    this.#content = content
    this.#release = release
    this.length = content.length
  }

  has(start: number, end: number): boolean {
    const isThere = this.#content.has?.(start, end) ?? true
    if (end < this.length || this.#state === 'free') return isThere
    if (isThere && this.#state === 'held') {
      this.#state = 'asked'
      void this.#ask()
    }
    return false
  }

  subarray(start: number, end: number): Uint8Array {
    return this.#content.subarray(start, end)
  }

  follow(told: (error?: Error) => void): void {
    this.#told = told
    this.#content.follow?.(told)
  }

  close(): void {
    this.#content.close?.()
  }

  async #ask(): Promise<void> {
    const reason = await this.#release().catch((error: unknown) => String(error))
    if (reason === undefined) this.#state = 'free'
    this.#told(reason === undefined ? undefined : new Error(reason))
  }
}
