import type { LeaseDecision } from '../address/decide-lease.ts'
import { type ClassifiedDhcp, classifyDhcp, type NotForUs } from '../boot/classify.ts'
import { decide } from '../boot/decide.ts'
import {
  BOOT_SERVER_PORT,
  decideProxy,
  type ProxyAnswer,
  type ProxyDecision,
  type ProxyQuestion,
} from '../boot/decide-proxy.ts'
import type { Decision } from '../boot/decision.ts'
import { type MatchedNode, matchNode } from '../boot/match-node.ts'
import { type DhcpReply, replyDhcp } from '../boot/reply-dhcp.ts'
import type { Ipv4 } from '../lib/ipv4.ts'
import { err, ok, type Result } from '../lib/result.ts'
import type { IntentView } from '../model/intent.ts'
import type { LeaseView } from '../model/lease.ts'
import type { LeaseAnswer } from '../model/lease-answer.ts'
import type { LoopView, RecognisedView } from '../model/world.ts'
import { decodeDhcp4 } from '../protocol/dhcp4/decode.ts'
import type { DhcpMessage } from '../protocol/dhcp4/message.ts'
import type { ServedNetwork } from './served-network.ts'
import { thinkAddress, withKey } from './think-address.ts'
import { whichNetwork } from './which-network.ts'
import { type Memory, type Picture, worldAt } from './world.ts'

const DHCP_PORT = 67

/** Everything that was thought about one message. */
export interface DhcpThought {
  /** The network of the client, and our address there. */
  readonly on: ServedNetwork
  readonly message: DhcpMessage
  readonly client: ClassifiedDhcp
  /** The described node that this client is. */
  readonly match: MatchedNode
  readonly boot: Decision
  /** About its address, or on a proxy's network and port 4011 about being told to boot. */
  readonly lease: LeaseDecision | ProxyDecision
}

/** Where a message came from, and our port it came to, 67 unless told. */
export interface DhcpSender {
  readonly sourceAddress?: Ipv4
  readonly sourcePort?: number
  readonly port?: number
}

/** What thinking needs of the server; `now` in milliseconds since 1970. */
export interface Thinking {
  readonly picture: Picture
  readonly leases: LeaseView
  readonly loops?: LoopView
  readonly recognised?: RecognisedView
  readonly intents?: Pick<IntentView, 'of'>
  readonly now: () => number
}

/** From bytes to both decisions, without waiting and without changing anything; the error is why nobody answers. */
export function thinkDhcp(
  bytes: Uint8Array,
  arrival: ServedNetwork,
  { picture, leases, loops, recognised, intents, now: clock }: Thinking,
  { sourceAddress, port = DHCP_PORT }: DhcpSender = {},
): Result<DhcpThought, NotForUs> {
  const decoded = decodeDhcp4(bytes)
  if (!decoded.ok)
    return err({ code: 'malformed', reason: `malformed: ${decoded.error.code} at ${decoded.error.at}` })
  const network = whichNetwork(decoded.value, arrival, picture.config, sourceAddress)
  if (!network.ok) return err({ code: 'unknown-network', reason: network.error })
  const arrived = network.value
  const ingress = { network: arrived.network.name, server: arrived.address }
  const { identity } = arrived.network
  const classified = classifyDhcp(decoded.value, ingress, { sourceAddress, identity })
  if (!classified.ok) return classified
  const client = withKey(classified.value, arrived, leases)
  const world = worldAt(picture, leases, clock(), { loops, recognised, ...commandsOf(intents) })
  const match = matchNode(client.boot, world)
  const asksProxy = arrived.network.dhcp === 'proxy' || port === BOOT_SERVER_PORT
  const { on, lease } = asksProxy
    ? { on: arrived }
    : thinkAddress(client, match.node, { arrived, picture, world })
  const asked = on === arrived ? client : reachedOn(client, on)
  const boot = decide(asked.boot, world, match)
  return ok({
    ...{ on, message: decoded.value, client: asked, boot, match },
    lease: lease ?? thinkProxy(askedOf(asked), boot, on, port),
  })
}

/** Of what was commanded a DHCP answer needs the profile alone, which is for whoever has the machine's card. */
function commandsOf(intents: Thinking['intents']): Pick<Memory, 'intents'> {
  return intents === undefined ? {} : { intents: { of: (node) => intents.of(node), stranger: undefined } }
}

function reachedOn(client: ClassifiedDhcp, { network, address }: ServedNetwork): ClassifiedDhcp {
  return { ...client, boot: { ...client.boot, ingress: { network: network.name, server: address } } }
}

/** A client that the network does not serve gets silence, whatever its lease. */
export function effectiveAnswer({ boot, lease }: DhcpThought): LeaseAnswer | ProxyAnswer {
  return boot.action.kind === 'ignore' ? { kind: 'silent', reason: boot.action.reason } : lease.answer
}

/** What is said to whom; undefined is silence. */
export function replyTo(thought: DhcpThought, sender: DhcpSender = {}): DhcpReply | undefined {
  const { message, on, boot } = thought
  const { node } = thought.match
  return replyDhcp({
    ...{ request: message, network: on.network, server: on.address },
    ...(node === undefined ? {} : { node }),
    ...{ answer: effectiveAnswer(thought), boot: boot.action },
    ...sender,
  })
}

function askedOf({
  type,
  lease: { ask },
  boot: { client },
}: ClassifiedDhcp): Pick<ProxyQuestion, 'type' | 'ask' | 'client'> {
  return { type, ask, client }
}

function thinkProxy(
  asked: Pick<ProxyQuestion, 'type' | 'ask' | 'client'>,
  boot: Decision,
  { address: server }: Pick<ServedNetwork, 'address'>,
  port = DHCP_PORT,
): ProxyDecision {
  return decideProxy({ ...asked, port, boot, server })
}
