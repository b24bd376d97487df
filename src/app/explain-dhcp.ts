import type { ProxyAnswer } from '../boot/decide-proxy.ts'
import { formatIpv4 } from '../lib/ipv4.ts'
import type { Network } from '../model/config.ts'
import type { Explanation } from '../model/explanation.ts'
import type { LeaseAnswer } from '../model/lease-answer.ts'
import type { LeaseAsk } from '../model/lease-request.ts'
import { isStable } from '../model/rules.ts'
import { describeAction, describeDestination } from './describe-answer.ts'
import type { ServedNetwork } from './served-network.ts'
import {
  type DhcpSender,
  type DhcpThought,
  effectiveAnswer,
  replyTo,
  type Thinking,
  thinkDhcp,
} from './think-dhcp.ts'

/** An explanation, and the answer itself for whoever goes on from there; no answer of bytes that are no DHCP. */
export interface ExplainedMessage {
  readonly explanation: Explanation
  readonly answer?: LeaseAnswer | ProxyAnswer
}

/** What one message gets and why, by the functions that answer real ones. */
export function explainMessage(
  bytes: Uint8Array,
  arrival: Omit<ServedNetwork, 'interface'>,
  thinking: Thinking,
  sender: DhcpSender = {},
): ExplainedMessage {
  const { network } = arrival
  const { interface: device } = network
  const place = { ...arrival, ...(device === undefined ? {} : { interface: device }) }
  const thought = thinkDhcp(bytes, place, thinking, sender)
  if (thought.ok)
    return { explanation: explainThought(thought.value, sender), answer: effectiveAnswer(thought.value) }
  const { reason, mac } = thought.error
  return {
    explanation: {
      request: `a message, ${where(arrival)}`,
      ...(mac === undefined ? {} : { mac }),
      ...{ steps: [], answer: `no answer: ${reason}`, stable: true },
    },
  }
}

function explainThought(thought: DhcpThought, sender: DhcpSender): Explanation {
  const { on, boot, lease, client, message } = thought
  const { type, lease: asked } = client
  const mode = silentMode(on.network)
  return {
    request: `${asksFor(type, asked.ask)}${way(message.giaddr, sender)}, ${where(on)}`,
    mac: client.boot.client.mac,
    ...(boot.node === undefined ? {} : { node: boot.node }),
    steps: boot.action.kind === 'ignore' ? boot.trace : [...boot.trace, ...lease.trace],
    ...outcome(thought, sender),
    stable: isStable(boot.trace),
    ...(mode === undefined ? {} : { mode }),
  }
}

function outcome(
  thought: DhcpThought,
  sender: DhcpSender,
): Pick<Explanation, 'answer' | 'reply' | 'address'> {
  const { on, boot } = thought
  const answer = effectiveAnswer(thought)
  const reply = replyTo(thought, sender)
  if (answer.kind === 'silent') return { answer: `no answer: ${answer.reason}` }
  if (reply === undefined) return { answer: 'no answer' }
  const { yiaddr } = reply.message
  const said = [reply.type, ...(yiaddr === 0 ? [] : [formatIpv4(yiaddr)])].join(' ')
  return {
    answer: answer.kind === 'nak' ? `NAK: ${answer.reason}` : describeAction(boot.action, on.address),
    reply: `${said}, ${describeDestination(reply.destination)}`,
    ...(yiaddr === 0 ? {} : { address: formatIpv4(yiaddr) }),
  }
}

/** RFC 2131 §4.3.2 names the states of a REQUEST. */
function asksFor(type: string, ask: LeaseAsk): string {
  switch (ask.kind) {
    case 'select':
      return `${type} ${formatIpv4(ask.requested)} of server ${formatIpv4(ask.server)} (SELECTING)`
    case 'reboot':
      return `${type} ${formatIpv4(ask.requested)} (INIT-REBOOT)`
    case 'renew':
      return `${type} ${formatIpv4(ask.current)} (RENEWING or REBINDING)`
    case 'decline':
      return `${type} ${formatIpv4(ask.declined)}`
    case 'release':
    case 'inform':
      return `${type} ${formatIpv4(ask.current)}`
    case 'boot-server':
      return `${type} to a PXE boot server`
    case 'discover':
    case 'bootp':
      return type
    default:
      return ask satisfies never
  }
}

function way(giaddr: DhcpThought['message']['giaddr'], { port }: DhcpSender): string {
  const relay = giaddr === 0 ? '' : ` relayed by ${formatIpv4(giaddr)}`
  return port === undefined ? relay : `${relay} to port ${port}`
}

function where({ network, address }: Pick<ServedNetwork, 'network' | 'address'>): string {
  return `dhcp: ${network.dhcp} on ${network.interface ?? network.name} (${formatIpv4(address)})`
}

function silentMode({ dhcp }: Network): string | undefined {
  if (dhcp === 'server' || dhcp === 'proxy') return undefined
  return dhcp === 'off' ? 'dhcp: off, no DHCP here' : `dhcp: ${dhcp}, nothing is sent; set dhcp: server`
}
