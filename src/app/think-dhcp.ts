import { decideLease, type LeaseDecision } from '../address/decide-lease.ts'
import { type ClassifiedDhcp, classifyDhcp, type NotForUs } from '../boot/classify.ts'
import { decide } from '../boot/decide.ts'
import type { Decision } from '../boot/decision.ts'
import { err, ok, type Result } from '../lib/result.ts'
import type { Node } from '../model/config.ts'
import type { LeaseRequest } from '../model/lease-request.ts'
import type { World } from '../model/world.ts'
import { decodeDhcp4 } from '../protocol/dhcp4/decode.ts'
import type { DhcpMessage } from '../protocol/dhcp4/message.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'
import { whichNetwork } from './which-network.ts'
import { type Picture, worldAt } from './world.ts'

/** Everything that was thought about one message. */
export interface DhcpThought {
  /** The network of the client, and our address there. */
  readonly on: ServedNetwork
  readonly message: DhcpMessage
  readonly client: ClassifiedDhcp
  /** The described node that this client is. */
  readonly node?: Node
  readonly boot: Decision
  readonly lease: LeaseDecision
}

/** From bytes to both decisions, without waiting and without changing anything; the error is why nobody answers. */
export function thinkDhcp(
  bytes: Uint8Array,
  arrival: ServedNetwork,
  { picture, leases, loops, now: clock }: Pick<Running, 'picture' | 'leases' | 'loops' | 'now'>,
): Result<DhcpThought, NotForUs> {
  const decoded = decodeDhcp4(bytes)
  if (!decoded.ok) return err({ reason: `malformed: ${decoded.error.code} at ${decoded.error.at}` })
  const network = whichNetwork(decoded.value, arrival, picture.config)
  if (!network.ok) return err({ reason: network.error })
  const on = network.value
  const client = classifyDhcp(decoded.value, { network: on.network.name, server: on.address })
  if (!client.ok) return client
  const world = worldAt(picture, leases, clock(), loops)
  const boot = decide(client.value.boot, world)
  const lease = thinkAddress(client.value.lease, on, picture, world)
  const node = world.nodes.get(client.value.lease.mac)
  return ok({
    ...{ on, message: decoded.value, client: client.value, boot, lease },
    ...(node === undefined ? {} : { node }),
  })
}

/** The address decision for one client of a network; `explain` asks here too. */
export function thinkAddress(
  request: LeaseRequest,
  on: Pick<ServedNetwork, 'network' | 'address'>,
  { reservations }: Picture,
  { nodes, leases, now }: World,
): LeaseDecision {
  const node = nodes.get(request.mac)
  const { network, address: server } = on
  return decideLease(request, {
    network,
    server,
    reservations,
    ...(node === undefined ? {} : { node }),
    leases,
    now,
  })
}
