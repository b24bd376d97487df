import type { Decision } from '../boot/decision.ts'
import type { Mac } from '../lib/mac.ts'
import type { Script } from '../model/script.ts'
import { machineAt } from './answer-tftp.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'

/** A script, and what is to be done before its machine can act on it. */
export interface Granted {
  readonly script: Script
  /** Resolves when the attempt of the script is open, and on disk. */
  readonly open: () => Promise<void>
}

/**
 * A script that boots an image opens an attempt, whose nonce goes to the machine's own lease alone: whoever reads
 * another machine's script learns nothing that a report could prove.
 */
export function grant(
  decision: Decision,
  mac: Mac,
  peer: string,
  { on, running }: { readonly on: ServedNetwork; readonly running: Running },
): Granted | undefined {
  if (decision.action.kind !== 'script') return undefined
  const { script: wanted, boots } = decision.action
  if (boots === undefined || wanted.kind !== 'boot' || machineAt(peer, on, running) !== mac)
    return { script: wanted, open: () => Promise.resolve() }
  const { profile, image } = boots
  const attempt = running.attempts.draft({ mac, address: peer, profile, image, now: running.now() })
  return {
    script: { ...wanted, cmdline: [...wanted.cmdline, `centra.nonce=${attempt.nonce}`] },
    open: () => running.attempts.open(attempt),
  }
}
