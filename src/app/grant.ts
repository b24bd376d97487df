import type { Decision, OnceGrant } from '../boot/decision.ts'
import type { Mac } from '../lib/mac.ts'
import type { BootScript, ProgramScript, Script, ScriptFile } from '../model/script.ts'
import { provenAt } from './answer-tftp.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'

/** A script, and what is to be done before its machine can act on it. */
export interface Granted {
  readonly script: Script
  /**
   * Resolves when the attempt of the script is open, and on disk, with the script that may leave: another one where the
   * attempt could not be opened or written. Whoever has the first one all the same can use nothing up with it.
   */
  readonly open: () => Promise<Script>
}

/**
 * A script that boots an image opens an attempt, whose nonce goes to the machine's own lease alone: whoever reads
 * another machine's script learns nothing that a report could prove.
 */
export function grant(
  decision: Decision,
  mac: Mac,
  peer: string,
  { on, running }: { readonly on: ServedNetwork; readonly running: Running },
): Granted | undefined {
  if (decision.action.kind !== 'script') return undefined
  const { script: wanted, boots } = decision.action
  const asked = { mac, address: peer, on, running }
  const none = { script: wanted, open: () => Promise.resolve(wanted) }
  if (boots === undefined || provenAt(peer, on, running) !== mac) return none
  const { profile, image, once } = boots
  if (once !== undefined) return grantOnce(wanted, once, image, asked)
  if (wanted.kind !== 'boot' && wanted.kind !== 'program') return none
  // Without arguments it has nothing to prove itself by.
  if (wanted.cmdline.length === 0) return none
  const attempt = running.attempts.draft({ mac, address: peer, profile, image, now: running.now() })
  const script = withNonce(wanted, attempt.nonce)
  const opened = async (): Promise<Script> => {
    await running.attempts.open(attempt)
    return script
  }
  // What boots every time needs no record: its reports are claimed ones.
  return { script, open: () => opened().catch((error) => unrecorded(error, wanted, asked)) }
}

interface Asking {
  readonly mac: Mac
  readonly address: string
  readonly on: ServedNetwork
  readonly running: Running
}

/** The disk does not take the attempt: the timeline says so, and the machine gets this script. */
function unrecorded(error: unknown, instead: Script, { mac, address, on, running }: Asking): Script {
  const reason = error instanceof Error ? error.message : String(error)
  const node = running.picture.nodes.get(mac)?.name
  running.timeline.emit({
    ...{ time: running.now(), kind: 'boot.unrecorded', mac, address, network: on.network.name },
    ...(node === undefined ? {} : { node }),
    detail: { reason, sent: instead.kind },
  })
  return instead
}

/** The last file's address has the nonce too: whoever fetches it begins the boot that was asked for. */
function grantOnce(
  wanted: Script,
  { node, kind, intent, keys }: OnceGrant,
  image: string,
  asked: Asking,
): Granted {
  const { mac, address, running } = asked
  const boot = (nonce: string): Script => {
    if (wanted.kind === 'boot') return withNonce(lastOfAttempt(wanted, nonce), nonce)
    if (wanted.kind === 'local-disk') return wanted
    // What has no address that tells of its boot could be booted again and again.
    if (wanted.kind !== 'program')
      return { kind: 'local-disk', because: `${kind} needs a kernel or a program, which boots once` }
    const script = { ...wanted, program: ofAttempt(wanted.program, wanted, nonce) }
    return wanted.cmdline.length === 0 ? script : withNonce(script, nonce)
  }
  const ask = { mac, address, image, intent, keys }
  const nonce = running.intents.draft(node, ask)
  const opened = async (): Promise<Script> => {
    const { reply } = await running.intents.advance(node, { kind: 'script', ...ask, nonce })
    if (reply.kind === 'boot') return boot(reply.nonce)
    const because = reply.kind === 'refused' ? reply.because : 'somebody asked for something else'
    return wanted.kind === 'local-disk' ? wanted : { kind: 'local-disk', because: `no ${kind}, ${because}` }
  }
  return {
    script: boot(nonce),
    open: () => opened().catch((error) => unrecorded(error, untilRecorded(wanted, kind, asked), asked)),
  }
}

/** A boot that may happen once does not begin before that is on disk: the machine is told, and asks again. */
function untilRecorded(wanted: Script, kind: string, { mac }: Asking): Script {
  if (wanted.kind === 'local-disk') return wanted
  return {
    ...{ kind: 'page', server: wanted.server, client: mac, title: `${kind} waits` },
    lines: [
      `The server could not write to its disk that this ${kind} begins. Nothing is used up.`,
      'Its log and /health say why. The machine asks again by itself.',
    ],
  }
}

/** A loader that loses a file before its last one has used nothing up. */
function lastOfAttempt(wanted: BootScript, nonce: string): BootScript {
  const { kernel, initrds, kernelLast } = wanted
  const last = kernelLast === true ? undefined : initrds.at(-1)
  return last === undefined
    ? { ...wanted, kernel: ofAttempt(kernel, wanted, nonce) }
    : { ...wanted, initrds: [...initrds.slice(0, -1), ofAttempt(last, wanted, nonce)] }
}

function ofAttempt(
  { name, url }: ScriptFile,
  { server }: { readonly server: string },
  nonce: string,
): ScriptFile {
  return { name, url: url.replace(server, `${server}/attempt/${nonce}`) }
}

/** The decision as if its script had been the one that left. */
export function asSent(decision: Decision, sent: Script): Decision {
  return sent.kind === 'boot' || sent.kind === 'program'
    ? decision
    : { ...decision, action: { kind: 'script', script: sent } }
}

function withNonce<T extends BootScript | ProgramScript>(script: T, nonce: string): T {
  return { ...script, cmdline: [...script.cmdline, `centra.nonce=${nonce}`] }
}
