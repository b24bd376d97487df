import { createInterface, type Interface } from 'node:readline/promises'
import type { Result } from '../lib/result.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { say } from './output.ts'

export interface Question<T> {
  readonly text: string
  /** What Enter alone means. */
  readonly preset: string
  /** The value, or a sentence that says what to type instead; then the question comes again. */
  readonly read: (text: string) => Result<T, string>
}

/** Questions to the person at the terminal, on stderr. Ctrl-C or Ctrl-D ends the command with exit code 1. */
export class Questions {
  readonly #lines: Interface
  readonly #closed = new AbortController()

  constructor() {
    this.#lines = createInterface({ input: process.stdin, output: process.stderr, terminal: true })
    this.#lines.once('close', () => this.#closed.abort())
  }

  /** Asks until the answer can be read; rejects with a CliError when the terminal is closed. */
  async ask<T>({ text, preset, read }: Question<T>): Promise<T> {
    for (;;) {
      const typed = await this.#line(`${text} [${preset}]: `)
      const answer = read(typed === '' ? preset : typed)
      if (answer.ok) return answer.value
      say(answer.error)
    }
  }

  /** Gives the terminal back; a question that waits is broken off. */
  close(): void {
    this.#lines.close()
  }

  async #line(prompt: string): Promise<string> {
    const { signal } = this.#closed
    try {
      signal.throwIfAborted()
      return (await this.#lines.question(prompt, { signal })).trim()
    } catch (error) {
      if (!signal.aborted) throw error
      say('')
      throw new CliError('the questions were broken off; nothing was written', EXIT.failure)
    }
  }
}
