import type { Ipv4 } from '../lib/ipv4.ts'
import { formatIpv4 } from '../lib/ipv4.ts'
import type { LeaseAsk } from '../model/lease-request.ts'
import type { Step } from '../model/rules.ts'
import type { ClassifiedDhcp } from './classify.ts'
import type { Action, BootClient, Decision } from './decision.ts'

/** What to answer about booting alone, beside whoever gives the address. */
export type ProxyAnswer =
  | { readonly kind: 'proxy-offer' }
  /** On port 4011. */
  | { readonly kind: 'proxy-ack' }
  | { readonly kind: 'silent'; readonly reason: string }

export interface ProxyDecision {
  readonly answer: ProxyAnswer
  readonly trace: readonly Step[]
}

/** Where boot servers are asked (PXE 2.1 §2.2.3). */
export const BOOT_SERVER_PORT = 4011

export interface ProxyQuestion {
  /** Ours, to which the message came: 67, or 4011. */
  readonly port: number
  readonly type: ClassifiedDhcp['type']
  readonly ask: LeaseAsk
  readonly client: BootClient
  readonly boot: Decision
  /** Our address there. */
  readonly server: Ipv4
}

/**
 * proxyDHCP (PXE 2.1 §2.2.3): an OFFER without an address to machines that netboot, and nothing else on port 67; on
 * port 4011 an ACK to whoever asks for its boot file, in server mode too.
 */
export function decideProxy(question: ProxyQuestion): ProxyDecision {
  const { port, boot } = question
  const problem =
    unbootable(boot.action) ??
    whoAsks(question) ??
    (port === BOOT_SERVER_PORT ? notForUs(question) : notDiscover(question))
  const outcome =
    problem ?? (port === BOOT_SERVER_PORT ? 'its boot file, on port 4011' : 'boot information alone')
  const step: Step = { rule: 'proxy.answer', outcome, from: 'packet', cite: 'PXE 2.1 §2.2.3' }
  const answer: ProxyAnswer =
    problem === undefined
      ? { kind: port === BOOT_SERVER_PORT ? 'proxy-ack' : 'proxy-offer' }
      : { kind: 'silent', reason: problem }
  return { answer, trace: [step] }
}

function unbootable(action: Action): string | undefined {
  if (action.kind === 'boot-file' || action.kind === 'script-url') return undefined
  return 'reason' in action ? action.reason : 'there is nothing to boot'
}

/** Everybody else waits for no proxy: a second OFFER could only confuse it. */
function whoAsks({ client: { stage, firmware } }: ProxyQuestion): string | undefined {
  const listens =
    stage === 'ipxe' || firmware === 'pxe' || firmware === 'uefi-http' || firmware === 'raspberry-pi'
  return listens ? undefined : 'it is no PXE or HTTP boot client, and listens to no proxy'
}

function notDiscover({ type }: ProxyQuestion): string | undefined {
  return type === 'DISCOVER' ? undefined : `${type}: another server gives the addresses here`
}

function notForUs({ ask, server }: ProxyQuestion): string | undefined {
  const asked = 'server' in ask ? ask.server : undefined
  return asked === undefined || asked === server
    ? undefined
    : `the client asks another boot server, ${formatIpv4(asked)}`
}
