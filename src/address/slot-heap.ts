import { NONE } from './slot-index.ts'

/** Slots with the least first, as a binary heap that knows where each slot is: every change costs their logarithm. */
export class SlotHeap {
  readonly #keyOf: (slot: number) => number
  readonly #heap: number[] = []
  /** By slot: its place in the heap, or {@link NONE}. */
  #places = new Int32Array(64).fill(NONE)

  /** `keyOf` tells what the slots are sorted by. */
  constructor(keyOf: (slot: number) => number) {
    this.#keyOf = keyOf
  }

  /** The slot with the least key; {@link NONE} when it is empty. */
  get first(): number {
    return this.#heap[0] ?? NONE
  }

  /** Adds a slot, or finds the place of one whose key has changed. */
  place(slot: number): void {
    if (slot >= this.#places.length) this.#grow(slot)
    let at = this.#places[slot] ?? NONE
    if (at === NONE) at = this.#heap.push(slot) - 1
    this.#sink(slot, this.#rise(slot, at))
  }

  /** Harmless for a slot that is not there. */
  remove(slot: number): void {
    const at = this.#places[slot] ?? NONE
    if (at === NONE) return
    this.#places[slot] = NONE
    const last = this.#heap.pop()
    if (last !== undefined && last !== slot) this.#sink(last, this.#rise(last, at))
  }

  /** Moves a slot that is at `from`, or comes there, towards the top; the answer is the place that is left for it. */
  #rise(slot: number, from: number): number {
    const key = this.#keyOf(slot)
    let at = from
    while (at > 0) {
      const parent = (at - 1) >>> 1
      const above = this.#heap[parent] ?? NONE
      if (this.#keyOf(above) <= key) break
      this.#put(above, at)
      at = parent
    }
    return at
  }

  #sink(slot: number, from: number): void {
    const heap = this.#heap
    const key = this.#keyOf(slot)
    let at = from
    for (let child = 2 * at + 1; child < heap.length; child = 2 * at + 1) {
      const [left = NONE, right] = [heap[child], heap[child + 1]]
      const isRight = right !== undefined && this.#keyOf(right) < this.#keyOf(left)
      const least = isRight ? right : left
      if (this.#keyOf(least) >= key) break
      this.#put(least, at)
      at = isRight ? child + 1 : child
    }
    this.#put(slot, at)
  }

  #put(slot: number, at: number): void {
    this.#heap[at] = slot
    this.#places[slot] = at
  }

  #grow(slot: number): void {
    const before = this.#places
    this.#places = new Int32Array(Math.max(before.length * 2, slot + 1)).fill(NONE)
    this.#places.set(before)
  }
}
