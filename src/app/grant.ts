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
   * attempt could not be opened. Whoever has the first one all the same can use nothing up with it.
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
  const none = { script: wanted, open: () => Promise.resolve(wanted) }
  if (boots === undefined || provenAt(peer, on, running) !== mac) return none
  const { profile, image, once } = boots
  if (once !== undefined) return grantOnce(wanted, once, { mac, address: peer, image }, running)
  if (wanted.kind !== 'boot' && wanted.kind !== 'program') return none
  // Without arguments it has nothing to prove itself by.
  if (wanted.cmdline.length === 0) return none
  const attempt = running.attempts.draft({ mac, address: peer, profile, image, now: running.now() })
  const script = withNonce(wanted, attempt.nonce)
  return {
    script,
    open: async () => {
      await running.attempts.open(attempt)
      return script
    },
  }
}

/** The last file's address has the nonce too: whoever fetches it begins the boot that was asked for. */
function grantOnce(
  wanted: Script,
  { node, kind, intent, keys }: OnceGrant,
  asked: { readonly mac: Mac; readonly address: string; readonly image: string },
  running: Running,
): Granted {
  const boot = (nonce: string): Script => {
    if (wanted.kind === 'boot') return withNonce(lastOfAttempt(wanted, nonce), nonce)
    if (wanted.kind === 'local-disk') return wanted
    // What has no address that tells of its boot could be booted again and again.
    if (wanted.kind !== 'program')
      return { kind: 'local-disk', because: `${kind} needs a kernel or a program, which boots once` }
    const script = { ...wanted, program: ofAttempt(wanted.program, wanted, nonce) }
    return wanted.cmdline.length === 0 ? script : withNonce(script, nonce)
  }
  const ask = { ...asked, intent, keys }
  const nonce = running.intents.draft(node, ask)
  return {
    script: boot(nonce),
    open: async () => {
      const { reply } = await running.intents.advance(node, { kind: 'script', ...ask, nonce })
      if (reply.kind === 'boot') return boot(reply.nonce)
      const because = reply.kind === 'refused' ? reply.because : 'somebody asked for something else'
      return wanted.kind === 'local-disk' ? wanted : { kind: 'local-disk', because: `no ${kind}, ${because}` }
    },
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
