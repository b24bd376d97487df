import { formatIpv4, type Ipv4, subnetContains } from '../lib/ipv4.ts'
import type { Node, Selector } from '../model/config.ts'
import { foldText, isAtPort, type PortEvidence } from '../model/node-keys.ts'
import type { Step } from '../model/rules.ts'
import type { World } from '../model/world.ts'
import { where } from './cite.ts'
import type { BootRequest } from './decision.ts'
import { describePort, isBelieved } from './match-node.ts'

/** What rules look at. Absent: not known of this machine, or not yet. */
interface Facts {
  readonly network: string
  readonly labels: Readonly<Record<string, string>>
  readonly arch?: string | undefined
  readonly vendor?: string | undefined
  readonly product?: string | undefined
  readonly port?: PortEvidence | undefined
  readonly address?: Ipv4 | undefined
}

/**
 * The profile that a machine boots without being asked: its node's; else of the first rule that fits, in the order of the
 * files; else its network's. Undefined: what `unknown:` says. Each rule that was tried is in the trace, with why not.
 */
export function selectProfile(
  request: BootRequest,
  world: World,
  node: Node | undefined,
  steps: Step[],
): string | undefined {
  const { rules, networks } = world.config
  if (node?.profile !== undefined) {
    steps.push({ rule: 'profile.select', outcome: node.profile, from: 'inventory', cite: where(node.origin) })
    return node.profile
  }
  if (node !== undefined)
    steps.push({ rule: 'profile.select', outcome: `${node.name} names none`, from: 'inventory' })
  const facts = factsOf(request, world, node)
  for (const { name, match, profile, origin } of rules) {
    const why = mismatch(match, facts)
    const outcome = why === undefined ? `${name}: ${profile}` : `${name} does not fit: ${why}`
    steps.push({ rule: 'profile.rule', outcome, from: 'config', cite: where(origin) })
    if (why === undefined) return profile
  }
  const network = networks.find((one) => one.name === request.ingress.network)
  if (network?.profile === undefined) return undefined
  const outcome = `${network.profile}, which every machine on ${network.name} boots that nothing else is said of`
  steps.push({ rule: 'profile.network', outcome, from: 'config', cite: where(network.origin) })
  return network.profile
}

function factsOf({ client, ingress }: BootRequest, world: World, node: Node | undefined): Facts {
  const { mac, arch, manufacturer, product, port } = client
  const network = world.config.networks.find(({ name }) => name === ingress.network)
  const before = mac === undefined ? undefined : world.recognised?.shownBy(mac)?.port
  // A relay may be listed no more.
  const believed = [port, before].find(
    (one) => one !== undefined && network !== undefined && isBelieved(one, network, world.config),
  )
  const lease =
    mac === undefined
      ? undefined
      : world.leases
          .ofClient(ingress.network, mac)
          .find(({ state, expiresAt }) => state === 'bound' && expiresAt > world.now)
  return {
    network: ingress.network,
    labels: node?.labels ?? {},
    arch,
    vendor: manufacturer,
    product,
    port: believed,
    address: ingress.peer ?? lease?.address,
  }
}

/** The first thing that does not hold, with what was found. */
function mismatch(match: Selector, facts: Facts): string | undefined {
  return (
    mislabelled(match, facts) ??
    among('network', match.networks, facts.network) ??
    among('arch', match.arches, facts.arch) ??
    among('vendor', match.vendors, facts.vendor) ??
    among('product', match.products, facts.product) ??
    elsewhere(match, facts) ??
    outside(match, facts)
  )
}

function mislabelled({ labels = {} }: Selector, facts: Facts): string | undefined {
  const wrong = Object.entries(labels).find(([key, value]) => facts.labels[key] !== value)
  if (wrong === undefined) return undefined
  const [key, value] = wrong
  const own = facts.labels[key]
  return own === undefined ? `it has no label ${key}` : `its label ${key} is ${own}, not ${value}`
}

function among(
  what: string,
  wanted: readonly string[] | undefined,
  seen: string | undefined,
): string | undefined {
  if (wanted === undefined) return undefined
  if (seen === undefined) return `its ${what} is not known`
  return wanted.some((one) => foldText(one) === foldText(seen))
    ? undefined
    : `its ${what} is ${seen}, not ${wanted.join(' or ')}`
}

function elsewhere({ relayPort }: Selector, { port }: Facts): string | undefined {
  if (relayPort === undefined) return undefined
  if (port === undefined) return 'no relay that is believed told its port'
  return isAtPort(relayPort, port) ? undefined : `it is at ${describePort(port)}`
}

function outside({ subnets }: Selector, { address }: Facts): string | undefined {
  if (subnets === undefined) return undefined
  if (address === undefined) return 'it has no address yet'
  return subnets.some((subnet) => subnetContains(subnet, address))
    ? undefined
    : `its address is ${formatIpv4(address)}`
}
