import { err, ok, type Result } from '../lib/result.ts'

/** What an installer says before it writes. */
export interface RedeemRequest {
  readonly nonce: string
  /** What it calls the boot it runs in: `/proc/sys/kernel/random/boot_id`. */
  readonly run?: string
}

/** Bytes of a request's body that are read. */
export const REDEEM_LIMIT = 1024
const KEYS = ['nonce', 'run'] as const

/** Reads the body of `POST /v1/redeem/MAC`, JSON or a form. The error is one sentence for whoever wrote the installer. */
export function parseRedeem(text: string): Result<RedeemRequest, string> {
  const fields = readFields(text)
  if (fields === undefined) return err('expected nonce=HEX, or a JSON object such as {"nonce":"..."}')
  const unknown = [...fields.keys()].some((key) => !KEYS.some((known) => known === key))
  if (unknown) return err(`expected no other keys than ${KEYS.join(' and ')}`)
  const nonce = fields.get('nonce')
  const run = fields.get('run')
  if (nonce === undefined || !/^[0-9a-f]{32}$/.test(nonce))
    return err('expected nonce to be the 32 hex digits of centra.nonce')
  if (run !== undefined && !/^[A-Za-z0-9-]{1,64}$/.test(run))
    return err('expected run to be at most 64 letters, digits and dashes')
  return ok({ nonce, ...(run === undefined ? {} : { run }) })
}

function readFields(text: string): ReadonlyMap<string, string> | undefined {
  if (!text.trimStart().startsWith('{')) return new Map(new URLSearchParams(text.trim()))
  try {
    const value: unknown = JSON.parse(text)
    const entries = typeof value === 'object' && value !== null ? Object.entries(value) : []
    return entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')
      ? new Map(entries)
      : undefined
  } catch {
    return undefined
  }
}
