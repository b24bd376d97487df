import { classifyAutoexec } from '../boot/classify-http.ts'
import { decide } from '../boot/decide.ts'
import { AUTOEXEC } from '../boot/loaders.ts'
import { renderScript } from '../render/script.ts'
import { machineAt } from './answer-tftp.ts'
import { observeScript } from './observe-http.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'
import { worldAt } from './world.ts'

/** Who asks for it, and how. */
export interface AutoexecAsker {
  readonly via: 'tftp' | 'http'
  /** Dotted decimal. */
  readonly peer: string
  readonly secure?: true
}

export interface AutoexecAnswer {
  readonly text: string
  /** To be called when it has gone out. */
  readonly onSent: () => void
}

/** Whether a name is that of the script which iPXE 2.0 looks for, below whatever folder. */
export function isAutoexec(name: string): boolean {
  return name === AUTOEXEC || name.endsWith(`/${AUTOEXEC}`)
}

/** The script that iPXE 2.0 runs before it asks for an address: the same as `/boot.ipxe`, with the card that loaded it. */
export function answerAutoexec(
  { via, peer, secure }: AutoexecAsker,
  on: ServedNetwork,
  running: Running,
): AutoexecAnswer | undefined {
  const ingress = { network: on.network.name, server: on.address, ...(secure === true ? { secure } : {}) }
  const mac = machineAt(peer, on, running)
  const request = classifyAutoexec(mac, ingress, via)
  const decision = decide(
    request,
    worldAt(running.picture, running.leases, running.now(), { recognised: running.recognised }),
  )
  if (decision.action.kind !== 'script') return undefined
  return {
    text: renderScript(decision.action.script, 'ipxe'),
    onSent: () => observeScript({ decision, mac, peer, form: 'ipxe', request }, on, running),
  }
}
