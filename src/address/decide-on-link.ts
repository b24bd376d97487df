import { formatIpv4, type Ipv4, subnetContains } from '../lib/ipv4.ts'
import type { LinkSubnet } from '../model/config.ts'
import type { LeaseAsk, LeaseRequest } from '../model/lease-request.ts'
import type { Step } from '../model/rules.ts'
import { type AddressWorld, decideLease, type LeaseDecision } from './decide-lease.ts'

/** A decision, and the subnet that it is about. */
export interface LinkDecision extends LeaseDecision {
  readonly subnet: LinkSubnet
}

type LinkWorld = Omit<AddressWorld, 'network' | 'server'> & Required<Pick<AddressWorld, 'link'>>

/**
 * RFC 2131 §4.3 for a link with several subnets (a shared network): a client with an address is a client of that address's
 * subnet; another one gets the subnet of its reservation, of its last lease, or of the address it asks for, or else the
 * first that has a free address.
 */
export function decideOnLink(request: LeaseRequest, world: LinkWorld): LinkDecision {
  const [first] = world.link
  if (first === undefined) throw new Error('a link without a subnet')
  const on = (subnet: LinkSubnet): LeaseDecision =>
    decideLease(request, { ...world, network: subnet.network, server: subnet.address })
  if (request.ask.kind !== 'discover') {
    const address = addressOf(request.ask) ?? world.node?.address
    const subnet = subnetWith(address, world.link) ?? first
    const { answer, trace } = on(subnet)
    const why = address === undefined ? undefined : `${formatIpv4(address)} is there`
    return {
      answer,
      subnet,
      trace: [step(subnet, subnetWith(address, world.link) ? why : 'the first'), ...trace],
    }
  }
  const tried: Step[] = []
  const order = inOrder(request, world)
  for (const { subnet, why } of order) {
    const { answer, trace } = on(subnet)
    if (answer.kind !== 'silent') return { answer, subnet, trace: [...tried, step(subnet, why), ...trace] }
    tried.push(step(subnet, answer.reason))
  }
  const reason = `no free address on the shared network ${first.network.sharedNetwork}`
  return { answer: { kind: 'silent', reason }, subnet: order[0]?.subnet ?? first, trace: tried }
}

function step({ network }: LinkSubnet, why: string | undefined): Step {
  return {
    ...{
      rule: 'network.shared',
      outcome: `${network.name} of ${network.sharedNetwork}: ${why}`,
      from: 'config',
    },
    cite: `${network.origin.file}:${network.origin.line}`,
  }
}

interface Candidate {
  readonly subnet: LinkSubnet
  readonly why: string
}

function inOrder({ mac, ask }: LeaseRequest, { link, node, leases }: LinkWorld): readonly Candidate[] {
  const newest = link
    .flatMap((subnet) => leases.ofClient(subnet.network.name, mac).map((lease) => ({ subnet, lease })))
    .sort((a, b) => b.lease.startedAt - a.lease.startedAt)
  const reserved = subnetWith(node?.address, link)
  const asked = subnetWith(ask.kind === 'discover' ? ask.requested : undefined, link)
  const candidates = [
    ...(reserved === undefined ? [] : [{ subnet: reserved, why: 'its reservation is there' }]),
    ...newest.map(({ subnet }) => ({ subnet, why: 'its last lease is there' })),
    ...(asked === undefined ? [] : [{ subnet: asked, why: 'it asks for an address there' }]),
    ...link.map((subnet) => ({ subnet, why: 'has a free address' })),
  ]
  return candidates.filter(({ subnet }, i) => candidates.findIndex((other) => other.subnet === subnet) === i)
}

function subnetWith(address: Ipv4 | undefined, link: readonly LinkSubnet[]): LinkSubnet | undefined {
  return address === undefined
    ? undefined
    : link.find(({ network }) => subnetContains(network.subnet, address))
}

/** The address that a message is about. */
function addressOf(ask: LeaseAsk): Ipv4 | undefined {
  switch (ask.kind) {
    case 'discover':
    case 'select':
    case 'reboot':
      return ask.requested
    case 'renew':
    case 'release':
    case 'inform':
      return ask.current
    case 'decline':
      return ask.declined
    case 'bootp':
    case 'boot-server':
      return undefined
    default:
      return ask satisfies never
  }
}
