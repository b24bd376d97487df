import { formatIpv4, type Ipv4, isSubnetEnd, rangeContains, subnetContains } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { LinkSubnet, Network, Node, Origin } from '../model/config.ts'
import type { Lease, LeaseView } from '../model/lease.ts'
import type { LeaseAnswer } from '../model/lease-answer.ts'
import type { LeaseAsk, LeaseRequest } from '../model/lease-request.ts'
import { contradicts, type NodeEvidence } from '../model/node-keys.ts'
import type { Step } from '../model/rules.ts'
import { decidePingCheck, pingCheckStep, quarantineMs } from './ping-check.ts'

/** How long an offered address is kept for the client, in milliseconds (RFC 2131 §4.3.1 leaves it to the server). */
export const OFFER_HOLD_MS = 60_000
/**
 * How long nobody else gets it in any case, in milliseconds: firmware takes an offer within 4 s, its first time-out (PXE
 * 2.1), iPXE within 2 s. Where a pool has nothing else, the oldest offer not taken by then goes to the next client.
 */
export const OFFER_GUARD_MS = 10_000
/** How many addresses one client can have in quarantine: a client that declines everything would empty the pool. */
const DECLINES_OF_A_CLIENT = 3

/** The part of the world that an address decision looks at. */
export interface AddressWorld {
  readonly network: Network
  /** Our address on that network: the server identifier. */
  readonly server: Ipv4
  /** All subnets of the network's link, itself among them, where there are several. */
  readonly link?: readonly LinkSubnet[]
  /** Every reserved address of the inventory, with its node. */
  readonly reservations: ReadonlyMap<Ipv4, Node>
  /** The node this client is, when it is described. */
  readonly node?: Node
  /** What its message shows. */
  readonly evidence?: NodeEvidence
  readonly leases: LeaseView
  /** Milliseconds since 1970. */
  readonly now: number
}

export interface LeaseDecision {
  readonly answer: LeaseAnswer
  readonly trace: readonly Step[]
}

/** RFC 2131 §4.3, for a server that is authoritative for its subnet. */
export function decideLease(request: LeaseRequest, world: AddressWorld): LeaseDecision {
  const steps: Step[] = []
  const answer = answerAsk(request, request.ask, world, steps)
  return { answer, trace: steps }
}

function answerAsk(request: LeaseRequest, ask: LeaseAsk, world: AddressWorld, steps: Step[]): LeaseAnswer {
  switch (ask.kind) {
    case 'discover':
      return offer(request, ask.requested, world, steps)
    case 'select':
      return select(request, ask, world, steps)
    case 'reboot':
      return known(request, ask.requested, world, steps)
    case 'renew':
      return known(request, ask.current, world, steps)
    case 'release':
      return release(request, ask, world, steps)
    case 'decline':
      return decline(request, ask, world, steps)
    case 'inform':
      return inform(ask.current, world, steps)
    case 'bootp':
      return bootp(request.mac, world, steps)
    case 'boot-server':
      return { kind: 'silent', reason: 'a question to a PXE boot server (option 43.71)' }
    default:
      return ask satisfies never
  }
}

function offer(
  request: LeaseRequest,
  requested: Ipv4 | undefined,
  world: AddressWorld,
  steps: Step[],
): LeaseAnswer {
  const lost = written(lostLeases(request.mac, world), world)
  const address = chooseAddress(request.mac, requested, world, steps)
  if (address === undefined) {
    steps.push({ rule: 'lease.pool', outcome: 'no free address', from: 'state' })
    return { kind: 'silent', reason: `no free address on ${world.network.name}`, ...lost }
  }
  const seconds = leaseSeconds(request, world.network)
  const held = world.leases.ofAddress(world.network.name, address)
  if (held !== undefined && held.mac === request.mac && held.state === 'bound' && isActive(held, world.now))
    return { kind: 'offer', lease: held, seconds }
  const lease = makeLease(request, address, world)
  const until = world.now + OFFER_HOLD_MS
  const check = decidePingCheck(request, address, world)
  if (check !== undefined) steps.push(pingCheckStep(address, check, world.network))
  return {
    kind: 'offer',
    lease: { ...lease, state: 'offered', expiresAt: until },
    seconds,
    ...(check === undefined ? {} : { check }),
    ...lost,
  }
}

/**
 * What a client holds and may not have any more: it is somebody else's reservation now, or out of the pool. Whoever sends a
 * DISCOVER does not use it (RFC 2131 §4.4.1), nor does who got a NAK, so the one it is meant for need not wait for its end.
 */
function lostLeases(mac: Mac, world: AddressWorld): readonly Lease[] {
  return world.leases
    .ofClient(world.network.name, mac)
    .filter(
      (lease) =>
        lease.state === 'bound' &&
        isActive(lease, world.now) &&
        whyNot(mac, lease.address, world) !== undefined,
    )
}

/** These leases as given back, where there are any. */
function written(lost: readonly Lease[], { now }: AddressWorld): { readonly writes?: readonly Lease[] } {
  if (lost.length === 0) return {}
  return {
    writes: lost.map((lease) => ({ ...lease, state: 'released', expiresAt: Math.min(lease.expiresAt, now) })),
  }
}

/** RFC 2131 §4.3.1: reservation, then the current or last address, then the one asked for, then any of the pool. */
function chooseAddress(
  mac: Mac,
  requested: Ipv4 | undefined,
  world: AddressWorld,
  steps: Step[],
): Ipv4 | undefined {
  const { network, leases, now, node } = world
  if (node?.address !== undefined) {
    const problem = whyNot(mac, node.address, world)
    const outcome = `${formatIpv4(node.address)} for ${node.name}${problem === undefined ? '' : `: ${problem}`}`
    // That it is ours to give is inventory; that somebody holds it is state.
    const from = problem === undefined ? 'inventory' : 'state'
    steps.push({ rule: 'lease.reservation', outcome, from, cite: cite(node.origin) })
    if (problem === undefined) return node.address
  }
  const last = leases
    .ofClient(network.name, mac)
    .find((lease) => whyNot(mac, lease.address, world) === undefined)
  if (last !== undefined) {
    steps.push({
      rule: 'lease.current',
      outcome: `${formatIpv4(last.address)} (${last.state})`,
      from: 'state',
    })
    return last.address
  }
  if (requested !== undefined && whyNot(mac, requested, world) === undefined) {
    steps.push({ rule: 'lease.requested', outcome: formatIpv4(requested), from: 'packet', cite: 'option 50' })
    return requested
  }
  const free = leases.pickFree(network.name, network.pools, {
    now,
    offeredBefore: now - OFFER_GUARD_MS,
    taken: (address) => isTaken(address, world),
  })
  if (free !== undefined) steps.push({ rule: 'lease.pool', outcome: formatIpv4(free), from: 'state' })
  return free
}

function select(
  request: LeaseRequest,
  ask: { readonly requested: Ipv4; readonly server: Ipv4 },
  world: AddressWorld,
  steps: Step[],
): LeaseAnswer {
  if (isOurs(ask.server, world, steps)) return confirm(request, ask.requested, world, steps)
  const held = leasesOf(request.mac, world).find((lease) => lease.state === 'offered')
  const reason = `the client chose the server ${formatIpv4(ask.server)}`
  return held !== undefined ? { kind: 'silent', reason, forget: held } : { kind: 'silent', reason }
}

/**
 * INIT-REBOOT, RENEWING and REBINDING (RFC 2131 §4.3.2): where we are not authoritative, only a client with a lease of
 * ours is answered, since another server may have given it the address.
 */
function known(request: LeaseRequest, address: Ipv4, world: AddressWorld, steps: Step[]): LeaseAnswer {
  const { network, leases, node } = world
  const held = leases.ofAddress(network.name, address)
  const isOurClient = held?.mac === request.mac || (node !== undefined && node.address === address)
  const moved = movedReservation(request.mac, address, world)
  if (moved !== undefined && held?.mac === request.mac) {
    const reason = `${formatIpv4(address)} was it, ${formatIpv4(moved)} is reserved for it now`
    steps.push({ rule: 'lease.reservation', outcome: reason, from: 'inventory' })
    return { kind: 'nak', reason, ...written([held], world) }
  }
  if (network.authoritative || isOurClient) return confirm(request, address, world, steps)
  const reason = `authoritative: false, and ${formatIpv4(address)} is not this client's by our leases`
  steps.push({ rule: 'lease.current', outcome: reason, from: 'state', cite: cite(network.origin) })
  return { kind: 'silent', reason }
}

/**
 * The free address that a description reserves for this client, where it has another: it asks anew and gets that. Not where
 * the node has several cards, of which one has the reservation and the others addresses of the pool.
 */
function movedReservation(mac: Mac, address: Ipv4, world: AddressWorld): Ipv4 | undefined {
  const { node } = world
  if (node?.address === undefined || node.address === address || node.macs.length > 1) return undefined
  return whyNot(mac, node.address, world) === undefined ? node.address : undefined
}

/** ACK when the client may have this address, NAK otherwise: we are authoritative, also for clients we never saw. */
function confirm(request: LeaseRequest, address: Ipv4, world: AddressWorld, steps: Step[]): LeaseAnswer {
  const problem = whyNot(request.mac, address, world)
  steps.push({
    rule: subnetContains(world.network.subnet, address) ? 'lease.current' : 'lease.subnet',
    outcome: problem === undefined ? `${formatIpv4(address)} is free for this client` : problem,
    from: 'state',
  })
  if (problem !== undefined)
    return { kind: 'nak', reason: problem, ...written(lostLeases(request.mac, world), world) }
  const lease = makeLease(request, address, world)
  const writes = [...releaseOthers(request.mac, address, world), lease]
  return { kind: 'ack', lease, writes, seconds: leaseSeconds(request, world.network) }
}

/** The leases of a client on its link, in whatever state. */
function leasesOf(mac: Mac, { network, link, leases }: AddressWorld): readonly Lease[] {
  return link === undefined
    ? leases.ofClient(network.name, mac)
    : link.flatMap((subnet) => leases.ofClient(subnet.network.name, mac))
}

/** One client has one address on a link: what it held elsewhere is given back with the new lease. */
function releaseOthers(mac: Mac, address: Ipv4, world: AddressWorld): readonly Lease[] {
  return leasesOf(mac, world)
    .filter((lease) => lease.address !== address && lease.state === 'bound')
    .map((lease) => ({ ...lease, state: 'released', expiresAt: Math.min(lease.expiresAt, world.now) }))
}

function release(
  request: LeaseRequest,
  ask: { readonly current: Ipv4; readonly server?: Ipv4 },
  world: AddressWorld,
  steps: Step[],
): LeaseAnswer {
  const lease = world.leases.ofAddress(world.network.name, ask.current)
  const address = formatIpv4(ask.current)
  if (ask.server !== undefined && !isOurs(ask.server, world, steps))
    return { kind: 'silent', reason: 'not our lease' }
  if (lease === undefined || lease.mac !== request.mac || lease.state !== 'bound')
    return { kind: 'silent', reason: `${address} is not bound to this client` }
  steps.push({ rule: 'lease.release', outcome: address, from: 'packet', cite: 'RFC 2131 §4.3.4' })
  return {
    kind: 'silent',
    reason: 'released',
    writes: [{ ...lease, state: 'released', expiresAt: Math.min(lease.expiresAt, world.now) }],
  }
}

function decline(
  request: LeaseRequest,
  ask: { readonly declined: Ipv4; readonly server?: Ipv4 },
  world: AddressWorld,
  steps: Step[],
): LeaseAnswer {
  const lease = world.leases.ofAddress(world.network.name, ask.declined)
  const address = formatIpv4(ask.declined)
  if (ask.server !== undefined && !isOurs(ask.server, world, steps))
    return { kind: 'silent', reason: 'not our lease' }
  if (lease === undefined || lease.mac !== request.mac || !isActive(lease, world.now))
    return { kind: 'silent', reason: `${address} is not this client's to decline` }
  const declined = leasesOf(request.mac, world).filter(
    (other) => other.state === 'declined' && isActive(other, world.now),
  )
  if (declined.length >= DECLINES_OF_A_CLIENT)
    return { kind: 'silent', reason: `the client has declined ${declined.length} addresses already` }
  steps.push({
    rule: 'lease.decline',
    outcome: `${address} is in use by somebody else`,
    from: 'packet',
    cite: 'RFC 2131 §4.3.3',
  })
  const until = world.now + quarantineMs(world.reservations.has(ask.declined))
  return { kind: 'silent', reason: 'declined', writes: [{ ...lease, state: 'declined', expiresAt: until }] }
}

/** RFC 1534 §2: whoever cannot renew gets what is its own for ever, a reservation. */
function bootp(mac: Mac, world: AddressWorld, steps: Step[]): LeaseAnswer {
  const { network, node } = world
  const silent = (reason: string): LeaseAnswer => {
    steps.push({ rule: 'lease.bootp', outcome: reason, from: 'config', cite: cite(network.origin) })
    return { kind: 'silent', reason }
  }
  if (!network.bootp) return silent('BOOTP (no option 53), and bootp: is off')
  if (node?.address === undefined)
    return silent('BOOTP (no option 53), and no node reserves an address for it')
  const problem = whyNot(mac, node.address, world)
  const outcome = `${formatIpv4(node.address)} for ${node.name}${problem === undefined ? '' : `: ${problem}`}`
  steps.push({ rule: 'lease.reservation', outcome, from: 'inventory', cite: cite(node.origin) })
  return problem === undefined
    ? { kind: 'bootp', address: node.address }
    : { kind: 'silent', reason: problem }
}

/** RFC 2131 §4.3.5. No answer goes to an address outside the subnet: ciaddr is only the sender's word. */
function inform(current: Ipv4, world: AddressWorld, steps: Step[]): LeaseAnswer {
  const { network } = world
  const inside = subnetContains(network.subnet, current) && !isSubnetEnd(network.subnet, current)
  const outcome = `${formatIpv4(current)} is ${inside ? '' : 'not '}on ${network.name}`
  steps.push({ rule: 'lease.subnet', outcome, from: 'packet', cite: 'RFC 2131 §4.3.5' })
  return inside ? { kind: 'ack-inform', address: current } : { kind: 'silent', reason: outcome }
}

function isOurs(server: Ipv4, world: AddressWorld, steps: Step[]): boolean {
  const ours = server === world.server || world.link?.some(({ address }) => address === server) === true
  const known = world.network.besides.includes(server) ? ', which besides: names' : ''
  steps.push({
    rule: 'lease.server',
    outcome: ours ? 'this server' : `another server, ${formatIpv4(server)}${known}`,
    from: 'packet',
    cite: 'option 54',
  })
  return ours
}

/** Why this client cannot have that address, in words for a NAK and for people; undefined when it can. */
function whyNot(mac: Mac, address: Ipv4, world: AddressWorld): string | undefined {
  const { network, leases, now } = world
  const shown = (): string => formatIpv4(address)
  if (!subnetContains(network.subnet, address)) return `${shown()} is not on ${network.name}`
  const holder = leases.ofAddress(network.name, address)
  if (holder !== undefined && isActive(holder, now)) {
    if (holder.state === 'declined') return `${shown()} is quarantined: a client found it in use`
    if (holder.mac !== mac && holder.state === 'conflict')
      return `${shown()} is quarantined: somebody answers there`
    if (holder.mac !== mac) return `${shown()} is leased to ${holder.mac}`
  }
  // First: a reservation may name the address that the interface turns out to have.
  if (belongsToNetwork(address, world))
    return `${shown()} is a server's, a router's, a relay's or the subnet's own`
  const reservedFor = world.reservations.get(address)
  if (reservedFor !== undefined)
    return reservedFor.name === world.node?.name || isItsStill(mac, reservedFor, holder, world)
      ? undefined
      : `${shown()} is reserved for ${reservedFor.name}`
  return network.pools.some((pool) => rangeContains(pool, address))
    ? undefined
    : `${shown()} is not in a pool`
}

/** A node without a MAC is known by keys that renewals and operating systems do not send: its lease speaks for it. */
function isItsStill(mac: Mac, node: Node, holder: Lease | undefined, world: AddressWorld): boolean {
  const isHeld = holder?.mac === mac && holder.state === 'bound' && isActive(holder, world.now)
  return (
    isHeld && node.macs.length === 0 && world.node === undefined && !contradicts(node, world.evidence ?? {})
  )
}

function isTaken(address: Ipv4, world: AddressWorld): boolean {
  return world.reservations.has(address) || belongsToNetwork(address, world)
}

/** Ours, the router's, a relay's, another DHCP server's, or one of the two that no host has. */
function belongsToNetwork(address: Ipv4, { network, server }: AddressWorld): boolean {
  return (
    address === server ||
    address === network.options.router ||
    network.relays.includes(address) ||
    network.besides.includes(address) ||
    isSubnetEnd(network.subnet, address)
  )
}

function cite({ file, line }: Origin): string {
  return `${file}:${line}`
}

function isActive(lease: Lease, now: number): boolean {
  return lease.state !== 'released' && lease.expiresAt > now
}

/** The client's wish (option 51) counts between the limits of the network, where it has some. */
function leaseSeconds(
  { wishedSeconds }: LeaseRequest,
  { leaseSeconds: usual, leaseLimits }: Network,
): number {
  return wishedSeconds === undefined || leaseLimits === undefined
    ? usual
    : Math.min(Math.max(wishedSeconds, leaseLimits.min), leaseLimits.max)
}

function makeLease(request: LeaseRequest, address: Ipv4, world: AddressWorld): Lease {
  const before = world.leases.ofAddress(world.network.name, address)
  const same =
    before !== undefined &&
    before.mac === request.mac &&
    before.state === 'bound' &&
    before.expiresAt > world.now
  return {
    network: world.network.name,
    address,
    mac: request.mac,
    ...(request.clientId === undefined ? {} : { clientId: request.clientId }),
    state: 'bound',
    startedAt: same ? before.startedAt : world.now,
    expiresAt: world.now + leaseSeconds(request, world.network) * 1000,
  }
}
