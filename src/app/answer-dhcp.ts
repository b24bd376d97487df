import type { ProxyAnswer } from '../boot/decide-proxy.ts'
import type { DhcpReply } from '../boot/reply-dhcp.ts'
import { subnetContains } from '../lib/ipv4.ts'
import type { LeaseAnswer } from '../model/lease-answer.ts'
import type { RuleId } from '../model/rules.ts'
import { observeAnswer, observeDropped, observeRequest, observeWouldAnswer } from './observe-dhcp.ts'
import { observeChosen } from './observe-foreign.ts'
import { checkOffer, mustCheck } from './ping-check.ts'
import { kept, rememberShown } from './remember.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'
import { takeOffer } from './take-answer.ts'
import { type DhcpSender, type DhcpThought, effectiveAnswer, replyTo, thinkDhcp } from './think-dhcp.ts'

/**
 * One packet's life: bytes, facts, decision, durable state, reply. Undefined means silence, whose reason is an
 * event. Rejects only for a fault of ours.
 */
export async function answerDhcp(
  bytes: Uint8Array,
  arrival: ServedNetwork,
  running: Running,
  sender: DhcpSender = {},
): Promise<DhcpReply | undefined> {
  const thinking = thinkDhcp(bytes, arrival, running, sender)
  if (!thinking.ok) {
    observeDropped(thinking.error, arrival, running)
    return undefined
  }
  const asked = thinking.value
  const { on: arrived } = asked
  const { mac } = asked.client.lease
  if (!running.askRate.take(mac, running.now())) {
    const reason = 'the client asks more often than it is answered'
    observeDropped({ code: 'asks-too-often', reason, mac: asked.client.boot.client.mac }, arrived, running)
    return undefined
  }
  observeChosen(asked, arrived, running)
  running.counters.received(arrived.network.name, asked.client.type)
  if (arrived.network.dhcp !== 'server' && arrived.network.dhcp !== 'proxy') {
    // Held in memory as if it had been offered, so that the same client is told the same address again.
    takeOffer(effectiveAnswer(asked), running.leases)
    running.counters.unanswered(arrived.network.name, 'observe')
    observeWouldAnswer(asked, replyTo(asked, sender), arrived, running)
    return undefined
  }
  const mustLast = rememberShown(asked, running)
  observeRequest(asked, arrived, running)
  const thought = mustCheck(asked, running)
    ? await checkOffer(asked, () => thinkDhcp(bytes, arrival, running, sender), running)
    : asked
  // A probe that finds the address in use may lead to another subnet of the link.
  const { on } = thought
  const reply = withSource(replyTo(thought, sender), on)
  if (on.network.dhcp === 'proxy') noteAddress(thought, on, running)
  else if (!(await commit(effectiveAnswer(thought), thought, on, running))) return undefined
  if (mustLast) await kept(running)
  observeAnswer(thought, reply, on, running)
  if (reply === undefined) running.counters.unanswered(on.network.name, lastRule(thought))
  else running.counters.sent(on.network.name, reply.type)
  return reply
}

function withSource(reply: DhcpReply | undefined, { link, address }: ServedNetwork): DhcpReply | undefined {
  return reply === undefined || link === undefined ? reply : { ...reply, source: address }
}

/** The rule that ended in silence. */
function lastRule({ boot, lease }: DhcpThought): RuleId {
  const trace = boot.action.kind === 'ignore' ? boot.trace : lease.trace
  return trace.at(-1)?.rule ?? 'clients.policy'
}

const DROP_CODES = { 'the queue is full': 'queue-full', 'waited too long': 'waited-too-long' } as const

/** A message that waited in vain: nobody looked at it. */
export function dropDhcp(reason: keyof typeof DROP_CODES, arrival: ServedNetwork, running: Running): void {
  observeDropped({ code: DROP_CODES[reason], reason }, arrival, running)
}

/**
 * On a proxy's network the leases are another server's; what a client says of its own (option 50 with option 54, or
 * ciaddr) is kept in memory alone, so that its transfers and reports are known as its own.
 */
function noteAddress({ client: { lease } }: DhcpThought, on: ServedNetwork, running: Running): void {
  const { ask, mac } = lease
  const address = ask.kind === 'select' ? ask.requested : 'current' in ask ? ask.current : undefined
  if (address === undefined || ask.kind === 'release') return
  const network = (on.link ?? [on]).find((one) => subnetContains(one.network.subnet, address))?.network
  if (network === undefined) return
  const now = running.now()
  const expiresAt = now + network.leaseSeconds * 1000
  running.claims.note(mac, address, expiresAt)
}

/**
 * Takes the lease in memory at once, so that no other client gets it meanwhile, and waits until it is on disk. When
 * the disk refuses, memory goes back and the client gets no answer: it asks again.
 */
async function commit(
  answer: LeaseAnswer | ProxyAnswer,
  thought: DhcpThought,
  on: ServedNetwork,
  running: Running,
): Promise<boolean> {
  const { leases, store, unwritten } = running
  const writes = takeOffer(answer, leases)
  if (writes.length === 0) return true
  for (const lease of writes) {
    unwritten.begin(lease.address, leases.ofAddress(lease.network, lease.address))
    leases.put(lease)
  }
  const saved = store.saveLeases(writes).then(() => {
    for (const lease of writes) unwritten.written(lease)
  })
  if (answer.kind === 'offer') {
    // What is given back with an OFFER need not be on disk: the worst is that a restart finds it taken for a while.
    saved.catch(() => {
      for (const lease of writes) unwritten.refused(lease)
    })
    return true
  }
  try {
    await saved
    return true
  } catch (error) {
    for (const lease of writes) leases.restore(lease, unwritten.refused(lease))
    // That a reservation is its node's is durable in the configuration, and no other client gets it.
    if (answer.kind === 'ack' && answer.lease.address === thought.match.node?.address) {
      leases.put(answer.lease)
      return true
    }
    const reason = `the lease could not be written: ${error instanceof Error ? error.message : String(error)}`
    observeDropped({ code: 'not-written', reason, mac: thought.client.boot.client.mac }, on, running)
    return false
  }
}
