import { clientKey } from '../address/client-key.ts'
import { type AddressWorld, decideLease, type LeaseDecision } from '../address/decide-lease.ts'
import { decideOnLink } from '../address/decide-on-link.ts'
import type { ClassifiedDhcp } from '../boot/classify.ts'
import type { Node } from '../model/config.ts'
import type { LeaseView } from '../model/lease.ts'
import type { World } from '../model/world.ts'
import type { ServedNetwork } from './served-network.ts'
import type { Picture } from './world.ts'

/** A key that stands for option 61 is nobody else's on the link. */
export function withKey(
  client: ClassifiedDhcp,
  { network, link }: ServedNetwork,
  leases: LeaseView,
): ClassifiedDhcp {
  const { byClientId, clientId } = client.lease
  if (byClientId === undefined || clientId === undefined) return client
  const names = (link ?? [{ network }]).map((subnet) => subnet.network.name)
  return { ...client, lease: { ...client.lease, mac: clientKey(clientId, names, leases) } }
}

interface AddressThought {
  /** The subnet that the decision is about, of those of the link. */
  readonly on: ServedNetwork
  readonly lease: LeaseDecision
}

interface AddressScene {
  readonly arrived: ServedNetwork
  readonly picture: Picture
  readonly world: World
}

/** The address decision for one client of a link. */
export function thinkAddress(
  { lease: request, boot: { client: evidence } }: ClassifiedDhcp,
  node: Node | undefined,
  { arrived, picture: { reservations }, world: { leases, now } }: AddressScene,
): AddressThought {
  const { network, address: server, link } = arrived
  const world: AddressWorld = {
    ...{ network, server, reservations, leases, now, evidence },
    ...(node === undefined ? {} : { node }),
  }
  if (link === undefined) return { on: arrived, lease: decideLease(request, world) }
  const lease = decideOnLink(request, { ...world, link })
  return { on: { ...arrived, ...lease.subnet }, lease }
}
