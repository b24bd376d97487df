import type { Action } from '../boot/decision.ts'
import { describeOctets } from '../boot/match-node.ts'
import type { DhcpReply } from '../boot/reply-dhcp.ts'
import { formatIpv4, type Ipv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { BootEvent, EventKind } from '../model/event.ts'
import type { LeaseAsk } from '../model/lease-request.ts'
import type { PortEvidence } from '../model/node-keys.ts'
import type { MessageType } from '../protocol/dhcp4/message-types.ts'
import type { UnansweredReason } from './dhcp-counters.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'
import type { DhcpThought } from './think-dhcp.ts'

const REQUEST_KINDS: Readonly<Partial<Record<MessageType | 'BOOTP', EventKind>>> = {
  BOOTP: 'dhcp.bootp',
  DISCOVER: 'dhcp.discover',
  REQUEST: 'dhcp.request',
  RELEASE: 'dhcp.release',
  DECLINE: 'dhcp.decline',
  INFORM: 'dhcp.inform',
}

const ANSWER_KINDS: Readonly<Partial<Record<MessageType | 'BOOTP', EventKind>>> = {
  BOOTP: 'dhcp.ack',
  OFFER: 'dhcp.offer',
  ACK: 'dhcp.ack',
  NAK: 'dhcp.nak',
}

/** The client's message, as it was understood. */
export function observeRequest(thought: DhcpThought, on: ServedNetwork, running: Running): void {
  const { client } = thought
  const kind = REQUEST_KINDS[client.type]
  if (kind === undefined) return
  const { ask } = client.lease
  const asked = addressAsked(ask)
  const told = emit(running, on, thought, {
    kind,
    detail: { ...clientFacts(thought), ...(asked === undefined ? {} : { asks: formatIpv4(asked) }) },
  })
  if (told) running.seen.note(client.boot.client.mac, on.network.name, running.now(), seenFacts(thought))
}

/** The address that a message is about, whatever it wants of it. */
function addressAsked(ask: LeaseAsk): Ipv4 | undefined {
  if ('requested' in ask) return ask.requested
  if ('declined' in ask) return ask.declined
  return 'current' in ask ? ask.current : undefined
}

/** What was answered and what it says about booting, or why there is no answer. */
export function observeAnswer(
  thought: DhcpThought,
  reply: DhcpReply | undefined,
  on: ServedNetwork,
  running: Running,
): void {
  const kind = reply === undefined ? undefined : ANSWER_KINDS[reply.type]
  if (reply === undefined || kind === undefined) {
    const reason = silence(thought)
    const winner = lostTo(thought, on, running)
    if (winner !== undefined) {
      emit(running, on, thought, { kind: 'dhcp.lost-to', detail: winner })
      return
    }
    // RELEASE and DECLINE are never answered (RFC 2131 §4.3.3, §4.3.4): their own event has said it.
    if (['REQUEST', 'DISCOVER', 'BOOTP'].includes(thought.client.type))
      emit(running, on, thought, { kind: 'dhcp.ignored', detail: { reason } })
    return
  }
  const address = addressOf(reply)
  emit(running, on, thought, {
    kind,
    ...(address === undefined ? {} : { address }),
    detail: { ...bootFacts(thought, reply), to: reply.destination.kind },
  })
  if (reply.type === 'ACK' && address !== undefined)
    running.seen.note(thought.client.boot.client.mac, on.network.name, running.now(), { address })
}

/** In `observe` mode: nothing is sent, and the log says what a server would have said. */
export function observeWouldAnswer(
  thought: DhcpThought,
  reply: DhcpReply | undefined,
  on: ServedNetwork,
  running: Running,
): void {
  const { mac } = thought.client.boot.client
  if (reply === undefined) {
    if (attention(running, on, thought) > 0)
      running.seen.note(mac, on.network.name, running.now(), seenFacts(thought))
    return
  }
  const address = addressOf(reply)
  const told = emit(running, on, thought, {
    kind: 'dhcp.would-answer',
    ...(address === undefined ? {} : { address }),
    detail: {
      ...clientFacts(thought),
      answer: reply.type,
      ...bootFacts(thought, reply),
      hint: 'set dhcp: server',
    },
  })
  if (told) running.seen.note(mac, on.network.name, running.now(), seenFacts(thought))
}

/** An address that was not offered, since somebody answered for it: `holder`, where that is known. */
export function observeConflict(
  thought: DhcpThought,
  { address, holder }: { readonly address: Ipv4; readonly holder?: Mac },
  running: Running,
): void {
  const because =
    holder === undefined ? 'somebody answers an ICMP echo' : 'answers an ARP probe, without a lease of it'
  emit(running, thought.on, thought, {
    kind: 'dhcp.conflict',
    address: formatIpv4(address),
    detail: { ...(holder === undefined ? {} : { holder }), because },
  })
}

/** A message that gets no answer and was not even understood. */
export function observeDropped(
  dropped: { readonly code: UnansweredReason; readonly reason: string; readonly mac?: Mac },
  on: ServedNetwork,
  running: Running,
): void {
  const time = running.now()
  running.counters.unanswered(on.network.name, dropped.code)
  const count = running.drops.note(on.network.name, time)
  if (count === 0) return
  running.timeline.emit({
    time,
    kind: 'dhcp.ignored',
    ...(dropped.mac === undefined ? {} : { mac: dropped.mac }),
    network: on.network.name,
    detail: { reason: dropped.reason, ...(count === 1 ? {} : { dropped: count }) },
  })
}

/** The server that a client chose although we offered it an address too; undefined for everything else. */
function lostTo(
  { boot, lease, client: { lease: request } }: DhcpThought,
  { network }: ServedNetwork,
  { leases, now }: Running,
): Readonly<Record<string, string>> | undefined {
  const { ask, mac } = request
  if (ask.kind !== 'select' || boot.action.kind === 'ignore' || lease.answer.kind !== 'silent')
    return undefined
  const offered =
    'forget' in lease.answer
      ? lease.answer.forget
      : leases
          .ofClient(network.name, mac)
          .find(({ state, expiresAt }) => state === 'bound' && expiresAt > now())
  if (offered === undefined) return undefined
  return { server: formatIpv4(ask.server), because: `it was offered ${formatIpv4(offered.address)} here` }
}

function silence({ boot, lease }: DhcpThought): string {
  if (boot.action.kind === 'ignore') return boot.action.reason
  return lease.answer.kind === 'silent' ? lease.answer.reason : 'no answer'
}

function clientFacts({ client, boot: { conflict } }: DhcpThought): Readonly<Record<string, string>> {
  const { arch, archCode, stage, port } = client.boot.client
  const { byClientId, clientId } = client.lease
  const shown = arch ?? (archCode === undefined ? undefined : `arch ${archCode}`)
  return {
    stage,
    ...(shown === undefined ? {} : { arch: shown }),
    ...(byClientId === undefined || clientId === undefined ? {} : { 'client-id': describeOctets(clientId) }),
    ...(port === undefined ? {} : portFacts(port)),
    ...(conflict === undefined ? {} : { conflict: conflict.because }),
  }
}

/** As the configuration would name the port. */
function portFacts({ relay, circuitId, remoteId }: PortEvidence): Readonly<Record<string, string>> {
  return {
    ...(relay === 0 ? {} : { relay: formatIpv4(relay) }),
    ...(circuitId === undefined ? {} : { 'circuit-id': describeOctets(circuitId) }),
    ...(remoteId === undefined ? {} : { 'remote-id': describeOctets(remoteId) }),
  }
}

function seenFacts({ client }: DhcpThought): Readonly<Record<string, string>> {
  const { arch, uuid } = client.boot.client
  return {
    ...(arch === undefined ? {} : { arch }),
    ...(uuid === undefined ? {} : { uuid }),
    ...(client.vendorClass === undefined ? {} : { vendorClass: client.vendorClass }),
    ...(client.boot.client.stage === 'os' ? {} : { stage: 'dhcp' }),
  }
}

function bootFacts({ boot, lease }: DhcpThought, reply: DhcpReply): Readonly<Record<string, string>> {
  if (reply.type === 'NAK') return lease.answer.kind === 'nak' ? { reason: lease.answer.reason } : {}
  return bootFact(boot.action)
}

function bootFact(action: Action): Readonly<Record<string, string>> {
  switch (action.kind) {
    case 'boot-file':
      return { boot: action.url ?? action.file.name }
    case 'script-url':
      return { boot: action.url }
    case 'no-boot':
    case 'ignore':
    case 'refuse':
      return { 'no-boot': action.reason }
    case 'file':
    case 'document':
    case 'script':
      return {}
    default:
      return action satisfies never
  }
}

function addressOf({ message }: DhcpReply): string | undefined {
  const address: Ipv4 = message.yiaddr === 0 ? message.ciaddr : message.yiaddr
  return address === 0 ? undefined : formatIpv4(address)
}

/** Whether it was told: the events of a flood are counted instead. */
function emit(
  running: Running,
  on: ServedNetwork,
  thought: DhcpThought,
  { detail, ...event }: Pick<BootEvent, 'kind' | 'address' | 'detail'>,
): boolean {
  const count = attention(running, on, thought)
  if (count === 0) return false
  const { node } = thought.boot
  running.timeline.emit({
    time: running.now(),
    mac: thought.client.boot.client.mac,
    ...(node === undefined ? {} : { node }),
    network: on.network.name,
    ...event,
    detail: count === 1 ? detail : { ...detail, untold: count - 1 },
  })
  return true
}

/** How many events one about this client should tell of, this one included; 0: it should not be told now. */
export function attention(running: Running, on: ServedNetwork, { boot, client }: DhcpThought): number {
  const { mac } = client.boot.client
  const network = on.network.name
  const isKnown =
    boot.node !== undefined ||
    running.leases.hasLeased(network, mac) ||
    running.claims.has(mac, running.now())
  return running.attention.note({ who: mac, network, isKnown }, running.now())
}
