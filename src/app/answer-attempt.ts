import { type Mac, parseMac } from '../lib/mac.ts'
import type { IntentEvent, Refusal } from '../lifecycle/intents.ts'
import { parseRedeem, REDEEM_LIMIT } from '../lifecycle/redeem.ts'
import type { HttpAnswer, HttpRequest } from '../model/http.ts'
import { nodeOf } from './observe-http.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'

/** Of an image's file below an attempt's address. */
const ATTEMPT_FILE = /(?:^|\/)attempt\/([0-9a-f]{32})\/(images\/[^/]+\/[0-9a-f]{64}\/[^/]+)$/

/** What is asked for by a name such as `attempt/NONCE/images/NAME/SHA256/FILE`; undefined for any other. */
export function readAttemptFile(name: string): { readonly nonce: string; readonly file: string } | undefined {
  const [, nonce, file] = ATTEMPT_FILE.exec(name) ?? []
  return nonce === undefined || file === undefined ? undefined : { nonce, file }
}

/** Whether the kernel may leave; on disk when this resolves. Rejects when that cannot be written. */
export function beginBoot(
  nonce: string,
  address: string,
  on: ServedNetwork,
  running: Running,
): Promise<Refusal | undefined> {
  return tell({ kind: 'kernel', nonce, address }, on, running)
}

/**
 * `POST /v1/redeem/MAC`: 200 for an installer that may write, once for each intent and again for the same boot. Anything else: it
 * must not write. 409 and 410 say so for good, 403 to another address than the machine's, 503 until the disk takes it.
 */
export async function answerRedeem(
  request: HttpRequest,
  on: ServedNetwork,
  running: Running,
): Promise<HttpAnswer> {
  const mac = parseMac(request.path.split('/')[3] ?? '')
  if (mac === undefined) return text(400, 'expected /v1/redeem/MAC')
  if (!running.reportRate.take(request.peer, running.now()))
    return text(429, 'too many requests from this address; do not write, ask again', { 'Retry-After': '5' })
  const body = await request.readBody(REDEEM_LIMIT)
  if (body === undefined) return text(413, `expected at most ${REDEEM_LIMIT} octets`)
  const asked = parseRedeem(body)
  if (!asked.ok) return text(400, asked.error)
  try {
    const refusal = await redeem(mac, asked.value, request.peer, { on, running })
    return refusal === undefined ? text(200, 'go on') : refused(refusal)
  } catch {
    // The health of the store has told why.
    return text(503, 'do not write; it could not be recorded, ask again', { 'Retry-After': '5' })
  }
}

function redeem(
  mac: Mac,
  asked: { readonly nonce: string; readonly run?: string },
  address: string,
  { on, running }: { readonly on: ServedNetwork; readonly running: Running },
): Promise<Refusal | undefined> | Refusal {
  const open = running.attempts.of(mac)
  const node = running.intents.nodeOf(asked.nonce)
  if (node === undefined && open?.nonce === asked.nonce && open.address === address)
    return {
      ...{ kind: 'refused', why: 'conflict' },
      because: `this boot is of profile ${open.profile}; nobody asked it to install`,
    }
  return tell({ kind: 'redeem', address, ...asked }, on, running)
}

async function tell(
  event: Extract<IntentEvent, { kind: 'kernel' | 'redeem' }>,
  on: ServedNetwork,
  running: Running,
): Promise<Refusal | undefined> {
  const node = running.intents.nodeOf(event.nonce)
  const { reply } =
    node === undefined
      ? {
          reply: {
            kind: 'refused',
            why: 'over',
            because: 'there is no such boot attempt, or a newer one',
          } as const,
        }
      : await running.intents.advance(node, event)
  if (reply.kind !== 'refused') return undefined
  observeRefusal(reply, { event, node }, on, running)
  return reply
}

/** Whoever asks without end fills neither the timeline nor the disk. */
function observeRefusal(
  { because }: Refusal,
  { event, node }: { readonly event: { kind: string; address: string }; readonly node: string | undefined },
  on: ServedNetwork,
  running: Running,
): void {
  const { name: network } = on.network
  const { address } = event
  const time = running.now()
  const told = running.attention.note({ who: `redeem ${address}`, network, isKnown: false }, time)
  if (told === 0) return
  const mac = node === undefined ? undefined : running.intents.of(node)?.attempt?.mac
  running.timeline.emit({
    ...{ time, kind: 'intent.refused', network, address },
    ...(mac === undefined ? {} : { mac, ...nodeOf(mac, running) }),
    detail: { asks: event.kind, reason: because, ...(told === 1 ? {} : { untold: told - 1 }) },
  })
}

function refused({ why, because }: Refusal): HttpAnswer {
  const status = { stranger: 403, conflict: 409, quarantined: 409, over: 410 }[why]
  return text(status, `do not write: ${because}`)
}

/** What a loader is told that may not have the kernel. */
export function refusedKernel({ because }: Refusal): HttpAnswer {
  return text(410, `${because}; ask for the script again`)
}

function text(status: number, line: string, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return {
    kind: 'text',
    status,
    headers: { 'Content-Type': 'text/plain', 'Cache-Control': 'no-store', ...headers },
    body: `${line}\n`,
  }
}
