import type { Ipv4 } from '../lib/ipv4.ts'
import { otherByteOrder } from '../lib/uuid.ts'
import type { Node } from './config.ts'

/** What a message shows of its machine besides the MAC. Octets as hex. */
export interface NodeEvidence {
  /** Option 61. */
  readonly clientId?: string
  /** Option 82 and who added it; whether that relay is believed is the network's matter. */
  readonly port?: PortEvidence
  /** Option 97, or of a script request; as SMBIOS' text. */
  readonly uuid?: string
  /** Not the same, and shown in the same boot. */
  readonly otherUuids?: readonly string[]
  /** Of SMBIOS, safe to print; script requests have them. */
  readonly serial?: string
  readonly assetTag?: string
}

/** A port of a relay or switch, as option 82 names it (RFC 3046 §2). */
export interface PortEvidence {
  /** giaddr; 0.0.0.0 for a switch on the link. */
  readonly relay: Ipv4
  readonly circuitId?: string
  readonly remoteId?: string
}

/** By what a machine was known, the strongest first. */
export type NodeKey = 'mac' | 'client-id' | 'relay-port' | 'uuid' | 'serial' | 'asset-tag'

/** The nodes by their other keys than MAC addresses. */
export interface NodeKeys {
  /** No node has any of them. */
  readonly isEmpty: boolean
  readonly byClientId: ReadonlyMap<string, Node>
  /** Under circuit id, or remote id where there is no circuit id; those that say most come first. */
  readonly byPort: ReadonlyMap<string, readonly Node[]>
  readonly byUuid: ReadonlyMap<string, Node>
  /** Under {@link foldText}. */
  readonly bySerial: ReadonlyMap<string, Node>
  readonly byAssetTag: ReadonlyMap<string, Node>
  readonly byName: ReadonlyMap<string, Node>
}

/** The nodes by each key, for {@link NodeKeys}. */
export function indexNodeKeys(nodes: readonly Node[]): NodeKeys {
  const byPort = new Map<string, Node[]>()
  for (const node of nodes.toSorted((a, b) => partsOf(b) - partsOf(a))) {
    const { circuitId, remoteId } = node.relayPort ?? {}
    const key = circuitId ?? remoteId
    if (key !== undefined) byPort.set(key, [...(byPort.get(key) ?? []), node])
  }
  return {
    isEmpty: !nodes.some(hasOtherKeys),
    byClientId: index(nodes, ({ clientIds }) => clientIds ?? []),
    byPort,
    byUuid: index(nodes, ({ uuid }) => (uuid === undefined ? [] : [uuid])),
    bySerial: index(nodes, ({ serial }) => (serial === undefined ? [] : [foldText(serial)])),
    byAssetTag: index(nodes, ({ assetTag }) => (assetTag === undefined ? [] : [foldText(assetTag)])),
    byName: new Map(nodes.map((node) => [node.name, node])),
  }
}

function index(nodes: readonly Node[], keys: (node: Node) => readonly string[]): ReadonlyMap<string, Node> {
  return new Map(nodes.flatMap((node) => keys(node).map((key) => [key, node] as const)))
}

/** As serial numbers and asset tags are compared: firmware pads them with blanks, and labels have another case. */
export function foldText(text: string): string {
  return text.trim().toLowerCase()
}

function hasOtherKeys({ clientIds, relayPort, uuid, serial, assetTag }: Node): boolean {
  return [clientIds, relayPort, uuid, serial, assetTag].some((key) => key !== undefined)
}

function partsOf({ relayPort }: Node): number {
  return Object.keys(relayPort ?? {}).length
}

/** The node of a relay's port. */
export function nodeAtPort({ byPort }: NodeKeys, port: PortEvidence): Node | undefined {
  const { circuitId = '', remoteId = '' } = port
  return [circuitId, remoteId]
    .flatMap((key) => byPort.get(key) ?? [])
    .find(({ relayPort: wanted }) => wanted !== undefined && isAtPort(wanted, port))
}

/** Whether a port is one that a node describes. */
export function isAtPort(
  wanted: NonNullable<Node['relayPort']>,
  { relay, circuitId = '', remoteId = '' }: PortEvidence,
): boolean {
  const agrees = (one: string | number | undefined, seen: string | number): boolean =>
    one === undefined || one === seen
  return (
    agrees(wanted.relay, relay) && agrees(wanted.circuitId, circuitId) && agrees(wanted.remoteId, remoteId)
  )
}

/** All that a node is known by, each as a text that is the same for the same key. */
export type KeysOfNode = Readonly<Partial<Record<KeyName, string>>>
/** As the configuration calls them. */
export type KeyName = 'mac' | 'uuid' | 'serial' | 'assetTag' | 'relayPort' | 'clientId'

/** The keys of a node as texts to compare, whatever the order and the case in which they are written. */
export function keysOf({ macs, uuid, serial, assetTag, relayPort, clientIds }: Node): KeysOfNode {
  const { relay, circuitId, remoteId } = relayPort ?? {}
  return {
    ...(macs.length === 0 ? {} : { mac: macs.toSorted().join(' ') }),
    ...(uuid === undefined ? {} : { uuid }),
    ...(serial === undefined ? {} : { serial: foldText(serial) }),
    ...(assetTag === undefined ? {} : { assetTag: foldText(assetTag) }),
    ...(relayPort === undefined ? {} : { relayPort: JSON.stringify([relay, circuitId, remoteId]) }),
    ...(clientIds === undefined ? {} : { clientId: clientIds.toSorted().join(' ') }),
  }
}

/** Whether a node has this key, of those that DHCP shows. */
export function hasKey(
  { clientIds = [], relayPort, uuid: own }: Node,
  { clientId, port, uuid }: Pick<NodeEvidence, 'clientId' | 'port' | 'uuid'>,
): boolean {
  if (clientId !== undefined) return clientIds.includes(clientId)
  if (port !== undefined) return relayPort !== undefined && isAtPort(relayPort, port)
  return uuid !== undefined && (own === uuid || own === otherByteOrder(uuid))
}

/** Whether a message speaks of a key of this node, so that it would have matched if it were this node's. */
export function contradicts(node: Node, { clientId, port, uuid }: NodeEvidence): boolean {
  return (
    (node.clientIds !== undefined && clientId !== undefined) ||
    (node.relayPort !== undefined && port !== undefined) ||
    (node.uuid !== undefined && uuid !== undefined)
  )
}
