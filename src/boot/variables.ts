import { formatIpv4, formatSubnet, type Ipv4, maskOf } from '../lib/ipv4.ts'
import { type Mac, macWithDashes } from '../lib/mac.ts'
import type { Config, Network, Node } from '../model/config.ts'
import type { VariableName } from '../model/variables.ts'
import type { Ingress } from './decision.ts'
import { nodePlane } from './node-plane.ts'

/** What the variables of one machine are made of. */
export interface VariableFacts {
  readonly mac: Mac
  readonly node: Node | undefined
  /** Its address; absent where nobody knows it yet. */
  readonly address?: Ipv4 | undefined
  readonly network: Network | undefined
  readonly ingress: Ingress
  readonly config: Pick<Config, 'server'>
  /** Names. */
  readonly profile?: string | undefined
  readonly image?: string | undefined
  /** The node plane's base URL for the booted system. */
  readonly reports?: string | undefined
  /** Where its documents are, with a slash at the end. */
  readonly documents?: string | undefined
}

/** The value of a variable for this machine; undefined where it has none: a node without `serial:`. */
export function variableValue(name: VariableName, facts: VariableFacts): string | undefined {
  const { mac, node, address, network, ingress, config } = facts
  switch (name) {
    case 'node.name':
      return node?.name ?? `node-${macWithDashes(mac)}`
    case 'node.mac':
      return mac
    case 'node.dashed-mac':
      return macWithDashes(mac)
    case 'node.address':
      return written(address ?? node?.address)
    case 'node.uuid':
      return node?.uuid
    case 'node.serial':
      return node?.serial
    case 'node.asset-tag':
      return node?.assetTag
    case 'profile.name':
      return facts.profile
    case 'image.name':
      return facts.image
    case 'server.address':
      return formatIpv4(ingress.server)
    case 'server.url':
      return nodePlane(ingress, config)
    case 'report.url':
      return `${facts.reports ?? nodePlane(ingress, config)}/v1/report/${macWithDashes(mac)}`
    case 'redeem.url':
      return `${facts.reports ?? nodePlane(ingress, config)}/v1/redeem/${macWithDashes(mac)}`
    case 'documents.url':
      return facts.documents ?? `${nodePlane(ingress, config)}/documents/${macWithDashes(mac)}/`
    default:
      if (name.startsWith('label.')) return labelOf(node, name.slice('label.'.length))
      return networkValue(name, network, node)
  }
}

function networkValue(
  name: VariableName,
  network: Network | undefined,
  node: Node | undefined,
): string | undefined {
  if (network === undefined) return undefined
  const told = { ...network.options, ...node?.options }
  switch (name) {
    case 'network.name':
      return network.name
    case 'network.subnet':
      return formatSubnet(network.subnet)
    case 'network.prefix':
      return String(network.subnet.prefix)
    case 'network.netmask':
      return formatIpv4(maskOf(network.subnet.prefix))
    case 'network.router':
      return written(told.router)
    case 'network.dns':
      return written(told.dns?.[0])
    case 'network.domain':
      return told.domain
    default:
      return undefined
  }
}

function labelOf(node: Node | undefined, key: string): string | undefined {
  const labels = node?.labels ?? {}
  return Object.hasOwn(labels, key) ? labels[key] : undefined
}

function written(address: Ipv4 | undefined): string | undefined {
  return address === undefined ? undefined : formatIpv4(address)
}
