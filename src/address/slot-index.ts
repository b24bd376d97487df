/** No slot. */
export const NONE = -1

/**
 * Slots by a whole number that each has, below 2^53: a hash table with linear probing in one array of integers (Knuth, The
 * Art of Computer Programming 6.4, algorithms L and R). A Map of the same costs ten times the memory.
 */
export class SlotIndex {
  readonly #keyOf: (slot: number) => number
  #table = new Int32Array(64).fill(NONE)
  #count = 0

  /** `keyOf` tells the key of a slot that is in the index. */
  constructor(keyOf: (slot: number) => number) {
    this.#keyOf = keyOf
  }

  /** {@link NONE} for a key without a slot. */
  get(key: number): number {
    return this.#table[this.#placeOf(key)] ?? NONE
  }

  /** Replaces the slot of this key. The slot has this key from now on. */
  set(key: number, slot: number): void {
    const place = this.#placeOf(key)
    const isNew = this.#table[place] === NONE
    this.#table[place] = slot
    if (!isNew) return
    this.#count += 1
    if (this.#count * 2 > this.#table.length) this.#grow()
  }

  /** Slots behind the one that goes move up, so that none is cut off from its place. */
  delete(key: number): void {
    const table = this.#table
    const mask = table.length - 1
    let hole = this.#placeOf(key)
    if (table[hole] === NONE) return
    this.#count -= 1
    for (let at = (hole + 1) & mask; ; at = (at + 1) & mask) {
      const slot = table[at] ?? NONE
      if (slot === NONE) break
      const home = this.#homeOf(this.#keyOf(slot))
      if (((at - home) & mask) < ((at - hole) & mask)) continue
      table[hole] = slot
      hole = at
    }
    table[hole] = NONE
  }

  /** Where this key is, or would be. */
  #placeOf(key: number): number {
    const table = this.#table
    const mask = table.length - 1
    let at = this.#homeOf(key)
    for (let slot = table[at] ?? NONE; slot !== NONE && this.#keyOf(slot) !== key; slot = table[at] ?? NONE)
      at = (at + 1) & mask
    return at
  }

  /** Fibonacci hashing: neighbours in a pool come far apart. */
  #homeOf(key: number): number {
    const mixed = Math.imul(key ^ (key / 2 ** 32), 0x9e37_79b1)
    return (mixed >>> 8) & (this.#table.length - 1)
  }

  #grow(): void {
    const before = this.#table
    this.#table = new Int32Array(before.length * 2).fill(NONE)
    for (const slot of before) if (slot !== NONE) this.#table[this.#placeOf(this.#keyOf(slot))] = slot
  }
}
