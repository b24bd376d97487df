import { resolve } from 'node:path'
import { firstConfig } from '../config/first-config.ts'
import type { NetworkProposal } from '../config/propose.ts'
import { resolveConfig } from '../config/resolve.ts'
import { formatProblem } from '../config/source.ts'
import { type InitFlags, pathFor } from './init-flags.ts'
import type { Decisions } from './init-questions.ts'

/** The text, held against our own reader: what it refuses here is a fault of this program. */
export function composeText(
  network: NetworkProposal,
  { wishes, image }: Decisions,
  { out, stateDir }: InitFlags,
): string {
  const files = (typed: readonly string[]): readonly string[] => typed.map((file) => pathFor(out, file))
  const text = firstConfig({
    network,
    wishes,
    stateDir: pathFor(out, stateDir),
    ...(image === undefined
      ? {}
      : { image: { kernel: pathFor(out, image.kernel), initrd: files(image.initrd) } }),
  })
  const { problems } = resolveConfig({ file: resolve(out === '-' ? 'centra-pxe.yaml' : out), text }, [])
  const errors = problems.filter(({ severity }) => severity === 'error')
  if (errors.length > 0)
    throw new Error(`the new configuration is not valid:\n${errors.map(formatProblem).join('\n')}`)
  return text
}
