import {
  addIpv4,
  broadcastOf,
  formatIpv4,
  formatSubnet,
  type Ipv4,
  type Ipv4Range,
  rangeContains,
  type Subnet,
  subnetContains,
} from '../lib/ipv4.ts'
import { err, ok, type Result } from '../lib/result.ts'
import { printable } from '../lib/text.ts'
import type { HeardServer, Hearing, Host, HostInterface } from '../model/host.ts'

/** What a first configuration proposes. */
export type FirstDhcpMode = 'off' | 'observe' | 'server'

/** What the operator has decided; the rest is proposed. */
export interface Wishes {
  readonly interface?: string
  readonly subnet?: Subnet
  readonly address?: Ipv4
  readonly dhcp?: FirstDhcpMode
  readonly pool?: Ipv4Range | 'none'
  readonly router?: Ipv4
  readonly dns?: readonly Ipv4[]
}

export interface NetworkProposal {
  readonly interface: string
  readonly subnet: Subnet
  /** As the operator wishes, else the one that the interface has. */
  readonly address?: Ipv4
  readonly dhcp: FirstDhcpMode
  /** Why this mode, as a sentence. */
  readonly why: string
  /** Also where the mode does not use it yet; absent when nothing is free, or none is wanted. */
  readonly pool?: Ipv4Range
  readonly router?: Ipv4
  readonly dns: readonly Ipv4[]
  /** An address for an example of a reservation: free as far as is known, and outside the pool. */
  readonly exampleAddress?: Ipv4
  readonly heard: readonly HeardServer[]
  /** Sentences for the operator. */
  readonly warnings: readonly string[]
}

/** Interfaces of container and virtual machine managers, which rarely are what machines boot from. */
const MANAGED = /^(docker|podman|veth|virbr|vnet|tap|br-[0-9a-f]{12}$|cni|cali|flannel|lxc|lxd|vboxnet|vmnet)/
const LARGEST_POOL = 100
/** Where subnets end that have a place for a server, a router and machines. */
const LONGEST_PREFIX = 30

/** The interfaces that machines might boot from, the likeliest first. */
export function rankInterfaces(host: Host, hearing: Hearing): readonly HostInterface[] {
  const cost = (one: HostInterface): number =>
    (one.subnets.some(isUsable) ? 0 : 16) +
    (MANAGED.test(one.name) ? 8 : 0) +
    (one.hasDefaultRoute ? 4 : 0) +
    (one.isRunning ? 0 : 2) +
    (heardOn(one.name, hearing).length > 0 ? 1 : 0)
  return host.interfaces
    .filter((one) => one.mac !== undefined || !one.isRunning)
    .toSorted((a, b) => cost(a) - cost(b))
}

/** Those on which it is worth asking for DHCP servers. */
export function interfacesToAsk(host: Host, wishes: Wishes): readonly HostInterface[] {
  return host.interfaces.filter(({ name, mac, isRunning }) =>
    wishes.interface === undefined
      ? isRunning && mac !== undefined && !MANAGED.test(name)
      : name === wishes.interface && isRunning && mac !== undefined,
  )
}

/** A network for the configuration, or a sentence that says what the operator must tell first. */
export function proposeNetwork(
  host: Host,
  hearing: Hearing,
  wishes: Wishes,
): Result<NetworkProposal, string> {
  const chosen =
    wishes.interface === undefined
      ? rankInterfaces(host, hearing).find((one) => wishes.subnet !== undefined || one.subnets.some(isUsable))
      : host.interfaces.find(({ name }) => name === wishes.interface)
  const name = wishes.interface ?? chosen?.name
  if (name === undefined)
    return err(
      'no network interface has an IPv4 address; give one an address (ip address add 10.77.0.1/24 dev NAME), ' +
        'or say --interface and --subnet',
    )
  const subnet = wishes.subnet ?? chosen?.subnets.find(isUsable)?.subnet
  if (subnet === undefined && chosen === undefined) {
    const names = host.interfaces.map((one) => printable(one.name)).join(', ') || 'none'
    return err(`there is no interface ${printable(name)} here; there are ${names} (--subnet does without)`)
  }
  if (subnet === undefined)
    return err(
      `${printable(name)} has no IPv4 network; say which one machines shall boot in: --subnet 10.77.0.0/24`,
    )
  const heard = heardOn(name, hearing)
  const proposal = withAddresses({ interface: name, subnet, heard, host, wishes, chosen })
  const mode = chooseMode({ interface: name, chosen, heard, hearing, wishes })
  const found = { ...proposal, ...mode }
  return ok({ ...found, warnings: warningsOf(found, { host, hearing, chosen, wishes }) })
}

function heardOn(name: string, hearing: Hearing): readonly HeardServer[] {
  return hearing.kind === 'listened' ? hearing.servers.filter((server) => server.interface === name) : []
}

function isUsable({ subnet }: { readonly subnet: Subnet }): boolean {
  return subnet.prefix <= LONGEST_PREFIX
}

interface Chosen {
  readonly interface: string
  readonly chosen: HostInterface | undefined
  readonly heard: readonly HeardServer[]
}

function chooseMode({
  interface: name,
  chosen,
  heard,
  hearing,
  wishes,
}: Chosen & { readonly hearing: Hearing; readonly wishes: Wishes }): Pick<NetworkProposal, 'dhcp' | 'why'> {
  const [mode, why] = proposeMode({ interface: name, chosen, heard }, hearing)
  return { dhcp: wishes.dhcp ?? mode, why }
}

/** What was heard decides; nothing was heard of a network that nobody listened to. */
function proposeMode(
  { interface: name, chosen, heard }: Chosen,
  hearing: Hearing,
): readonly [FirstDhcpMode, string] {
  const servers = heard.map(({ address }) => formatIpv4(address)).join(' and ')
  if (heard.length > 0) return ['observe', `${servers} answered DHCP on this network.`]
  if (hearing.kind === 'not-listened')
    return ['observe', `Nobody listened for other DHCP servers (${hearing.why}).`]
  if (!hearing.interfaces.includes(name))
    return ['observe', 'Nobody could listen for other DHCP servers: the interface is not up and running.']
  const silence = `No other DHCP server was heard on this network in ${hearing.seconds} seconds`
  return chosen?.hasDefaultRoute === true
    ? ['observe', `${silence}, but it leads to the rest of the world: make sure that none is there.`]
    : ['server', `${silence}.`]
}

type Addresses = Omit<NetworkProposal, 'dhcp' | 'why' | 'warnings'>

function withAddresses({
  interface: name,
  subnet,
  heard,
  host,
  wishes,
  chosen,
}: Chosen & { readonly subnet: Subnet; readonly host: Host; readonly wishes: Wishes }): Addresses {
  const own = (chosen?.subnets ?? []).flatMap(({ address }) => address ?? [])
  const address = wishes.address ?? own.find((one) => subnetContains(subnet, one))
  const router =
    wishes.router ??
    [...heard.map((server) => server.router), chosen?.gateway].find(
      (one) => one !== undefined && subnetContains(subnet, one),
    )
  const taken = [
    ...host.interfaces.flatMap(({ subnets }) => subnets.flatMap((one) => one.address ?? [])),
    ...host.neighbours,
    ...heard.flatMap((server) => [server.address, server.offered ?? server.address, ...server.dns]),
    ...(wishes.dns ?? []),
    ...[address, router].filter((one) => one !== undefined),
  ]
  const pool = wishes.pool ?? freePool(subnet, taken)
  const example = exampleAddress(subnet, taken, pool === 'none' ? undefined : pool)
  return {
    interface: name,
    subnet,
    ...(address === undefined ? {} : { address }),
    ...(pool === undefined || pool === 'none' ? {} : { pool }),
    ...(router === undefined ? {} : { router }),
    dns: wishes.dns ?? heard.flatMap((server) => server.dns).slice(0, 3),
    ...(example === undefined ? {} : { exampleAddress: example }),
    heard,
  }
}

/**
 * The longest run of addresses in the upper half of a subnet that holds none of those taken, cut to 100; in the lower
 * half when the upper one has none; undefined when every host is taken.
 */
export function freePool(subnet: Subnet, taken: readonly Ipv4[]): Ipv4Range | undefined {
  const [first, last] = [subnet.network + 1, broadcastOf(subnet) - 1]
  const middle = Math.ceil((subnet.network + broadcastOf(subnet)) / 2)
  return longestRun(middle, last, taken) ?? longestRun(first, Math.min(middle - 1, last), taken)
}

function longestRun(first: number, last: number, taken: readonly Ipv4[]): Ipv4Range | undefined {
  const edges = [...new Set(taken)].filter((one) => one >= first && one <= last).sort((a, b) => a - b)
  const starts = [first, ...edges.map((one) => one + 1)]
  const ends = [...edges.map((one) => one - 1), last]
  const runs = starts.map((start, i) => ({ start, length: (ends[i] ?? start) - start + 1 }))
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), { start: 0, length: 0 })
  if (longest.length < 1) return undefined
  const length = Math.min(longest.length, LARGEST_POOL)
  return { first: longest.start as Ipv4, last: (longest.start + length - 1) as Ipv4 }
}

/** Where reservations usually are: from the eleventh host on. */
function exampleAddress(
  subnet: Subnet,
  taken: readonly Ipv4[],
  pool: Ipv4Range | undefined,
): Ipv4 | undefined {
  const used = new Set(taken)
  const hosts = Math.min(broadcastOf(subnet) - subnet.network - 1, used.size + 2 * LARGEST_POOL)
  return Array.from({ length: hosts }, (_, i) => addIpv4(subnet.network, ((i + 10) % hosts) + 1)).find(
    (one) => !used.has(one) && !(pool !== undefined && rangeContains(pool, one)),
  )
}

interface Situation {
  readonly host: Host
  readonly hearing: Hearing
  readonly chosen: HostInterface | undefined
  readonly wishes: Wishes
}

function warningsOf(found: Omit<NetworkProposal, 'warnings'>, situation: Situation): readonly string[] {
  return [
    ...interfaceWarnings(found, situation),
    ...dhcpWarnings(found, situation),
    ...poolWarnings(found, situation),
  ]
}

function interfaceWarnings(
  { interface: name, subnet, address }: Omit<NetworkProposal, 'warnings'>,
  { chosen, host }: Situation,
): readonly string[] {
  const shown = printable(name)
  if (chosen === undefined)
    return [`there is no interface ${shown} on this machine now; the server waits until it comes`]
  const warnings: string[] = []
  if (chosen.hasDefaultRoute)
    warnings.push(
      `${shown} carries the default route of this machine: is it the network from which machines shall boot? ` +
        (host.interfaces.length > 1 ? '--interface chooses another' : 'there is no other interface'),
    )
  const missing = address === undefined || !chosen.subnets.some((one) => one.address === address)
  if (!chosen.isRunning)
    warnings.push(`${shown} is not up and running (no carrier, or no address); the server waits`)
  else if (missing) {
    const wanted = `${address === undefined ? 'ADDRESS' : formatIpv4(address)}/${subnet.prefix}`
    warnings.push(
      `${shown} has no such address in ${formatSubnet(subnet)} yet, and the server waits until it has: ` +
        `ip address add ${wanted} dev ${shown}`,
    )
  }
  return warnings
}

function dhcpWarnings(
  { dhcp, heard, subnet }: Omit<NetworkProposal, 'warnings'>,
  { host, hearing }: Situation,
): readonly string[] {
  const warnings: string[] = []
  const servers = heard.map(({ address }) => formatIpv4(address)).join(' and ')
  if (host.hasDhcpServer && dhcp !== 'off')
    warnings.push(
      'another program on this machine has UDP port 67 (ss -lunp shows which); beside it serve may not start',
    )
  if (dhcp !== 'server') return warnings
  if (heard.length > 0)
    warnings.push(
      `dhcp: server, although ${servers} answers DHCP there: machines take whichever answer comes first, and both ` +
        'may give out the same address; stop the other one first',
    )
  else if (hearing.kind === 'not-listened')
    warnings.push(
      `dhcp: server, and nobody listened for other DHCP servers (${hearing.why}): make sure that none is there`,
    )
  else
    warnings.push(
      `dhcp: server makes this machine the DHCP server of ${formatSubnet(subnet)}: it answers every client there, and ` +
        'refuses addresses that it did not give',
    )
  return warnings
}

function poolWarnings(
  { pool, dhcp, address, router, heard, subnet }: Omit<NetworkProposal, 'warnings'>,
  { wishes }: Situation,
): readonly string[] {
  if (pool === undefined)
    return dhcp === 'server' && wishes.pool !== 'none'
      ? [`no address of ${formatSubnet(subnet)} is free for a pool: only reservations are given out`]
      : []
  const used = [address, router, ...heard.map((server) => server.address)]
  const inside = used.find((one) => one !== undefined && rangeContains(pool, one))
  return inside === undefined ? [] : [`the pool contains ${formatIpv4(inside)}, which is in use`]
}
