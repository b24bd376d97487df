import { decideLease } from '../address/decide-lease.ts'
import { type ClassifiedDhcp, classifyDhcp } from '../boot/classify.ts'
import { decide } from '../boot/decide.ts'
import type { Decision } from '../boot/decision.ts'
import { type DhcpReply, replyDhcp } from '../boot/reply-dhcp.ts'
import type { Lease } from '../model/lease.ts'
import type { LeaseAnswer } from '../model/lease-answer.ts'
import { decodeDhcp4 } from '../protocol/dhcp4/decode.ts'
import type { DhcpMessage } from '../protocol/dhcp4/message.ts'
import { observeAnswer, observeDropped, observeRequest, observeWouldAnswer } from './observe-dhcp.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'
import { worldAt } from './world.ts'

/** Everything that was thought about one message. */
export interface DhcpThought {
  readonly message: DhcpMessage
  readonly client: ClassifiedDhcp
  readonly boot: Decision
  readonly lease: ReturnType<typeof decideLease>
}

/**
 * One packet's life: bytes, facts, decision, durable state, reply. Undefined means silence, whose reason is an
 * event. Rejects only for a fault of ours.
 */
export async function answerDhcp(
  bytes: Uint8Array,
  on: ServedNetwork,
  running: Running,
): Promise<DhcpReply | undefined> {
  const thought = think(bytes, on, running)
  if (thought === undefined) return undefined
  const answer = effectiveAnswer(thought)
  const reply = replyDhcp({
    request: thought.message,
    network: on.network,
    server: on.address,
    answer,
    boot: thought.boot.action,
  })
  if (on.network.dhcp !== 'server') {
    // Held in memory as if it had been offered, so that the same client is told the same address again.
    if (answer.kind === 'offer') hold(answer.lease, running)
    observeWouldAnswer(thought, reply, on, running)
    return undefined
  }
  observeRequest(thought, on, running)
  if (!(await commit(answer, thought, on, running))) return undefined
  observeAnswer(thought, reply, on, running)
  return reply
}

function think(bytes: Uint8Array, on: ServedNetwork, running: Running): DhcpThought | undefined {
  const decoded = decodeDhcp4(bytes)
  if (!decoded.ok) {
    observeDropped({ reason: `malformed: ${decoded.error.code} at ${decoded.error.at}` }, on, running)
    return undefined
  }
  const client = classifyDhcp(decoded.value, { network: on.network.name, server: on.address })
  if (!client.ok) {
    observeDropped(client.error, on, running)
    return undefined
  }
  const now = running.now()
  const world = worldAt(running.picture, running.leases, now)
  const boot = decide(client.value.boot, world)
  const node = world.nodes.get(client.value.boot.client.mac)
  const lease = decideLease(client.value.lease, {
    network: on.network,
    server: on.address,
    reservations: running.picture.reservations,
    ...(node === undefined ? {} : { node }),
    leases: running.leases,
    now,
  })
  return { message: decoded.value, client: client.value, boot, lease }
}

/** A client that the network does not serve gets silence, whatever its lease. */
function effectiveAnswer({ boot, lease }: DhcpThought): LeaseAnswer {
  return boot.action.kind === 'ignore' ? { kind: 'silent', reason: boot.action.reason } : lease.answer
}

/**
 * Takes the lease in memory at once, so that no other client gets it meanwhile, and waits until it is on disk. When
 * the disk refuses, memory goes back and the client gets no answer: it asks again.
 */
async function commit(
  answer: LeaseAnswer,
  thought: DhcpThought,
  on: ServedNetwork,
  running: Running,
): Promise<boolean> {
  const { leases, store } = running
  if (answer.kind === 'offer') hold(answer.lease, running)
  if (answer.kind === 'silent' && answer.forget !== undefined) leases.restore(answer.forget, undefined)
  const writes = answer.kind === 'ack' || answer.kind === 'silent' ? (answer.writes ?? []) : []
  if (writes.length === 0) return true
  const before = writes.map((lease) => leases.ofAddress(lease.network, lease.address))
  for (const lease of writes) leases.put(lease)
  try {
    await store.saveLeases(writes)
    return true
  } catch (error) {
    writes.forEach((lease, i) => {
      leases.restore(lease, before[i])
    })
    const reason = `the lease could not be written: ${error instanceof Error ? error.message : String(error)}`
    observeDropped({ reason, mac: thought.client.boot.client.mac }, on, running)
    return false
  }
}

function hold(lease: Lease, { leases }: Running): void {
  if (lease.state === 'offered') leases.put(lease)
}
