import { classifyIdentify, classifyProgram, classifyScript } from '../boot/classify-http.ts'
import { classifyFirmware } from '../boot/classify-tftp.ts'
import { decide } from '../boot/decide.ts'
import type { BootRequest } from '../boot/decision.ts'
import { AUTOEXEC } from '../boot/loaders.ts'
import { type OwnName, readOwnName } from '../boot/own-name.ts'
import { parseIpv4 } from '../lib/ipv4.ts'
import { macWithDashes, parseMac } from '../lib/mac.ts'
import { printable } from '../lib/text.ts'
import type { HttpAnswer, HttpRequest, Pace } from '../model/http.ts'
import type { Script, ScriptForm } from '../model/script.ts'
import { contentTypeOf } from '../protocol/http/content-type.ts'
import { renderScript } from '../render/script.ts'
import { AttemptFile, answerRedeem, readAttemptFile } from './answer-attempt.ts'
import { answerAutoexec, isAutoexec } from './answer-autoexec.ts'
import { answerDocument } from './answer-document.ts'
import { answerOwnName } from './answer-own-name.ts'
import { answerReport } from './answer-report.ts'
import { machineAt, notIts, provenAt } from './answer-tftp.ts'
import { asSent, grant } from './grant.ts'
import { type Health, healthAnswer } from './health.ts'
import { intentsFor } from './intents.ts'
import { listing } from './listing.ts'
import { menuAccessFor, PASSWORD_REALM } from './menu-password.ts'
import { observeScript, observeTransfer } from './observe-http.ts'
import { offload } from './offload.ts'
import { publishedImage } from './published-image.ts'
import { keepSaid, rememberSaid } from './remember.ts'
import { type Running, refreshImages } from './running.ts'
import type { ServedNetwork } from './served-network.ts'
import { queueFor, takePlace } from './take-place.ts'
import { worldAt } from './world.ts'

/** Octets. */
const FORM_LIMIT = 65_536
/** iPXE's name of a card that is not Ethernet (20 octets of IPoIB): whose lease asks is the machine. */
const LONG_ADDRESS = /^[0-9a-f]{2}(-[0-9a-f]{2}){7,19}(?=\.)/i
/** A script that left so many milliseconds ago would have named the same files. */
const SCRIPT_LOOK_MS = 20
/** Milliseconds: a machine that loads an image in ranges asks a thousand times. */
const LOOK_AGAIN_MS = 1000
const FOREVER = 'public, max-age=31536000, immutable'

/** The node plane: every path of it. Rejects only for a fault of ours. */
export async function answerHttp(
  request: HttpRequest,
  on: ServedNetwork,
  running: Running,
  health: () => Health,
): Promise<HttpAnswer> {
  const [first = '', ...rest] = request.path.slice(1).split('/')
  if (first === 'v1' && rest[0] === 'report' && rest.length === 2) {
    if (request.method !== 'POST') return notAllowed('POST')
    const mac = parseMac(rest[1] ?? '')
    return mac === undefined
      ? text(400, 'expected /v1/report/MAC\n')
      : answerReport(request, mac, on, running)
  }
  if (first === 'v1' && rest[0] === 'redeem' && rest.length === 2)
    return request.method === 'POST' ? answerRedeem(request, on, running) : notAllowed('POST')
  if (first === 'boot.ipxe' && rest.length === 0) return identify(request, on, running)
  if (first === 'boot' && rest.length === 1 && rest[0]?.endsWith('.efi') === true)
    return program(rest[0], request, on, running)
  if (first === 'boot' && rest.length === 1) return script(rest[0] ?? '', request, on, running)
  if (request.method !== 'GET' && request.method !== 'HEAD') return notAllowed('GET, HEAD')
  if (isAutoexec(request.path) && !running.picture.firmware.has(AUTOEXEC))
    return autoexec(request, on, running)
  const own = readOwnName(request.path.slice(1))
  if (own !== undefined && !running.picture.firmware.has(rest.at(-1) ?? first))
    return ownName(own, request, on, running)
  if (first === 'health' && rest.length === 0) return healthAnswer(health())
  const list = listing([first, ...rest], request, running)
  if (list !== undefined) return list
  if (first === 'firmware' && rest.length === 1) return firmware(rest[0] ?? '', request, on, running)
  if (first === 'documents') return answerDocument(rest, request, on, running)
  if (first === 'attempt') return attemptFile(request, on, running)
  if (first === 'images') return image(rest, request, on, running)
  return text(404, `there is nothing at ${printable(request.path)}\n`)
}

function identify(request: HttpRequest, on: ServedNetwork, running: Running): HttpAnswer {
  if (!['GET', 'HEAD', 'POST'].includes(request.method)) return notAllowed('GET, HEAD, POST')
  const boot = classifyIdentify(ingress(on, request))
  const decision = decide(
    boot,
    worldAt(running.picture, running.leases, running.now(), { recognised: running.recognised }),
  )
  const mac = machineAt(request.peer, on, running)
  observeScript({ decision, mac, peer: request.peer, form: 'ipxe', request: boot }, on, running)
  return scriptAnswer(decision.action.kind === 'script' ? decision.action.script : undefined, 'ipxe')
}

function autoexec({ peer, method, secure }: HttpRequest, on: ServedNetwork, running: Running): HttpAnswer {
  const asker = { via: 'http', peer, ...(secure === true ? { secure } : {}) } as const
  const found = answerAutoexec(asker, on, running)
  if (found === undefined) return text(404, 'there is no script for this machine\n')
  if (method !== 'HEAD') found.onSent()
  return text(200, found.text, { 'Cache-Control': 'no-store' })
}

async function script(
  name: string,
  request: HttpRequest,
  on: ServedNetwork,
  running: Running,
): Promise<HttpAnswer> {
  if (!['GET', 'HEAD', 'POST'].includes(request.method)) return notAllowed('GET, HEAD, POST')
  const query = await parameters(request)
  if (query === undefined) return text(413, `a form of a script has at most ${FORM_LIMIT} octets\n`)
  const own = provenAt(request.peer, on, running)
  const asked = own === undefined ? name : name.replace(LONG_ADDRESS, macWithDashes(own))
  const classified = classifyScript(asked, query, ingress(on, request))
  if (!classified.ok) return text(404, `${classified.error}\n`)
  await refreshImages(running, SCRIPT_LOOK_MS)
  const { boot, form } = classified.value
  const { peer } = request
  const shown = { own, because: notIts(peer, on, running) }
  const intents = intentsFor(boot.client.mac, shown, running.intents)
  const menuAccess = await menuAccessFor(boot, request, on, running)
  if (menuAccess === 'ask') return text(401, 'a password is needed\n', { 'WWW-Authenticate': PASSWORD_REALM })
  const isNews = request.method !== 'HEAD' && rememberSaid(boot, query, own, running)
  const memory = { recognised: running.recognised, queue: queueFor(peer, on, running), intents, menuAccess }
  const decision = decide(boot, worldAt(running.picture, running.leases, running.now(), memory))
  if (isNews) await keepSaid(decision, own, on, running)
  const { mac } = boot.client
  if (decision.action.kind !== 'script' || mac === undefined)
    return text(404, 'there is no script for this machine\n')
  if (request.method !== 'HEAD') takePlace(decision.action, { mac, peer: request.peer }, on, running)
  if (request.method === 'HEAD') return scriptAnswer(decision.action.script, form)
  const granted = grant(decision, mac, request.peer, { on, running })
  const sent = await granted?.open()
  const told = sent === undefined ? decision : asSent(decision, sent)
  observeScript({ decision: told, mac, peer, form, request: boot }, on, running)
  return scriptAnswer(sent, form)
}

/** The last file of a boot, by the address of its attempt: the boot begins when its last octets leave. */
async function attemptFile(request: HttpRequest, on: ServedNetwork, running: Running): Promise<HttpAnswer> {
  const asked = readAttemptFile(request.path.slice(1))
  const parts = asked?.file.split('/').slice(1) ?? []
  await refreshImages(running, LOOK_AGAIN_MS)
  // What is not there begins nothing.
  if (asked === undefined || publishedImage(parts, running) === undefined)
    return text(404, 'there is no such file of a boot attempt; ask for the script again\n')
  const file = new AttemptFile(asked.nonce, request.peer, on, running)
  const instead = request.method === 'HEAD' ? undefined : await file.instead()
  if (instead !== undefined) return instead
  // Nobody is redirected who does not say what it is.
  const { userAgent: _, ...plain } = request
  const answer = await image(parts, { ...plain, path: `/${asked.file}` }, on, running)
  if (answer.kind !== 'file') return answer
  // No cache on the way may hand it out unseen.
  const headers = { ...answer.headers, 'Cache-Control': 'no-store' }
  return { ...answer, headers, beforeLast: () => file.ends() }
}

/** What UEFI HTTP boot starts without a loader; 404 where it shall go on with its own boot order. */
async function program(
  name: string,
  request: HttpRequest,
  on: ServedNetwork,
  running: Running,
): Promise<HttpAnswer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return notAllowed('GET, HEAD')
  const boot = classifyProgram(name, ingress(on, request))
  const mac = boot?.client.mac
  if (boot === undefined || mac === undefined) return text(404, 'expected /boot/MAC.efi\n')
  await refreshImages(running, SCRIPT_LOOK_MS)
  const { peer, method } = request
  const shown = { own: provenAt(peer, on, running), because: notIts(peer, on, running) }
  const memory = {
    recognised: running.recognised,
    intents: intentsFor(mac, shown, running.intents),
  }
  const decision = decide(boot, worldAt(running.picture, running.leases, running.now(), memory))
  const granted = method === 'GET' ? grant(decision, mac, peer, { on, running }) : undefined
  const planned = decision.action.kind === 'script' ? decision.action.script : undefined
  const sent = (await granted?.open()) ?? planned
  if (sent === undefined) return text(404, 'there is no program for this machine\n')
  if (method === 'GET')
    observeScript({ decision: asSent(decision, sent), mac, peer, form: 'efi', request: boot }, on, running)
  if (sent.kind !== 'program') return text(404, `${reasonOf(sent)}\n`)
  const path = new URL(sent.program.fallback ?? sent.program.url).pathname
  const answer = path.startsWith('/attempt/')
    ? await attemptFile({ ...request, path }, on, running)
    : await image(path.split('/').slice(2), request, on, running)
  if (answer.kind !== 'file') return answer
  const headers = { 'Content-Type': 'application/efi', 'Cache-Control': 'no-store' }
  return { ...answer, headers }
}

function reasonOf(script: Script): string {
  switch (script.kind) {
    case 'local-disk':
      return `local disk: ${script.because}`
    case 'refusal':
    case 'page':
      return script.lines.join(' ')
    default:
      return `a ${script.kind} needs a loader: leave out direct: true`
  }
}

/** What GRUB and lpxelinux.0 look for by names of their machine. */
async function ownName(
  name: OwnName,
  { peer, method, secure }: HttpRequest,
  on: ServedNetwork,
  running: Running,
): Promise<HttpAnswer> {
  const asked = {
    via: 'http',
    peer,
    isHead: method === 'HEAD',
    ...(secure === true ? { secure } : {}),
  } as const
  const found = await answerOwnName(name, asked, on, running)
  if (found === undefined) return text(404, 'there is no such configuration for this machine\n')
  await found.onHeard()
  return text(200, found.text, { 'Cache-Control': 'no-store' })
}

/** What iPXE's `params` sends as a form means the same as a query (https://ipxe.org/cmd/params); undefined: too long. */
async function parameters({ method, query, readBody }: HttpRequest): Promise<URLSearchParams | undefined> {
  if (method !== 'POST') return query
  const body = await readBody(FORM_LIMIT)
  return body === undefined ? undefined : new URLSearchParams([...query, ...new URLSearchParams(body)])
}

function firmware(name: string, request: HttpRequest, on: ServedNetwork, running: Running): HttpAnswer {
  const mac = machineAt(request.peer, on, running)
  const { action } = decide(
    classifyFirmware(name, mac, ingress(on, request)),
    worldAt(running.picture, running.leases, running.now(), { recognised: running.recognised }),
  )
  if (action.kind !== 'file')
    return text(404, `${action.kind === 'refuse' ? action.reason : 'not published'}\n`)
  const { path, size, identity, revision = name } = action.file
  return {
    ...{ kind: 'file', path, size, noLinks: true, pace: paceOf(request, on) },
    ...(identity === undefined ? {} : { identity }),
    etag: `"${size.toString(16)}-${revision}"`,
    headers: {
      'Content-Type': contentTypeOf(name),
      'Cache-Control': 'no-cache',
    },
    observe: observeTransfer(
      {
        file: action.file.name,
        path: request.path,
        peer: request.peer,
        mac,
        secure: request.secure === true,
      },
      on,
      running,
    ),
  }
}

async function image(
  parts: readonly string[],
  request: HttpRequest,
  on: ServedNetwork,
  running: Running,
): Promise<HttpAnswer> {
  const isNamedByHash = parts.length === 3 && publishedImage(parts, running) !== undefined
  await refreshImages(running, isNamedByHash ? LOOK_AGAIN_MS : 0)
  const file = publishedImage(parts, running)
  if (file === undefined)
    return text(
      404,
      `no image has the file ${printable(parts.join('/'))}; it may have been replaced, ask for the script again\n`,
    )
  const elsewhere = offload(
    { image: parts[0] ?? '', sha256: file.sha256, name: file.name },
    request,
    on,
    running,
  )
  if (elsewhere !== undefined) return elsewhere
  const mac = machineAt(request.peer, on, running)
  const { path, size, identity } = file
  return {
    ...{ kind: 'file', path, size, pace: paceOf(request, on) },
    ...(identity === undefined ? {} : { identity }),
    ...(file.stored === true ? { noLinks: true } : {}),
    etag: `"${file.sha256}"`,
    headers: {
      // An initrd.img is no disk image.
      'Content-Type': 'application/octet-stream',
      'Cache-Control': parts.length === 3 ? FOREVER : 'no-cache',
    },
    observe: observeTransfer(
      { file: file.name, path: request.path, peer: request.peer, mac, secure: request.secure === true },
      on,
      running,
    ),
  }
}

function paceOf({ peer }: HttpRequest, { network }: ServedNetwork): Pace {
  const { name, rate, clientRate } = network
  return {
    ...{ network: name, client: peer },
    ...(rate === undefined ? {} : { rate }),
    ...(clientRate === undefined ? {} : { clientRate }),
  }
}

function ingress(
  on: ServedNetwork,
  { secure, peer }: Pick<HttpRequest, 'secure' | 'peer'>,
): BootRequest['ingress'] {
  const from = parseIpv4(peer)
  return {
    ...{ network: on.network.name, server: on.address },
    ...(secure === true ? { secure } : {}),
    ...(from === undefined ? {} : { peer: from }),
  }
}

function scriptAnswer(value: Script | undefined, form: ScriptForm): HttpAnswer {
  if (value === undefined) return text(404, 'there is no script for this machine\n')
  return text(200, renderScript(value, form), { 'Cache-Control': 'no-store' })
}

function notAllowed(allow: string): HttpAnswer {
  return text(405, `this path takes ${allow}\n`, { Allow: allow })
}

function text(status: number, body: string, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { kind: 'text', status, headers: { 'Content-Type': 'text/plain', ...headers }, body }
}
