import type { Mac } from '../lib/mac.ts'
import type { NodeKey } from '../model/node-keys.ts'
import type { Recognised, RecognisedView } from '../model/world.ts'

/** Machines remembered; of more, the one that has not spoken for longest is forgotten. */
const MOST = 20_000

/** The machines that DHCP showed to be a node by another key than their MAC: their scripts and renewals show only that. */
export class RecognisedMachines implements RecognisedView {
  readonly #nodes = new Map<Mac, Recognised>()
  /** By lease key, where that is not the card's MAC. */
  readonly #cards = new Map<Mac, Mac>()

  note(mac: Mac, node: string, by: NodeKey): void {
    remember(this.#nodes, mac, { node, by })
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

function remember<T>(map: Map<Mac, T>, mac: Mac, value: T): void {
  map.delete(mac)
  map.set(mac, value)
  const oldest = map.size > MOST ? map.keys().next().value : undefined
  if (oldest !== undefined) map.delete(oldest)
}
