import { formatIpv4, formatSubnet, type Ipv4, rangeContains } from '../lib/ipv4.ts'
import type { DhcpMode, Network } from '../model/config.ts'
import type { Lease } from '../model/lease.ts'
import { type ForeignReport, foreignReports } from './foreign-report.ts'
import type { Running } from './running.ts'

/** How a network is, as those know who open its sockets. */
export interface NetworkState {
  readonly network: Network
  /** Ours; absent while its sockets are closed, and for a network behind relays. */
  readonly address?: Ipv4
  readonly problem?: string
  /** Whether other servers are heard there. */
  readonly listens: boolean
}

/** A network as `networks --json` has it. */
export interface NetworkReport {
  readonly name: string
  readonly dhcp: DhcpMode
  /** Absent when it is reached through relays alone. */
  readonly interface?: string
  readonly subnet: string
  readonly address?: string
  readonly state: 'up' | 'down'
  /** Why it is down. */
  readonly reason?: string
  /** Addresses in the pools, and those of them that are offered, leased, or quarantined. */
  readonly pool: { readonly size: number; readonly used: number }
  /** Leases that run, reservations included. */
  readonly leases: number
  readonly listens: boolean
  readonly foreign: readonly ForeignReport[]
}

/**
 * For `networks` of the control socket, in the order of the configuration. Leases that were released or have run
 * out count nowhere.
 */
export function networkReports(states: readonly NetworkState[], running: Running): readonly NetworkReport[] {
  const now = running.now()
  const active = new Map<string, Lease[]>(states.map(({ network }) => [network.name, []]))
  for (const lease of running.leases.all())
    if (lease.state !== 'released' && lease.expiresAt > now) active.get(lease.network)?.push(lease)
  const foreign = foreignReports(running)
  return states.map(({ network, address, problem, listens }) => {
    const { name, dhcp, interface: device, subnet, pools } = network
    const leases = active.get(name) ?? []
    const inPools = leases.filter((lease) => pools.some((pool) => rangeContains(pool, lease.address)))
    return {
      ...{ name, dhcp },
      ...(device === undefined ? {} : { interface: device }),
      subnet: formatSubnet(subnet),
      ...(address === undefined ? {} : { address: formatIpv4(address) }),
      state: problem === undefined ? 'up' : 'down',
      ...(problem === undefined ? {} : { reason: problem }),
      pool: { size: pools.reduce((sum, { first, last }) => sum + last - first + 1, 0), used: inPools.length },
      leases: leases.filter(({ state }) => state === 'bound').length,
      listens,
      foreign: foreign.filter((one) => one.network === name),
    }
  })
}
