import { formatIpv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import { fromHex, printable } from '../lib/text.ts'
import { isSameUuid, otherByteOrder } from '../lib/uuid.ts'
import type { Config, Network, Node } from '../model/config.ts'
import {
  contradicts,
  foldText,
  hasKey,
  type NodeEvidence,
  type NodeKey,
  type NodeKeys,
  nodeAtPort,
  type PortEvidence,
} from '../model/node-keys.ts'
import { isPlaceholderText, isPlaceholderUuid } from '../model/placeholders.ts'
import type { Step } from '../model/rules.ts'
import type { World } from '../model/world.ts'
import { where } from './cite.ts'
import type { BootClient, BootRequest, Conflict } from './decision.ts'
import { type Candidate, describeCandidate, judgeNodes, type Sign, weighNodes } from './identity-score.ts'

/** What tells machines apart. */
type Known = Pick<World, 'config' | 'nodes' | 'keys' | 'leases' | 'recognised' | 'now'>

/** The described machine that asks, by which key, and why. */
export interface MatchedNode {
  /** Whose address it gets. With a conflict the one whose MAC or client identifier it shows, if any. */
  readonly node?: Node
  /** Absent too where only an earlier message of the machine told. */
  readonly by?: NodeKey
  /** Nobody can tell which of these nodes it is, or whether it is one: it boots nothing of theirs. */
  readonly conflict?: Conflict
  readonly steps: readonly Step[]
}

/**
 * Which described node a client is: all that it shows is weighed (`identity-score.ts`). Too little for one node, or too much
 * for another, is a conflict and never a guess. Loaders ask with less than was shown before, some with a MAC alone: what the
 * machine showed counts on, so that a conflict stays one.
 */
export function matchNode(asked: BootRequest, world: Known): MatchedNode {
  if (asked.via === 'dhcp' || world.keys.isEmpty) return matchShown(asked, world)
  const { mac } = asked.client
  const remembered = mac === undefined ? undefined : world.recognised?.shownBy(mac)
  if (remembered === undefined) return matchShown(asked, world)
  const { arch: _, earlier, ...shown } = remembered
  const request = { ...asked, client: withShown(asked.client, shown) }
  const match = matchShown(request, world)
  if (earlier === undefined || match.node === undefined || match.conflict !== undefined) return match
  const { uuid: _uuid, otherUuids: _others, ...texts } = earlier
  const doubts = request.client.uuid === undefined ? earlier : texts
  const doubted = matchShown({ ...request, client: withShown(request.client, doubts) }, world)
  return doubted.conflict === undefined ? match : doubted
}

/** What a request does not show was shown before. A UUID that it does show is one more, where another one was. */
function withShown(client: BootClient, { uuid, otherUuids = [], ...shown }: NodeEvidence): BootClient {
  const all = { ...shown, ...client }
  const others = [...(uuid === undefined ? [] : [uuid]), ...otherUuids]
  if (client.uuid === undefined) return { ...all, ...(uuid === undefined ? {} : { uuid, otherUuids }) }
  const own = client.uuid
  return { ...all, otherUuids: others.filter((one) => !isSameUuid(one, own)) }
}

function matchShown(request: BootRequest, world: Known): MatchedNode {
  const { mac } = request.client
  const own = mac === undefined ? undefined : world.nodes.get(mac)
  if (world.keys.isEmpty) {
    if (mac === undefined) return { steps: [] }
    return own === undefined ? { steps: [noNode(mac)] } : { node: own, by: 'mac', steps: [known(own, 'mac')] }
  }
  const steps: Step[] = []
  const port = believedPort(request, world, steps)
  const signs: readonly Sign[] = [
    ...(own === undefined ? [] : [{ node: own, by: 'mac', how: 'mac' } as const]),
    ...byClientId(request, world),
    ...byPort(port, world, steps),
    ...byUuid(request, world, steps),
    ...byText('serial', request.client.serial, { nodes: world.keys.bySerial, steps }),
    ...byText('asset-tag', request.client.assetTag, { nodes: world.keys.byAssetTag, steps }),
  ]
  const candidates = weighNodes(signs, request.client, port)
  const found = judgeNodes(candidates)
  if (found === undefined) return matchEarlier(request, world, steps)
  if (found === 'unclear') return unclear(candidates, signs, steps)
  const [{ by }] = found.signs
  const outvoted = candidates.filter((other) => other !== found).map(outvotedStep)
  const step = known(found.node, describeCandidate(found))
  return contested({ node: found.node, by, steps: [...steps, step, ...outvoted] }, { by, request, world })
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

function outvotedStep(other: Candidate): Step {
  const outcome = `${other.node.name} by ${describeCandidate(other)}`
  return { rule: 'node.outvoted', outcome, from: 'inventory', cite: where(other.node.origin) }
}

function unclear(
  candidates: readonly Candidate[],
  [first]: readonly Sign[],
  steps: readonly Step[],
): MatchedNode {
  const told = candidates.map((candidate) => `${candidate.node.name} by ${describeCandidate(candidate)}`)
  const nodes = candidates.map(({ node }) => node.name)
  const because =
    nodes.length === 1
      ? `it shows too much that is not ${nodes[0]}'s`
      : `it shows what is ${nodes.slice(0, -1).join("'s, ")}'s and what is ${nodes.at(-1)}'s`
  const step: Step = { rule: 'node.conflict', outcome: told.join('; '), from: 'inventory' }
  const keeps = first?.by === 'mac' || first?.by === 'client-id' ? { node: first.node } : {}
  return { ...keeps, conflict: { nodes, because }, steps: [...steps, step] }
}

/** Keys that a copied board shows as well, or a second card of the same machine. */
const COPIED: ReadonlySet<NodeKey> = new Set(['uuid', 'serial', 'asset-tag'])

/** Of two machines on a link that both say they are one node, neither is, unless its own card, identifier or port tells. */
function contested(
  match: MatchedNode & { readonly node: Node },
  { by, request, world }: { readonly by: NodeKey; readonly request: BootRequest; readonly world: Known },
): MatchedNode {
  const { node } = match
  const { client, ingress } = request
  if (client.mac === undefined || !COPIED.has(by)) return match
  const { recognised, config } = world
  const claims = recognised?.claimants(node.name) ?? []
  const others = new Set([...node.macs, ...claims, ...(recognised?.sayersOf(node) ?? [])])
  // What goes from machine to machine may have been this one's a while ago.
  const rival = [...others].find(
    (other) =>
      other !== client.mac && !config.sharedAdapters.has(other) && isLive(other, ingress.network, world),
  )
  if (rival === undefined) return match
  const because = `${rival} has a lease and is ${node.name} as well`
  const step: Step = { rule: 'node.conflict', outcome: because, from: 'state', cite: where(node.origin) }
  return { ...match, conflict: { nodes: [node.name], because }, steps: [...match.steps, step] }
}

function isLive(mac: Mac, network: string, { leases, now }: Known): boolean {
  return leases.ofClient(network, mac).some(({ state, expiresAt }) => state === 'bound' && expiresAt > now)
}

function byClientId({ client: { clientId } }: BootRequest, { keys }: Known): readonly Sign[] {
  const node = clientId === undefined ? undefined : keys.byClientId.get(clientId)
  return node === undefined ? [] : [{ node, by: 'client-id', how: `client-id (option 61 = 0x${clientId})` }]
}

/** The port of a relay that is believed. */
function believedPort(
  { client, ingress }: BootRequest,
  { keys, config }: Known,
  steps: Step[],
): PortEvidence | undefined {
  const { port } = client
  if (port === undefined || keys.byPort.size === 0) return undefined
  const network = config.networks.find(({ name }) => name === ingress.network)
  if (network !== undefined && isBelieved(port, network, config)) return port
  const who = port.relay === 0 ? 'by no relay' : `by ${formatIpv4(port.relay)}, which relays: does not list`
  const outcome = `${describePort(port)} counts for nothing: added ${who}`
  steps.push({
    ...{ rule: 'node.port', outcome, from: 'config' },
    ...(network === undefined ? {} : { cite: where(network.origin) }),
  })
  return undefined
}

function byPort(port: PortEvidence | undefined, { keys }: Known, steps: Step[]): readonly Sign[] {
  if (port === undefined) return []
  const node = nodeAtPort(keys, port)
  if (node !== undefined) return [{ node, by: 'relay-port', how: `relay port (${describePort(port)})` }]
  steps.push({ rule: 'node.port', outcome: `no node has ${describePort(port)}`, from: 'inventory' })
  return []
}

/** Only a relay that the configuration lists is known to be one. */
export function isBelieved({ relay }: PortEvidence, network: Network, { networks }: Config): boolean {
  const { sharedNetwork, relays } = network
  return (
    relays.includes(relay) ||
    (sharedNetwork !== undefined &&
      networks.some((one) => one.sharedNetwork === sharedNetwork && one.relays.includes(relay)))
  )
}

function byUuid(
  { client: { uuid, otherUuids = [] } }: BootRequest,
  { keys }: Known,
  steps: Step[],
): readonly Sign[] {
  if (uuid === undefined || keys.byUuid.size === 0) return []
  return [uuid, ...otherUuids].flatMap((one) => byOneUuid(one, keys, steps))
}

function byOneUuid(uuid: string, keys: NodeKeys, steps: Step[]): readonly Sign[] {
  if (isPlaceholderUuid(uuid)) {
    steps.push(placeholder('UUID', uuid))
    return []
  }
  const same = keys.byUuid.get(uuid)
  if (same !== undefined) return [{ node: same, by: 'uuid', how: `uuid (${uuid})` }]
  const node = keys.byUuid.get(otherByteOrder(uuid))
  return node === undefined ? [] : [{ node, by: 'uuid', how: `uuid (${uuid}, in the other byte order)` }]
}

/** Serial number and asset tag. */
function byText(
  by: 'serial' | 'asset-tag',
  text: string | undefined,
  { nodes, steps }: { readonly nodes: ReadonlyMap<string, Node>; readonly steps: Step[] },
): readonly Sign[] {
  if (text === undefined || nodes.size === 0) return []
  if (isPlaceholderText(text)) {
    steps.push(placeholder(by, text))
    return []
  }
  const node = nodes.get(foldText(text))
  return node === undefined ? [] : [{ node, by, how: `${by} (${text})` }]
}

function placeholder(what: string, value: string): Step {
  return { rule: 'node.placeholder', outcome: `the ${what} "${value}" is that of many`, from: 'packet' }
}

/** Scripts and reports show a MAC alone, renewals no relay: what a DHCP message of the machine showed before holds on. */
function matchEarlier(request: BootRequest, world: Known, steps: readonly Step[]): MatchedNode {
  const { client } = request
  const { mac } = client
  if (mac === undefined) return { steps }
  if (world.config.sharedAdapters.has(mac)) {
    const outcome = `${mac} is among sharedAdapters:, and tells no machine`
    return { steps: [...steps, { rule: 'node.match', outcome, from: 'config' }] }
  }
  const before = world.recognised?.nodeOf(mac)
  const node = before === undefined ? undefined : world.keys.byName.get(before.node)
  // Firmware has another identifier than the operating system that the node may be known by.
  const { clientId: _, ...shown } = client
  const said = request.via === 'dhcp' ? client : shown
  if (before === undefined || node === undefined || !hasKey(node, before.key) || contradicts(node, said))
    return { steps: [...steps, noNode(mac)] }
  const outcome = `${node.name} by ${before.by}, in an earlier message`
  const step: Step = { rule: 'node.match', outcome, from: 'state', cite: where(node.origin) }
  return contested({ node, steps: [...steps, step] }, { by: before.by, request, world })
}

/** `option 82.1 = eth7, relay 10.77.0.254`. */
export function describePort({ relay, circuitId, remoteId }: PortEvidence): string {
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
