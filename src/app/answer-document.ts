import { decide } from '../boot/decide.ts'
import type { Action } from '../boot/decision.ts'
import { classifyDocument } from '../boot/documents.ts'
import { variableValue } from '../boot/variables.ts'
import { parseIpv4 } from '../lib/ipv4.ts'
import { type Mac, parseMac } from '../lib/mac.ts'
import type { Result } from '../lib/result.ts'
import type { HttpAnswer, HttpRequest } from '../model/http.ts'
import { renderDocument } from '../render/document.ts'
import { isProvenAs, notIts } from './answer-tftp.ts'
import { nodeOf } from './observe-http.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'
import { worldAt } from './world.ts'

type DocumentAction = Extract<Action, { readonly kind: 'document' }>

/** One request, where it came in. */
interface Asked {
  readonly mac: Mac
  /** The name of the part; printable. */
  readonly part: string
  readonly request: HttpRequest
  readonly on: ServedNetwork
  readonly running: Running
}

/**
 * `/documents/MAC/PART`: what an installer or a first boot reads. Secrets may be in it: only the machine gets it, shown by
 * the lease that asks, unless the configuration says that anybody may.
 */
export function answerDocument(
  names: readonly string[],
  request: HttpRequest,
  on: ServedNetwork,
  running: Running,
): HttpAnswer {
  const mac = parseMac(names[0] ?? '')
  const booted = mac === undefined ? undefined : bootedProfile(mac, request.peer, running)
  const classified = classifyDocument(names, ingressOf(request, on), booted)
  if (!classified.ok || mac === undefined)
    return answer(404, classified.ok ? 'whose document?' : classified.error)
  const asked = { mac, part: names[1] ?? '', request, on, running }
  const world = worldAt(running.picture, running.leases, running.now(), { recognised: running.recognised })
  const { action } = decide(classified.value, world)
  if (action.kind !== 'document')
    return refuse(404, action.kind === 'refuse' ? action.reason : 'there is none', asked)
  if (!action.document.isPublic && !isProvenAs(mac, request.peer, on, running))
    return refuse(403, notIts(request.peer, on, running), asked)
  const rendered = renderedDocument(action)
  if (!rendered.ok) return refuse(404, rendered.error, asked)
  if (request.method === 'GET') observe(action, asked)
  const type = asked.part === 'config.ign' ? 'application/json' : 'text/plain; charset=utf-8'
  return {
    ...{ kind: 'text', status: 200, body: rendered.value },
    headers: { 'Content-Type': type, 'Cache-Control': 'no-store' },
  }
}

/** A decided document with the values of its machine; the error is one sentence. */
export function renderedDocument({ template, facts }: DocumentAction): Result<string, string> {
  return renderDocument(template, (name) => variableValue(name, facts))
}

/** The profile of the newest script that went to this address for this machine. */
function bootedProfile(mac: Mac, peer: string, { attempts, picture }: Running): string | undefined {
  const attempt = attempts.of(mac)
  return attempt?.address === peer && picture.config.profiles.has(attempt.profile)
    ? attempt.profile
    : undefined
}

function ingressOf({ peer, secure }: HttpRequest, on: ServedNetwork): Parameters<typeof classifyDocument>[1] {
  const from = parseIpv4(peer)
  return {
    ...{ network: on.network.name, server: on.address },
    ...(secure === true ? { secure } : {}),
    ...(from === undefined ? {} : { peer: from }),
  }
}

function observe({ document }: DocumentAction, asked: Asked): void {
  const { mac, part, on, running, request } = asked
  tell('http.document', { file: part, document: document.name }, asked)
  if (!isProvenAs(mac, request.peer, on, running)) return
  const facts = { address: request.peer, stage: `fetched ${document.kind}` }
  running.seen.note(mac, on.network.name, running.now(), facts)
}

/** Whoever asks for documents that are not its own fills neither the timeline nor the disk. */
function refuse(status: 403 | 404, reason: string, asked: Asked): HttpAnswer {
  const { part, request, on, running } = asked
  const noticed = { who: `document ${request.peer}`, network: on.network.name, isKnown: false }
  const told = running.attention.note(noticed, running.now())
  if (told > 0)
    tell(
      'document.refused',
      { file: part, because: reason, ...(told === 1 ? {} : { untold: told - 1 }) },
      asked,
    )
  return answer(status, reason)
}

function tell(
  kind: 'http.document' | 'document.refused',
  detail: Readonly<Record<string, string | number>>,
  asked: Asked,
): void {
  const { mac, request, on, running } = asked
  running.timeline.emit({
    ...{ time: running.now(), kind, mac, ...nodeOf(mac, running) },
    ...{ network: on.network.name, address: request.peer, detail },
  })
}

function answer(status: number, reason: string): HttpAnswer {
  return { kind: 'text', status, headers: { 'Content-Type': 'text/plain' }, body: `${reason}\n` }
}
