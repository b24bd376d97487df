import { err, ok, type Result } from '../lib/result.ts'
import { printable } from '../lib/text.ts'
import { withoutNonce } from '../model/intent.ts'
import type { BootAttempt } from '../model/ports.ts'

/** How far a machine says it came. `kernel` and `initrd` are on the way; each of the others ends the boot. */
export const REPORT_STAGES = ['kernel', 'initrd', 'installed', 'in-service', 'rescue', 'failed'] as const
export type ReportStage = (typeof REPORT_STAGES)[number]

/** What a booted machine says about itself. */
export interface Report {
  readonly stage: ReportStage
  readonly detail?: string
  readonly nonce?: string
  /** What the machine found out about itself, safe to print: `profile`, `address`, `cmdline`, ... */
  readonly facts: Readonly<Record<string, string>>
}

/** Bytes of a report's JSON that are read. */
export const REPORT_LIMIT = 8192
const FACT_LIMIT = 32
const FACT_LENGTH = 1024
const KEYS: ReadonlySet<string> = new Set(['stage', 'detail', 'nonce', 'facts'])

/** Reads the JSON of `POST /v1/report/MAC`. The error is one sentence for whoever wrote the client. */
export function parseReport(text: string): Result<Report, string> {
  const value = parseJson(text)
  if (!isRecord(value)) return err('expected a JSON object such as {"stage":"in-service"}')
  const unknown = Object.keys(value).find((key) => !KEYS.has(key))
  if (unknown !== undefined)
    return err(`there is no key "${printable(unknown, 40)}"; there are ${[...KEYS].join(', ')}`)
  const stage = REPORT_STAGES.find((name) => name === value['stage'])
  if (stage === undefined) return err(`expected a stage out of ${REPORT_STAGES.join(', ')}`)
  const { detail, nonce } = value
  if (detail !== undefined && typeof detail !== 'string') return err('expected detail to be text')
  if (nonce !== undefined && typeof nonce !== 'string') return err('expected nonce to be text')
  const facts = parseFacts(value['facts'])
  if (!facts.ok) return facts
  return ok({
    stage,
    ...(detail === undefined ? {} : { detail: withoutNonce(printable(detail, FACT_LENGTH)) }),
    ...(nonce === undefined ? {} : { nonce }),
    facts: facts.value,
  })
}

function parseFacts(value: unknown): Result<Readonly<Record<string, string>>, string> {
  if (value === undefined) return ok({})
  if (!isRecord(value)) return err('expected facts to be an object of texts')
  const entries = Object.entries(value)
  if (entries.length > FACT_LIMIT) return err(`expected at most ${FACT_LIMIT} facts`)
  const facts: Record<string, string> = {}
  for (const [key, fact] of entries) {
    if (!/^[a-z][a-z0-9-]{0,31}$/.test(key))
      return err(`"${printable(key, 40)}" cannot be the name of a fact`)
    if (typeof fact !== 'string') return err(`expected the fact ${key} to be text`)
    facts[key] = withoutNonce(printable(fact, FACT_LENGTH))
  }
  return ok(facts)
}

/** `verified`: proven to come from the boot we started. `claimed`: shown, never acted upon. */
export type Standing = { readonly kind: 'verified' } | { readonly kind: 'claimed'; readonly because: string }

/** Whether a report comes from the boot attempt that is open: its nonce, and the address of the machine's lease. */
export function judgeReport(report: Report, peer: string, attempt: BootAttempt | undefined): Standing {
  if (attempt === undefined) return { kind: 'claimed', because: 'no boot of this machine is open' }
  if (report.nonce === undefined) return { kind: 'claimed', because: 'the report has no nonce' }
  if (report.nonce !== attempt.nonce)
    return { kind: 'claimed', because: 'the nonce is not the one of the open boot' }
  if (peer !== attempt.address)
    return { kind: 'claimed', because: `it came from ${peer}, not from the lease ${attempt.address}` }
  return { kind: 'verified' }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
