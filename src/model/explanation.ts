import type { Mac } from '../lib/mac.ts'
import type { Step } from './rules.ts'

/** One decision for people: what was asked, every step, and what the client gets. */
export interface Explanation {
  readonly request: string
  /** Absent where the sender could not be read. */
  readonly mac?: Mac
  readonly node?: string
  readonly steps: readonly Step[]
  readonly answer: string
  /** The answer depends on no state and no clock. */
  readonly stable: boolean
  /** The message that is sent and where to: `OFFER 10.0.0.9, broadcast`. */
  readonly reply?: string
  /** The address in it (yiaddr). */
  readonly address?: string
  /** Why nothing of this is sent. */
  readonly mode?: string
  /** The script itself, where the answer is one. */
  readonly script?: string
}
