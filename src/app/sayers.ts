import type { Mac } from '../lib/mac.ts'
import { otherByteOrder } from '../lib/uuid.ts'
import type { SaidOfSmbios } from '../model/evidence.ts'
import { foldText } from '../model/node-keys.ts'

type Said = Pick<SaidOfSmbios, 'uuid' | 'serial'>

/** Which machines said a UUID, in whatever byte order, or a serial number. */
export class Sayers {
  readonly #macs = new Map<string, Set<Mac>>()

  of(said: Said): Iterable<Mac> {
    return new Set(wordsOf(said).flatMap((word) => [...(this.#macs.get(word) ?? [])]))
  }

  /** What it says now, in the place of what it said before. */
  change(mac: Mac, before: Said | undefined, now: Said | undefined): void {
    if (before === now) return
    for (const word of wordsOf(before)) {
      const others = this.#macs.get(word)
      others?.delete(mac)
      if (others?.size === 0) this.#macs.delete(word)
    }
    for (const word of wordsOf(now)) {
      const others = this.#macs.get(word)
      if (others === undefined) this.#macs.set(word, new Set([mac]))
      else others.add(mac)
    }
  }
}

function wordsOf({ uuid, serial }: Said = {}): readonly string[] {
  return [
    ...(uuid === undefined ? [] : [`uuid ${[uuid, otherByteOrder(uuid)].sort()[0]}`]),
    ...(serial === undefined ? [] : [`serial ${foldText(serial)}`]),
  ]
}
