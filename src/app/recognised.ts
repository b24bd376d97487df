import type { Mac } from '../lib/mac.ts'
import type { NodeKey } from '../model/node-keys.ts'
import type { Recognised, RecognisedView, Shown } from '../model/world.ts'

/** Machines remembered; of more, the one that has not spoken for longest is forgotten. */
const MOST = 20_000

/** The machines that DHCP showed to be a node by another key than their MAC: their scripts and renewals show only that. */
export class RecognisedMachines implements RecognisedView {
  readonly #nodes = new Map<Mac, Recognised>()
  /** The same by name of the node. */
  readonly #claims = new Map<string, Set<Mac>>()
  readonly #shown = new Map<Mac, Shown>()
  /** By lease key, where that is not the card's MAC. */
  readonly #cards = new Map<Mac, Mac>()

  note(mac: Mac, node: string, by: NodeKey): void {
    const before = this.#nodes.get(mac)
    if (before !== undefined && before.node !== node) this.#claims.get(before.node)?.delete(mac)
    const forgotten = remember(this.#nodes, mac, { node, by })
    if (forgotten !== undefined) this.#claims.get(forgotten.value.node)?.delete(forgotten.key)
    const claims = this.#claims.get(node)
    if (claims === undefined) this.#claims.set(node, new Set([mac]))
    else claims.add(mac)
  }

  /** @inheritDoc */
  claimants(node: string): Iterable<Mac> {
    return this.#claims.get(node) ?? []
  }

  /** What firmware or a loader showed; it replaces what was shown before. */
  noteShown(mac: Mac, { uuid, port, arch }: Shown): void {
    if (uuid === undefined && port === undefined && arch === undefined) this.#shown.delete(mac)
    else
      remember(this.#shown, mac, {
        ...(uuid === undefined ? {} : { uuid }),
        ...(port === undefined ? {} : { port }),
        ...(arch === undefined ? {} : { arch }),
      })
  }

  /** @inheritDoc */
  shownBy(mac: Mac): Shown | undefined {
    return this.#shown.get(mac)
  }

  noteCard(key: Mac, mac: Mac): void {
    remember(this.#cards, key, mac)
  }

  /** @inheritDoc */
  nodeOf(mac: Mac): Recognised | undefined {
    return this.#nodes.get(mac)
  }

  /** The MAC of the card that has the leases of this key. */
  cardOf(key: Mac): Mac {
    return this.#cards.get(key) ?? key
  }
}

/** Returns what had to be forgotten for it. */
function remember<T>(
  map: Map<Mac, T>,
  mac: Mac,
  value: T,
): { readonly key: Mac; readonly value: T } | undefined {
  map.delete(mac)
  map.set(mac, value)
  const oldest = map.size > MOST ? map.entries().next().value : undefined
  if (oldest === undefined) return undefined
  map.delete(oldest[0])
  return { key: oldest[0], value: oldest[1] }
}
