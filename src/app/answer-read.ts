import { isOfAWalk, readOwnName } from '../boot/own-name.ts'
import { answerOwnName } from './answer-own-name.ts'
import { answerTftp, type LoaderAnswer } from './answer-tftp.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'

/** What is published over TFTP by these names, best first: a loader, or the asking machine's own configuration. */
export async function answerRead(
  names: readonly string[],
  peer: string,
  on: ServedNetwork,
  running: Running,
): Promise<LoaderAnswer> {
  const loader = await answerTftp(names, peer, on, running)
  if (loader.kind === 'file') return loader
  for (const name of names) {
    const own = readOwnName(name)
    if (own === undefined) continue
    const text = await answerOwnName(own, { via: 'tftp', peer }, on, running)
    if (text !== undefined) return { kind: 'file', name, content: new TextEncoder().encode(text) }
  }
  return names.some(isOfAWalk) ? { ...loader, expected: true } : loader
}
