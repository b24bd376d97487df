import { isOfAWalk, readOwnName } from '../boot/own-name.ts'
import { AttemptFile, readAttemptFile } from './answer-attempt.ts'
import { answerAutoexec, isAutoexec } from './answer-autoexec.ts'
import { answerOwnName } from './answer-own-name.ts'
import { answerTftp, type LoaderAnswer } from './answer-tftp.ts'
import { publishedImage } from './published-image.ts'
import { type Running, refreshImages } from './running.ts'
import type { ServedNetwork } from './served-network.ts'

export type ReadAnswer =
  | (Extract<LoaderAnswer, { kind: 'file' }> & {
      /** With it a machine boots what somebody asked for. */
      readonly attempt?: AttemptFile
    })
  | {
      readonly kind: 'text'
      readonly name: string
      readonly text: string
      readonly onHeard: () => Promise<void>
    }
  /** `expected`: loaders probe for such names, nobody need look. */
  | { readonly kind: 'refuse'; readonly reason: string; readonly expected?: true }

/**
 * What is published over TFTP by these names, best first: a loader, the asking machine's own configuration, or an image's file,
 * which PXELINUX can fetch in no other way.
 */
export async function answerRead(
  names: readonly string[],
  peer: string,
  on: ServedNetwork,
  running: Running,
): Promise<ReadAnswer> {
  const loader = answerTftp(names, peer, on, running)
  if (loader.kind === 'file') return loader
  for (const name of names) {
    const autoexec = isAutoexec(name) ? answerAutoexec({ via: 'tftp', peer }, on, running) : undefined
    if (autoexec !== undefined)
      return { kind: 'text', name, text: autoexec.text, onHeard: async () => autoexec.onSent() }
    const own = readOwnName(name)
    const found = own === undefined ? undefined : await answerOwnName(own, { via: 'tftp', peer }, on, running)
    if (found !== undefined) return { kind: 'text', name, ...found }
    const image = await imageFile(name, peer, on, running)
    if (image !== undefined) return image
  }
  return names.some(isOfAWalk) ? { ...loader, expected: true } : loader
}

/** Its immutable address alone, below whatever folder the loader takes for the root. */
async function imageFile(
  name: string,
  peer: string,
  on: ServedNetwork,
  running: Running,
): Promise<ReadAnswer | undefined> {
  const address = /(?:^|\/)images\/([^/]+)\/([0-9a-f]{64})\/([^/]+)$/.exec(name)
  if (address === null) return undefined
  await refreshImages(running)
  const found = publishedImage(address.slice(1), running)
  if (found === undefined) return undefined
  const nonce = readAttemptFile(name)?.nonce
  const attempt = nonce === undefined ? undefined : new AttemptFile(nonce, peer, on, running)
  const refusal = attempt?.look()
  if (refusal !== undefined) return { kind: 'refuse', reason: refusal.because }
  const { path, size, sha256, stored } = found
  return {
    kind: 'file',
    name: found.name,
    file: { path, size, revision: sha256, ...(stored === true ? { noLinks: true } : {}) },
    ...(attempt === undefined ? {} : { attempt }),
  }
}
