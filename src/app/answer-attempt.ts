import { type Mac, parseMac } from '../lib/mac.ts'
import type { IntentEvent, IntentReply, Refusal } from '../lifecycle/intents.ts'
import { parseRedeem, REDEEM_LIMIT } from '../lifecycle/redeem.ts'
import type { HttpAnswer, HttpRequest } from '../model/http.ts'
import { addressInAttempt } from './answer-tftp.ts'
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

/** The last file of a boot attempt, as one address asks for it. */
export class AttemptFile {
  readonly #of: { readonly nonce: string; readonly address: string }
  readonly #on: ServedNetwork
  readonly #running: Running

  constructor(nonce: string, address: string, on: ServedNetwork, running: Running) {
    this.#of = { nonce, address }
    this.#on = on
    this.#running = running
  }

  /** Why it may not leave, if it may not. Nothing happens by it, but that a refusal is told. */
  look(): Refusal | undefined {
    const event = { kind: 'load', ...this.#of } as const
    const node = this.#running.intents.nodeOf(event.nonce)
    const reply = node === undefined ? NO_ATTEMPT : this.#running.intents.wouldSay(node, event)
    return refusalIn(reply, { event, node }, this.#on, this.#running)
  }

  /** The machine asks for it, and a transfer begins; on disk when this resolves. Rejects when that cannot be written. */
  begins(): Promise<Refusal | undefined> {
    return tell({ kind: 'load', ...this.#of }, this.#on, this.#running)
  }

  /** The same for HTTP: what is answered in place of the file. 503 until the disk takes it. */
  async instead(): Promise<HttpAnswer | undefined> {
    try {
      const refusal = await this.begins()
      return refusal === undefined ? undefined : refusedKernel(refusal)
    } catch {
      // The health of the store has told why.
      return text(503, 'the boot could not be recorded; ask again', { 'Retry-After': '5' })
    }
  }

  /**
   * Its machine has all but the last octets: the boot counts, and uses up what was asked for where the installer does not. On disk
   * when this resolves; with a reason why they may not leave.
   */
  async ends(): Promise<string | undefined> {
    try {
      return (await tell({ kind: 'kernel', ...this.#of }, this.#on, this.#running))?.because
    } catch {
      // The health of the store has told why.
      return 'the boot could not be recorded'
    }
  }
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
  peer: string,
  { on, running }: { readonly on: ServedNetwork; readonly running: Running },
): Promise<Refusal | undefined> | Refusal {
  const address = addressInAttempt(running.intents.attemptOf(asked.nonce), peer, on, running)
  const open = running.attempts.of(mac)
  const node = running.intents.nodeOf(asked.nonce)
  // Installers boot because somebody asked alone: one of those that is not the newest gave way to it.
  const isInstaller = running.picture.config.profiles.get(open?.profile ?? '')?.install !== undefined
  if (node === undefined && open?.nonce === asked.nonce && open.address === address && !isInstaller)
    return {
      ...{ kind: 'refused', why: 'conflict' },
      because: `this boot is of profile ${open.profile}; nobody asked it to install`,
    }
  return tell({ kind: 'redeem', address, ...asked }, on, running)
}

async function tell(event: AttemptEvent, on: ServedNetwork, running: Running): Promise<Refusal | undefined> {
  const node = running.intents.nodeOf(event.nonce)
  const reply = node === undefined ? NO_ATTEMPT : (await running.intents.advance(node, event)).reply
  return refusalIn(reply, { event, node }, on, running)
}

type AttemptEvent = Extract<IntentEvent, { kind: 'load' | 'kernel' | 'redeem' }>

const NO_ATTEMPT: Refusal = {
  kind: 'refused',
  why: 'over',
  because: 'there is no such boot attempt, or a newer one',
}

function refusalIn(
  reply: IntentReply,
  asked: { readonly event: AttemptEvent; readonly node: string | undefined },
  on: ServedNetwork,
  running: Running,
): Refusal | undefined {
  if (reply.kind !== 'refused') return undefined
  observeRefusal(reply, asked, on, running)
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
function refusedKernel({ because }: Refusal): HttpAnswer {
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
