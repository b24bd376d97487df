import { formatIpv4, type Ipv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { Network, Node } from '../model/config.ts'
import type { Lease, LeaseView } from '../model/lease.ts'
import type { PingCheck } from '../model/lease-answer.ts'
import type { LeaseRequest } from '../model/lease-request.ts'
import type { Step } from '../model/rules.ts'

/** How long an address in use is left alone, in milliseconds. */
export const QUARANTINE_MS = 3_600_000
/** The same for a reservation: its node has no other, and nobody shall wait an hour after he has unplugged the intruder. */
const RESERVED_QUARANTINE_MS = 60_000
/** How long after its lease a client is taken to be the one who has the address, in milliseconds. */
const SEEN_MS = 60_000

/** The part of the world that a check looks at. */
export interface PingCheckWorld {
  readonly network: Network
  readonly node?: Node
  readonly leases: LeaseView
  /** Milliseconds since 1970. */
  readonly now: number
}

/**
 * Whether somebody is to be asked about an address before it is offered (RFC 2131 §3.1 step 2, §4.4.1): not when the
 * client holds it, by a lease or by an offer that stands, or held it a minute ago. An echo reply names no MAC, so by ICMP
 * nobody is asked about an address that the client itself may have.
 */
export function decidePingCheck(
  { mac, card = mac }: Pick<LeaseRequest, 'mac' | 'card'>,
  address: Ipv4,
  { network, node, leases, now }: PingCheckWorld,
): PingCheck | undefined {
  const { pingCheckMs: milliseconds, interface: name } = network
  if (milliseconds === undefined) return undefined
  const held = leases.ofAddress(network.name, address)
  const own = held?.mac === mac && held.state !== 'conflict' ? held : undefined
  if (own !== undefined && own.state !== 'released' && own.expiresAt > now) return undefined
  if (own !== undefined && own.state !== 'offered' && now - own.expiresAt < SEEN_MS) return undefined
  if (name !== undefined) return { by: 'arp', milliseconds, own: [card, ...(node?.macs ?? [])] }
  return own !== undefined || node?.address === address ? undefined : { by: 'icmp', milliseconds, own: [] }
}

/** What `explain` says of it. */
export function pingCheckStep(address: Ipv4, { by }: PingCheck, { origin }: Network): Step {
  const how = by === 'arp' ? 'an ARP probe of' : 'an ICMP echo to'
  return {
    rule: 'lease.ping-check',
    outcome: `${how} ${formatIpv4(address)} before the offer`,
    from: 'config',
    cite: `${origin.file}:${origin.line}`,
  }
}

/** The address of an offer that somebody else answers for; `mac` is whose answer it was. */
export function quarantine(
  { network, address }: Lease,
  mac: Mac,
  { now, isReserved }: { readonly now: number; readonly isReserved: boolean },
): Lease {
  const expiresAt = now + quarantineMs(isReserved)
  return { network, address, mac, state: 'conflict', startedAt: now, expiresAt }
}

/** Also for an address that a client declined. */
export function quarantineMs(isReserved: boolean): number {
  return isReserved ? RESERVED_QUARANTINE_MS : QUARANTINE_MS
}
