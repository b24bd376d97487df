import { formatIpv4, formatSubnet, subnetContains } from '../lib/ipv4.ts'
import type { Network } from '../model/config.ts'
import { checkOptions } from './check-options.ts'
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
    if (
      !hasInterface(network) &&
      !place.source.has([...place.path, 'interface']) &&
      !config.networks.some(hasInterface)
    )
      problems.push(
        problem(
          place,
          [],
          'no network names an interface: one is needed, also for relays, which send to its address',
        ),
      )
    problems.push(...checkNetwork(network, place), ...checkOptions(network.options, place, network))
    // One socket an interface receives its broadcasts.
    if (network.interface !== undefined)
      problems.push(...interfaces.take(network.interface, place, 'interface'))
    for (const [other, earlier] of config.networks.slice(0, index).entries()) {
      if (!overlap(earlier, network)) continue
      const where = networks[other] === undefined ? '' : `, ${cite(networks[other])}`
      problems.push(problem(place, 'subnet', `overlaps the subnet of ${earlier.name}${where}`))
    }
  })
  return problems
}

function hasInterface({ interface: name }: Network): boolean {
  return name !== undefined
}

function checkNetwork(network: Network, place: Place): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const subnet = formatSubnet(network.subnet)
  const { address: ours, leaseLimits: limits, leaseSeconds } = network
  if (ours !== undefined && !isHost(network, ours))
    problems.push(problem(place, 'address', `${formatIpv4(ours)} is not a host of ${subnet}`))
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

function overlap(a: Network, b: Network): boolean {
  return subnetContains(a.subnet, b.subnet.network) || subnetContains(b.subnet, a.subnet.network)
}
