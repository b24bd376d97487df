import type { ServedNetwork } from '../app/served-network.ts'
import { formatIpv4, formatSubnet, type Ipv4, type Subnet } from '../lib/ipv4.ts'
import type { LinkSubnet, Network } from '../model/config.ts'

/** What listens: DHCP proper, PXE's port 4011, TFTP, HTTP. */
export type Plane = 'dhcp' | 'boot-server' | 'tftp' | 'http'

/** Our addresses, now. */
export interface Addresses {
  /** Ours on an interface: that one, or any of the subnet. */
  on(name: string, subnet: Subnet, wanted: Ipv4 | undefined): Ipv4 | undefined
  /** Whether any interface has it. */
  has(address: Ipv4): boolean
}

/** What a network of the configuration needs now. */
export type WantedPlanes =
  | { readonly kind: 'open'; readonly served: ServedNetwork; readonly planes: ReadonlySet<Plane> }
  /** The sockets of other networks hear its clients or relays: of any of them that is served. */
  | { readonly kind: 'with'; readonly network: Network; readonly others: readonly string[] }
  | { readonly kind: 'waits'; readonly network: Network; readonly problem: string }

/**
 * What each network needs; one that is heard with others comes after them. One socket an interface receives its broadcasts, and one an address what relays send there: of several subnets of one
 * link, and of several networks with one `address:`, the first in the configuration has it.
 */
export function wantedPlanes(networks: readonly Network[], addresses: Addresses): readonly WantedPlanes[] {
  const local = networks.flatMap((network) =>
    network.interface === undefined ? [] : [onInterface(network, networks, addresses)],
  )
  const open = local.filter((one) => one.kind === 'open')
  const relayed = networks.filter(({ interface: name }) => name === undefined)
  const withAddress = relayed.flatMap((network) =>
    network.address === undefined
      ? []
      : [behindRelays(network, network.address, { networks, addresses, local: open })],
  )
  const without = relayed
    .filter(({ address }) => address === undefined)
    .map((network) => ({ kind: 'with', network, others: hearingFor(network, networks) }) as const)
  return [...local, ...withAddress, ...without]
}

function onInterface(network: Network, networks: readonly Network[], addresses: Addresses): WantedPlanes {
  const { interface: name = '', subnet, address: wanted, sharedNetwork } = network
  const members = sharedNetwork === undefined ? [network] : subnetsOfLink(network, networks)
  const own = addresses.on(name, subnet, wanted)
  const theirs =
    wanted === undefined ? members.flatMap((one) => ownAddress(one, addresses) ?? [])[0] : undefined
  const address = own ?? theirs
  if (address === undefined) return { kind: 'waits', network, problem: notThere(network) }
  const [first = network] = members
  const isFirst = first === network
  if (!isFirst && first.address !== undefined && ownAddress(first, addresses) === undefined)
    return { kind: 'waits', network, problem: `${notThere(first)}, for ${first.name}, which hears its link` }
  if (own === undefined && !isFirst) return { kind: 'with', network, others: [first.name] }
  const planes = new Set<Plane>([
    ...(isFirst && network.dhcp !== 'off' ? (['dhcp'] as const) : []),
    ...(own !== undefined && answers(network) ? (['boot-server'] as const) : []),
    ...(own === undefined ? [] : (['tftp', 'http'] as const)),
  ])
  const link = members.map(
    (one): LinkSubnet => ({
      network: one,
      address: ownAddress(one, addresses) ?? address,
    }),
  )
  const served = { network, interface: name, address, ...(members.length > 1 ? { link } : {}) }
  return { kind: 'open', served, planes }
}

/** The networks that share a link with this one, itself among them, in the order of the configuration. */
function subnetsOfLink({ sharedNetwork }: Network, networks: readonly Network[]): readonly Network[] {
  return networks.filter((one) => one.sharedNetwork === sharedNetwork)
}

function ownAddress({ interface: name, subnet, address }: Network, addresses: Addresses): Ipv4 | undefined {
  return name === undefined ? undefined : addresses.on(name, subnet, address)
}

interface Beside {
  readonly networks: readonly Network[]
  readonly addresses: Addresses
  readonly local: readonly Extract<WantedPlanes, { readonly kind: 'open' }>[]
}

/** Relays reach it at an address of one of these; which one, only they know. */
function hearingFor({ dhcp: mode }: Network, networks: readonly Network[]): readonly string[] {
  return networks
    .filter(({ interface: name, address, dhcp }) => {
      const listens = name !== undefined || address !== undefined
      return listens && (dhcp !== 'off' || mode === 'off')
    })
    .map(({ name }) => name)
}

function behindRelays(network: Network, address: Ipv4, { networks, addresses, local }: Beside): WantedPlanes {
  if (!addresses.has(address)) return { kind: 'waits', network, problem: notThere(network) }
  const all = networks.filter((one) => one.interface === undefined && one.address === address)
  const there = local.filter(({ served }) => served.address === address).flatMap(({ planes }) => [...planes])
  const first = all[0] ?? network
  if (first !== network) return { kind: 'with', network, others: [first.name] }
  const planes = new Set<Plane>([
    ...(all.some(({ dhcp }) => dhcp !== 'off') ? (['dhcp'] as const) : []),
    ...(all.some(answers) ? (['boot-server'] as const) : []),
    ...(['tftp', 'http'] as const),
  ])
  for (const plane of there) planes.delete(plane)
  return planes.size === 0
    ? {
        kind: 'with',
        network,
        others: local
          .filter(({ served }) => served.address === address)
          .map(({ served }) => served.network.name),
      }
    : { kind: 'open', served: { network, address }, planes }
}

/** Whether anything is ever sent: `observe` only listens. */
function answers({ dhcp }: Network): boolean {
  return dhcp === 'server' || dhcp === 'proxy'
}

function notThere({ interface: name, subnet, address }: Network): string {
  const wanted = address === undefined ? `an address in ${formatSubnet(subnet)}` : formatIpv4(address)
  return name === undefined
    ? `waiting: no interface that is up has ${wanted}`
    : `waiting: the interface ${name} is missing, down, without carrier, or without ${wanted}`
}
