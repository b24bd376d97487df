/** A function without side effects that keeps its newest results: a pure function stays one. */
export function remember<T>(make: (key: string) => T, most: number): (key: string) => T {
  const known = new Map<string, T>()
  return (key) => {
    const found = known.get(key)
    if (found !== undefined) return found
    const made = make(key)
    const [oldest] = known.keys()
    if (known.size >= most && oldest !== undefined) known.delete(oldest)
    known.set(key, made)
    return made
  }
}

/** The same by an object that never changes, for as long as it is there. */
export function rememberOf<K extends object, T>(make: (key: K) => T): (key: K) => T {
  const known = new WeakMap<K, { readonly made: T }>()
  return (key) => {
    const found = known.get(key)
    if (found !== undefined) return found.made
    const made = make(key)
    known.set(key, { made })
    return made
  }
}
