import { isSameUuid } from '../lib/uuid.ts'
import type { Node } from '../model/config.ts'
import { foldText, isAtPort, type NodeEvidence, type NodeKey, type PortEvidence } from '../model/node-keys.ts'
import { isPlaceholderText, isPlaceholderUuid } from '../model/placeholders.ts'

/** Something that a client shows and that a node describes. */
export interface Sign {
  readonly node: Node
  readonly by: NodeKey
  /** `client-id (option 61 = 0xff01)`. */
  readonly how: string
}

/** A node that a client could be, with all that speaks for it and against it. */
export interface Candidate {
  readonly node: Node
  /** The strongest first. */
  readonly signs: readonly [Sign, ...Sign[]]
  /** What the node describes and the client shows otherwise. */
  readonly against: readonly NodeKey[]
  /** What speaks for it alone. */
  readonly worth: number
  /** Less what speaks against it. */
  readonly score: number
}

/**
 * What each sign is worth. Alone each but the asset tag is enough to be a node; a sign that is another node's is worth enough
 * to keep a machine from being this one, unless two more speak for it. What a node describes and the machine shows otherwise
 * counts too: a board with its UUID and its serial number comes back from repair as another.
 */
const WORTH: Readonly<Record<NodeKey, { readonly for: number; readonly against: number }>> = {
  mac: { for: 60, against: 0 },
  // An operating system has another than the firmware of the same machine.
  'client-id': { for: 60, against: 0 },
  'relay-port': { for: 50, against: 20 },
  uuid: { for: 50, against: 30 },
  serial: { for: 40, against: 30 },
  'asset-tag': { for: 20, against: 10 },
}

/** The least score of a machine that is a node, and by how much it has to be more than what speaks for any other node. */
const ENOUGH = 40

/** The nodes of these signs, the likeliest first. `port` is there when a relay is believed. */
export function weighNodes(
  signs: readonly Sign[],
  shown: NodeEvidence,
  port: PortEvidence | undefined,
): readonly Candidate[] {
  const byNode = Map.groupBy(signs, ({ node }) => node)
  return [...byNode]
    .flatMap(([node, [first, ...more]]) => {
      if (first === undefined) return []
      const own = [first, ...more] as const
      const against = contradictions(node, shown, port)
      const plus = own.reduce((sum, { by }) => sum + WORTH[by].for, 0)
      const minus = against.reduce((sum, key) => sum + WORTH[key].against, 0)
      return [{ node, signs: own, against, worth: plus, score: plus - minus }]
    })
    .toSorted((a, b) => b.score - a.score)
}

/** The one node that a client is; `unclear`: more than one, or one with too much against it; undefined: none. */
export function judgeNodes(candidates: readonly Candidate[]): Candidate | 'unclear' | undefined {
  const [best, ...others] = candidates
  if (best === undefined) return undefined
  const rival = Math.max(0, ...others.map(({ worth }) => worth))
  if (best.score >= ENOUGH && best.score - rival >= ENOUGH) return best
  return candidates.some(({ worth }) => worth >= ENOUGH) ? 'unclear' : undefined
}

/** `mac + uuid (1234...) less another serial, score 80`. */
export function describeCandidate({ signs, against, score }: Candidate): string {
  const less = against.length === 0 ? '' : ` less another ${against.join(' and ')}`
  return `${signs.map(({ how }) => how).join(' + ')}${less}, score ${score}`
}

function contradictions(
  node: Node,
  { uuid, otherUuids = [], serial, assetTag }: NodeEvidence,
  port: PortEvidence | undefined,
): readonly NodeKey[] {
  const differs = (wanted: string | undefined, seen: string | undefined): boolean =>
    wanted !== undefined &&
    seen !== undefined &&
    !isPlaceholderText(seen) &&
    foldText(wanted) !== foldText(seen)
  return [
    ...(node.relayPort !== undefined && port !== undefined && !isAtPort(node.relayPort, port)
      ? (['relay-port'] as const)
      : []),
    ...([uuid, ...otherUuids].some((seen) => isAnother(node.uuid, seen)) ? (['uuid'] as const) : []),
    ...(differs(node.serial, serial) ? (['serial'] as const) : []),
    ...(differs(node.assetTag, assetTag) ? (['asset-tag'] as const) : []),
  ]
}

function isAnother(wanted: string | undefined, seen: string | undefined): boolean {
  return wanted !== undefined && seen !== undefined && !isPlaceholderUuid(seen) && !isSameUuid(wanted, seen)
}
