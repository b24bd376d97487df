/**
 * Splits a user class value. RFC 3004 §4 counts: length, octets, repeated. iPXE and others send raw text instead;
 * `iPXE` would be a count of 105 with three octets left, so a value that the counts do not use up exactly is raw.
 */
export function parseUserClasses(value: Uint8Array): readonly Uint8Array[] {
  return countedClasses(value) ?? (value.length === 0 ? [] : [value])
}

function countedClasses(value: Uint8Array): readonly Uint8Array[] | undefined {
  const classes: Uint8Array[] = []
  let at = 0
  while (at < value.length) {
    const length = value[at] ?? 0
    if (length === 0 || at + 1 + length > value.length) return undefined
    classes.push(value.subarray(at + 1, at + 1 + length))
    at += 1 + length
  }
  return classes.length === 0 ? undefined : classes
}
