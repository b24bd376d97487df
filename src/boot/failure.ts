import { explainIpxeError } from '../protocol/ipxe/errors.ts'
import type { FailedStep } from './decision.ts'

/** A failed step in words: one line for traces and events, several for the machine's screen. */
export interface FailureWords {
  readonly summary: string
  readonly lines: readonly string[]
}

/** What a failed step means and what to do about it. The machine's own words are in it: to be shown, never trusted. */
export function explainFailure({ step, url, errno }: FailedStep): FailureWords {
  const what = url === undefined ? [] : [url]
  if (errno === undefined) return { summary: [`step ${step} failed`, ...what].join(': '), lines: what }
  const { number, meaning, advice, see } = explainIpxeError(errno)
  return {
    summary: `step ${step} failed: ${[...what, meaning, see].join(', ')}`,
    lines: [...what, `${meaning}. iPXE error ${number}: ${see}`, advice],
  }
}
