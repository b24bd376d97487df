import type { BootRequest, Decision } from '../boot/decision.ts'
import type { Mac } from '../lib/mac.ts'
import { printable } from '../lib/text.ts'
import type { BootEvent } from '../model/event.ts'
import type { Transfer } from '../model/http.ts'
import { withoutNonce } from '../model/intent.ts'
import { firstUrl, type ScriptFile, type ScriptForm } from '../model/script.ts'
import { explainIpxeError } from '../protocol/ipxe/errors.ts'
import { machineAt, notIts, provenAt } from './answer-tftp.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'
import type { TransferHandle } from './transfers.ts'

interface ScriptSent {
  readonly decision: Decision
  readonly request: BootRequest
  readonly mac: Mac | undefined
  readonly peer: string
  /** `efi`: no script, but the program itself. */
  readonly form: ScriptForm | 'efi'
}

/**
 * A script went out; a script asked for because a step failed is that failure's event as well. Anybody can ask for
 * another machine's script: only what comes from the machine's own lease counts as its doing, the rest is claimed.
 */
export function observeScript(
  { decision, request, mac, peer, form }: ScriptSent,
  on: ServedNetwork,
  running: Running,
): void {
  const who = {
    ...(mac === undefined ? {} : { mac }),
    ...(decision.conflict === undefined ? nodeOf(mac, running) : {}),
    network: on.network.name,
    address: peer,
  }
  const time = running.now()
  const isIts = mac !== undefined && provenAt(peer, on, running) === mac
  const told = isIts ? 1 : attentionFor(peer, on, running)
  if (told === 0) return
  const standing = isIts
    ? {}
    : {
        ...{ standing: 'claimed', because: notIts(peer, on, running) },
        ...(told === 1 ? {} : { untold: told - 1 }),
      }
  const { question } = request
  if (question.kind === 'run' && question.failed !== undefined) {
    const { step, url, errno } = question.failed
    const error = errno === undefined ? undefined : explainIpxeError(errno)
    const detail = {
      step,
      ...(url === undefined ? {} : { url: withoutNonce(printable(url)) }),
      ...(error === undefined ? {} : { error: error.meaning, errno: error.number, see: error.see }),
      ...(question.again === true ? { late: true } : {}),
      ...standing,
    }
    running.timeline.emit({ ...who, time, kind: 'boot.failed', detail })
  }
  if (decision.conflict !== undefined) {
    const detail = {
      nodes: decision.conflict.nodes.join(' '),
      reason: decision.conflict.because,
      ...standing,
    }
    running.timeline.emit({ ...who, time, kind: 'node.conflict', detail })
  }
  if (decision.action.kind !== 'script') return
  const { script, boots } = decision.action
  // It comes every few seconds; `boot.queued` has told of the first.
  if (script.kind === 'queue') return
  const loader = form === 'efi' ? 'grub' : form
  const detail = {
    script: script.kind,
    form,
    ...(boots === undefined ? {} : { profile: boots.profile, image: boots.image }),
    ...(script.kind === 'local-disk' ? { reason: script.because } : {}),
    ...(script.kind === 'boot' ? elsewhere(script.kernel, loader) : {}),
    ...(script.kind === 'program' ? elsewhere(script.program, loader) : {}),
    ...(script.kind === 'chain' ? { url: script.url } : {}),
    ...(script.kind === 'sanboot' ? { url: script.drive.url } : {}),
    ...(script.kind === 'refusal' ? { reason: script.lines.join(' ') } : {}),
    ...(mac === undefined ? {} : standing),
  }
  running.timeline.emit({
    ...who,
    time,
    kind: request.via === 'tftp' ? 'tftp.script' : 'http.script',
    detail,
  })
  if (isIts)
    running.seen.note(mac, on.network.name, time, {
      address: peer,
      stage: decision.conflict === undefined ? 'script' : 'conflict',
    })
}

/** Whoever asks for scripts without end, or for those of others, fills neither the timeline nor the disk. */
function attentionFor(peer: string, { network }: ServedNetwork, running: Running): number {
  const isKnown = false
  return running.attention.note({ who: `script ${peer}`, network: network.name, isKnown }, running.now())
}

/** The server that the files come from, when it is not ours: no transfer will be seen. */
function elsewhere(file: ScriptFile, form: ScriptForm): { readonly files?: string } {
  const first = firstUrl(file, form)
  return file.fallback === undefined || first === file.fallback
    ? {}
    : { files: first.replace(/\/images\/.*$/, '') }
}

interface FileAsked {
  readonly file: string
  /** Of its address. */
  readonly path: string
  readonly peer: string
  readonly mac: Mac | undefined
  readonly secure: boolean
}

/** A file on its way: the callback puts its transfer on the machine's timeline. */
export function observeTransfer(
  { file: name, path, mac, peer, secure }: FileAsked,
  on: ServedNetwork,
  running: Running,
): (transfer: Transfer) => void {
  const who = {
    ...(mac === undefined ? {} : { mac }),
    ...nodeOf(mac, running),
    network: on.network.name,
    address: peer,
  }
  const file = printable(name, 80)
  let handle: TransferHandle | undefined
  let isTold = true
  return (transfer) => {
    if (transfer.kind === 'start')
      handle = running.transfers.begin({ ...who, plane: secure ? 'https' : 'http', file }, transfer.size)
    else if (transfer.kind !== 'progress') handle?.end()
    const rate = transfer.kind === 'progress' ? (handle?.moved(transfer.sent) ?? 0) : 0
    const time = running.now()
    // Who reads a drive over the network asks for a few sectors at a time, thousands of times.
    if (transfer.kind === 'start' && transfer.size < transfer.total)
      isTold =
        running.attention.note({ who: `range ${peer} ${path}`, network: who.network, isKnown: true }, time) >
        0
    if (isTold || transfer.kind === 'failed')
      running.timeline.emit({ ...who, ...transferEvent(transfer, file, rate), time })
    const sent = transfer.kind === 'done' ? transfer.sent : 0
    if (transfer.kind !== 'failed') running.queue.moved(on.network.name, mac ?? peer, { path, sent }, time)
  }
}

function transferEvent(transfer: Transfer, file: string, rate: number): Pick<BootEvent, 'kind' | 'detail'> {
  switch (transfer.kind) {
    case 'start':
      return { kind: 'http.start', detail: { file, size: transfer.size, total: transfer.total } }
    case 'progress':
      return { kind: 'http.progress', detail: { file, sent: transfer.sent, size: transfer.size, rate } }
    case 'done':
      return { kind: 'http.done', detail: { file, sent: transfer.sent, ms: transfer.milliseconds } }
    case 'failed':
      return {
        kind: 'http.failed',
        detail: { file, sent: transfer.sent, size: transfer.size, reason: transfer.reason },
      }
    default:
      return transfer satisfies never
  }
}

/** The name of the described node that has this MAC address. */
export function nodeOf(mac: Mac | undefined, running: Running): { readonly node?: string } {
  if (mac === undefined) return {}
  const node = running.picture.nodes.get(mac)?.name ?? running.recognised.nodeOf(mac)?.node
  return node === undefined ? {} : { node }
}

/** A TLS connection that ended before it was secure. Most often a machine that does not trust the certificate; also whatever anybody sends to the port. */
export function observeRefused(peer: string, reason: string, on: ServedNetwork, running: Running): void {
  const network = on.network.name
  const mac = machineAt(peer, on, running)
  const isKnown = mac !== undefined
  const count = running.attention.note({ who: `https ${peer}`, network, isKnown }, running.now())
  if (count === 0) return
  running.timeline.emit({
    ...{ time: running.now(), kind: 'https.failed', network, address: peer },
    ...(mac === undefined ? {} : { mac }),
    ...nodeOf(mac, running),
    detail: { reason: printable(reason, 120), ...(count === 1 ? {} : { untold: count - 1 }) },
  })
}
