import { formatIpv4, formatSubnet, type Ipv4, isSubnetEnd, subnetContains } from '../lib/ipv4.ts'
import type { Network } from '../model/config.ts'
import { checkOptions } from './check-options.ts'
import { checkSharedNetworks, onOneLink } from './check-shared-networks.ts'
import { type Checked, cite, formatRange, isHost, type Place, problem, Register } from './places.ts'
import type { ConfigProblem } from './source.ts'

/** Networks by themselves and beside one another. */
export function checkNetworks(checked: Checked): readonly ConfigProblem[] {
  const { config, networks } = checked
  const problems: ConfigProblem[] = []
  const names = new Register('network')
  const interfaces = new Register('interface')
  config.networks.forEach((network, index) => {
    const place = networks[index]
    if (place === undefined) return
    problems.push(...names.take(network.name, place, 'name'))
    if (!['interface', 'address'].some((key) => place.source.has([...place.path, key])))
      problems.push(...checkHearing(network, config.networks, place))
    problems.push(...checkNetwork(network, place), ...checkOptions(network.options, place, network))
    problems.push(...checkBesides(network, place))
    const before = config.networks.slice(0, index)
    if (network.interface !== undefined && !before.some((other) => onOneLink(other, network)))
      problems.push(...(twoModes(network, before, place) ?? takeInterface(interfaces, network, place)))
    for (const [other, earlier] of before.entries()) {
      if (!overlap(earlier, network)) continue
      const where = networks[other] === undefined ? '' : `, ${cite(networks[other])}`
      problems.push(problem(place, 'subnet', `overlaps the subnet of ${earlier.name}${where}`))
    }
  })
  return [...problems, ...checkSharedNetworks(checked)]
}

/** One socket an interface receives its broadcasts. */
function takeInterface(interfaces: Register, network: Network, place: Place): readonly ConfigProblem[] {
  const taken = interfaces.take(network.interface ?? '', place, 'interface')
  return taken.map((one) => ({
    ...one,
    message: `${one.message}; several subnets of one link have the same sharedNetwork:`,
  }))
}

/** One link where clients would be given an address by us and also left to another server. */
function twoModes(
  network: Network,
  earlier: readonly Network[],
  place: Place,
): readonly ConfigProblem[] | undefined {
  const modes = new Set(['server', 'proxy'])
  const other = earlier.find((one) => one.interface === network.interface && one.dhcp !== network.dhcp)
  if (other === undefined || !modes.has(other.dhcp) || !modes.has(network.dhcp)) return undefined
  const message = `dhcp: ${network.dhcp} on ${network.interface}, where ${other.name} is dhcp: ${other.dhcp}: each client there would be in both; choose one`
  return [problem(place, 'dhcp', message)]
}

/** Servers behind a relay or router have addresses of other subnets. */
function checkBesides(network: Network, place: Place): readonly ConfigProblem[] {
  const { besides, address: ours, subnet, dhcp } = network
  const problems = besides.flatMap((address, i) => {
    const shown = formatIpv4(address)
    const key = ['besides', i]
    if (address === ours) return [problem(place, key, `${shown} is ours; name the other server`)]
    if (isSubnetEnd(subnet, address)) return [problem(place, key, `no host of the subnet has ${shown}`)]
    if (besides.indexOf(address) < i) return [problem(place, key, `${shown} is named already`)]
    return []
  })
  if (dhcp !== 'off' || besides.length === 0) return problems
  const message = 'has no effect with dhcp: off, where nobody listens for other servers'
  return [...problems, problem(place, 'besides', message, 'warning')]
}

const NOBODY_HEARS =
  'no network names an interface, and this one no address: that its relays send to; one of them is needed'

const ALL_OFF =
  'no network that names an interface or an address: listens for DHCP, all of them have dhcp: off: give this one the address: of ours that its relays send to'

/** Relays of a network that has no address of its own are heard with another network. */
function checkHearing(
  network: Network,
  networks: readonly Network[],
  place: Place,
): readonly ConfigProblem[] {
  const others = networks.filter(
    ({ interface: name, address }) => name !== undefined || address !== undefined,
  )
  if (others.length === 0) return [problem(place, [], NOBODY_HEARS)]
  const isDeaf = network.dhcp !== 'off' && others.every(({ dhcp }) => dhcp === 'off')
  return isDeaf ? [problem(place, [], ALL_OFF)] : []
}

function checkNetwork(network: Network, place: Place): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const subnet = formatSubnet(network.subnet)
  const { address: ours, leaseLimits: limits, leaseSeconds } = network
  // Relays send to theirs from anywhere.
  const isLocal = place.source.has([...place.path, 'interface'])
  if (ours !== undefined && isLocal && !isHost(network, ours))
    problems.push(problem(place, 'address', `${formatIpv4(ours)} is not a host of ${subnet}`))
  if (ours !== undefined && !isLocal && !isUnicast(ours))
    problems.push(problem(place, 'address', `${formatIpv4(ours)} is not an address that relays can send to`))
  network.pools.forEach((pool, i) => {
    if (!subnetContains(network.subnet, pool.first) || !subnetContains(network.subnet, pool.last))
      problems.push(problem(place, ['pool', i], `the range is not inside ${subnet}`))
    const earlier = network.pools
      .slice(0, i)
      .find((other) => other.first <= pool.last && pool.first <= other.last)
    if (earlier !== undefined)
      problems.push(problem(place, ['pool', i], `overlaps the range ${formatRange(earlier)}`))
  })
  if (limits !== undefined && (limits.min > leaseSeconds || leaseSeconds > limits.max))
    problems.push(problem(place, 'lease', 'min, default and max are not in this order'))
  return problems
}

/** Not 0.0.0.0/8, multicast or above (RFC 6890 §2.2.2). */
function isUnicast(address: Ipv4): boolean {
  return address >= 0x0100_0000 && address < 0xe000_0000
}

function overlap(a: Network, b: Network): boolean {
  return subnetContains(a.subnet, b.subnet.network) || subnetContains(b.subnet, a.subnet.network)
}
