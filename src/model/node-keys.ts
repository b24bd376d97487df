import type { Ipv4 } from '../lib/ipv4.ts'
import type { Node } from './config.ts'

/** What a DHCP message shows of its machine besides the MAC. Octets as hex. */
export interface NodeEvidence {
  /** Option 61. */
  readonly clientId?: string
  /** Option 82 and who added it; whether that relay is believed is the network's matter. */
  readonly port?: PortEvidence
  /** Option 97, as SMBIOS' text. */
  readonly uuid?: string
}

export interface PortEvidence {
  /** giaddr; 0.0.0.0 for a switch on the link. */
  readonly relay: Ipv4
  readonly circuitId?: string
  readonly remoteId?: string
}

/** By what a machine was known, the strongest first. */
export type NodeKey = 'mac' | 'client-id' | 'relay-port' | 'uuid'

/** The nodes by their other keys than MAC addresses. */
export interface NodeKeys {
  /** No node has any of them. */
  readonly isEmpty: boolean
  readonly byClientId: ReadonlyMap<string, Node>
  /** Under circuit id, or remote id where there is no circuit id; those that say most come first. */
  readonly byPort: ReadonlyMap<string, readonly Node[]>
  readonly byUuid: ReadonlyMap<string, Node>
  readonly byName: ReadonlyMap<string, Node>
}

export function indexNodeKeys(nodes: readonly Node[]): NodeKeys {
  const byPort = new Map<string, Node[]>()
  for (const node of nodes.toSorted((a, b) => partsOf(b) - partsOf(a))) {
    const { circuitId, remoteId } = node.relayPort ?? {}
    const key = circuitId ?? remoteId
    if (key !== undefined) byPort.set(key, [...(byPort.get(key) ?? []), node])
  }
  return {
    isEmpty: !nodes.some(hasOtherKeys),
    byClientId: new Map(nodes.flatMap((node) => (node.clientIds ?? []).map((id) => [id, node] as const))),
    byPort,
    byUuid: new Map(nodes.flatMap((node) => (node.uuid === undefined ? [] : [[node.uuid, node] as const]))),
    byName: new Map(nodes.map((node) => [node.name, node])),
  }
}

function hasOtherKeys({ clientIds, relayPort, uuid }: Node): boolean {
  return clientIds !== undefined || relayPort !== undefined || uuid !== undefined
}

function partsOf({ relayPort }: Node): number {
  return Object.keys(relayPort ?? {}).length
}

/** The node of a relay's port. */
export function nodeAtPort({ byPort }: NodeKeys, port: PortEvidence): Node | undefined {
  const { relay, circuitId = '', remoteId = '' } = port
  return [circuitId, remoteId]
    .flatMap((key) => byPort.get(key) ?? [])
    .find(({ relayPort: wanted }) => {
      const agrees = (one: string | number | undefined, seen: string | number): boolean =>
        one === undefined || one === seen
      return (
        agrees(wanted?.relay, relay) &&
        agrees(wanted?.circuitId, circuitId) &&
        agrees(wanted?.remoteId, remoteId)
      )
    })
}

/** Whether a message speaks of a key of this node, so that it would have matched if it were this node's. */
export function contradicts(node: Node, { clientId, port, uuid }: NodeEvidence): boolean {
  return (
    (node.clientIds !== undefined && clientId !== undefined) ||
    (node.relayPort !== undefined && port !== undefined) ||
    (node.uuid !== undefined && uuid !== undefined)
  )
}
