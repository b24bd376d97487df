import { formatIpv4 } from '../lib/ipv4.ts'
import { fromHex, printable } from '../lib/text.ts'
import type { Config, Network, Node } from '../model/config.ts'
import { contradicts, type NodeKey, nodeAtPort, type PortEvidence } from '../model/node-keys.ts'
import type { Step } from '../model/rules.ts'
import type { World } from '../model/world.ts'
import { otherByteOrder } from '../protocol/dhcp4/option-97.ts'
import type { BootRequest } from './decision.ts'
import { where } from './what-to-run.ts'

/** The described machine that asks, by which key, and why. */
export interface MatchedNode {
  readonly node?: Node
  /** Absent too where only an earlier message of the machine told. */
  readonly by?: NodeKey
  readonly steps: readonly Step[]
}

interface Found {
  readonly node: Node
  readonly by: NodeKey
  /** `client-id (option 61 = 0xff01)`. */
  readonly how: string
}

/**
 * Which described node a client is: by MAC, else by client identifier, else by the relay's port, else by UUID. What else the
 * message shows of another node is told and counts for nothing.
 */
export function matchNode(request: BootRequest, world: World): MatchedNode {
  const { mac } = request.client
  const own = mac === undefined ? undefined : world.nodes.get(mac)
  if (world.keys.isEmpty) {
    if (mac === undefined) return { steps: [] }
    return own === undefined ? { steps: [noNode(mac)] } : { node: own, by: 'mac', steps: [known(own, 'mac')] }
  }
  const steps: Step[] = []
  const found: readonly Found[] = [
    ...(own === undefined ? [] : [{ node: own, by: 'mac', how: 'mac' } as const]),
    ...byClientId(request, world),
    ...byPort(request, world, steps),
    ...byUuid(request, world),
  ]
  const [first, ...others] = found
  if (first === undefined) return { ...earlier(request, world, steps) }
  const conflicts = others
    .filter(({ node }) => node !== first.node)
    .map(({ node, how }) => conflict(node, how, first))
  return { node: first.node, by: first.by, steps: [...steps, known(first.node, first.how), ...conflicts] }
}

function known(node: Node, how: string): Step {
  return {
    rule: 'node.match',
    outcome: `${node.name} by ${how}`,
    from: 'inventory',
    cite: where(node.origin),
  }
}

function noNode(mac: string): Step {
  return { rule: 'node.match', outcome: `no node has ${mac}`, from: 'inventory' }
}

function conflict(node: Node, how: string, winner: Found): Step {
  const outcome = `${node.name} by ${how}, but ${winner.node.name} by ${winner.by}, which wins`
  return { rule: 'node.conflict', outcome, from: 'inventory', cite: where(node.origin) }
}

function byClientId({ client: { clientId } }: BootRequest, { keys }: World): readonly Found[] {
  const node = clientId === undefined ? undefined : keys.byClientId.get(clientId)
  return node === undefined ? [] : [{ node, by: 'client-id', how: `client-id (option 61 = 0x${clientId})` }]
}

function byPort({ client, ingress }: BootRequest, { keys, config }: World, steps: Step[]): readonly Found[] {
  const { port } = client
  if (port === undefined || keys.byPort.size === 0) return []
  const network = config.networks.find(({ name }) => name === ingress.network)
  const what = describePort(port)
  if (network === undefined || !isBelieved(port, network, config)) {
    const who = port.relay === 0 ? 'by no relay' : `by ${formatIpv4(port.relay)}, which relays: does not list`
    steps.push({
      ...{ rule: 'node.port', outcome: `${what} counts for nothing: added ${who}`, from: 'config' },
      ...(network === undefined ? {} : { cite: where(network.origin) }),
    })
    return []
  }
  const node = nodeAtPort(keys, port)
  if (node !== undefined) return [{ node, by: 'relay-port', how: `relay port (${what})` }]
  steps.push({ rule: 'node.port', outcome: `no node has ${what}`, from: 'inventory' })
  return []
}

/** Only a relay that the configuration lists is known to be one. */
function isBelieved({ relay }: PortEvidence, network: Network, { networks }: Config): boolean {
  const { sharedNetwork, relays } = network
  return (
    relays.includes(relay) ||
    (sharedNetwork !== undefined &&
      networks.some((one) => one.sharedNetwork === sharedNetwork && one.relays.includes(relay)))
  )
}

function byUuid({ client: { uuid } }: BootRequest, { keys }: World): readonly Found[] {
  if (uuid === undefined || keys.byUuid.size === 0) return []
  const same = keys.byUuid.get(uuid)
  if (same !== undefined) return [{ node: same, by: 'uuid', how: `uuid (${uuid})` }]
  const node = keys.byUuid.get(otherByteOrder(uuid))
  return node === undefined ? [] : [{ node, by: 'uuid', how: `uuid (${uuid}, in the other byte order)` }]
}

/** Scripts and reports show a MAC alone, renewals no relay: what a DHCP message of the machine showed before holds on. */
function earlier({ client }: BootRequest, world: World, steps: readonly Step[]): MatchedNode {
  const { mac } = client
  if (mac === undefined) return { steps }
  const before = world.recognised?.nodeOf(mac)
  const node = before === undefined ? undefined : world.keys.byName.get(before.node)
  if (before === undefined || node === undefined || contradicts(node, client))
    return { steps: [...steps, noNode(mac)] }
  const outcome = `${node.name} by ${before.by}, in an earlier message`
  const step: Step = { rule: 'node.match', outcome, from: 'state', cite: where(node.origin) }
  return { node, steps: [...steps, step] }
}

function describePort({ relay, circuitId, remoteId }: PortEvidence): string {
  return [
    ...(circuitId === undefined ? [] : [`option 82.1 = ${describeOctets(circuitId)}`]),
    ...(remoteId === undefined ? [] : [`option 82.2 = ${describeOctets(remoteId)}`]),
    ...(relay === 0 ? [] : [`relay ${formatIpv4(relay)}`]),
  ].join(', ')
}

/** Octets given in hex as they are written in the configuration: text, or hex as 0x0a0b. */
export function describeOctets(hex: string): string {
  const bytes = fromHex(hex) ?? new Uint8Array()
  const isText = bytes.length > 0 && bytes.every((octet) => octet > 0x20 && octet < 0x7f)
  return isText ? printable(bytes, 80) : `0x${hex.slice(0, 160)}`
}
