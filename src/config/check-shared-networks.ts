import { formatIpv4 } from '../lib/ipv4.ts'
import type { Network } from '../model/config.ts'
import { type Checked, cite, type Place, problem } from './places.ts'
import type { ConfigProblem } from './source.ts'

/** What is decided before a client's subnet is, so that all subnets of one link have it alike. */
const ALIKE = ['interface', 'dhcp', 'clients', 'identity', 'authoritative', 'bootp', 'besides'] as const

/** Whether these are subnets of one link. */
export function onOneLink(a: Network, b: Network): boolean {
  return a.sharedNetwork !== undefined && a.sharedNetwork === b.sharedNetwork
}

/** The subnets of each link beside one another. */
export function checkSharedNetworks({
  config,
  networks: places,
  incomplete,
}: Checked): readonly ConfigProblem[] {
  const { networks } = config
  return networks.flatMap((network, index) => {
    const place = places[index]
    if (place === undefined || network.sharedNetwork === undefined) return []
    const first = networks.findIndex((other) => onOneLink(other, network))
    const [other, there] = [networks[first], places[first]]
    if (other !== network && other !== undefined && there !== undefined)
      return ALIKE.flatMap((key) => differs(key, { network, place }, { network: other, place: there }))
    if (incomplete || networks.some((one) => one !== network && onOneLink(one, network))) return []
    const message = `${network.sharedNetwork} has this subnet alone; others of the link have the same name here`
    return [problem(place, 'sharedNetwork', message, 'warning')]
  })
}

interface Placed {
  readonly network: Network
  readonly place: Place
}

function differs(key: (typeof ALIKE)[number], own: Placed, first: Placed): readonly ConfigProblem[] {
  const [here, there] = [own, first].map(({ network }) => shown(network[key]))
  if (here === there || isMalformed(key, own) || isMalformed(key, first)) return []
  const at = own.place.source.has([...own.place.path, key]) ? [key] : []
  const { name, sharedNetwork } = first.network
  return [
    problem(
      own.place,
      at,
      `${key}: ${here} here and ${there} in ${name}, ${cite(first.place)}: the subnets of ${sharedNetwork} have it alike`,
    ),
  ]
}

function shown(value: Network[(typeof ALIKE)[number]]): string {
  if (typeof value === 'string' || typeof value === 'boolean') return `${value}`
  return value?.map(formatIpv4).join(', ') || 'none'
}

/** It has its own error already. */
function isMalformed(key: (typeof ALIKE)[number], { network, place }: Placed): boolean {
  return network[key] === undefined && place.source.has([...place.path, key])
}
