import type { Decision } from '../boot/decision.ts'
import type { Mac } from '../lib/mac.ts'
import type { Script } from '../model/script.ts'
import { machineAt } from './answer-tftp.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'

/**
 * A script that boots an image opens an attempt, whose nonce goes to the machine's own lease alone: whoever reads
 * another machine's script learns nothing that a report could prove.
 */
export async function grant(
  decision: Decision,
  mac: Mac,
  peer: string,
  { on, running }: { readonly on: ServedNetwork; readonly running: Running },
): Promise<Script | undefined> {
  if (decision.action.kind !== 'script') return undefined
  const { script: wanted, boots } = decision.action
  if (boots === undefined || wanted.kind !== 'boot' || machineAt(peer, on, running) !== mac) return wanted
  const { profile, image: imageName } = boots
  const attempt = await running.attempts.open({
    mac,
    address: peer,
    profile,
    image: imageName,
    now: running.now(),
  })
  return { ...wanted, cmdline: [...wanted.cmdline, `centra.nonce=${attempt.nonce}`] }
}
