/** Octets `first` to `last`, both included. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/**
 * A `Range` header against a file of `size` octets (RFC 9110 §14.1.2, §14.2). `whole`: no range, one we do not
 * understand, or several, which a server may ignore. `unsatisfiable` calls for 416.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'whole' | 'unsatisfiable' {
  const match = /^bytes=([0-9]{0,15})-([0-9]{0,15})$/.exec(header?.trim() ?? '')
  if (match === null) return 'whole'
  const [, from = '', to = ''] = match
  if (from === '' && to === '') return 'whole'
  if (from === '') {
    const suffix = Math.min(Number(to), size)
    return suffix === 0 ? 'unsatisfiable' : { first: size - suffix, last: size - 1 }
  }
  const first = Number(from)
  const last = to === '' ? size - 1 : Math.min(Number(to), size - 1)
  if (to !== '' && Number(to) < first) return 'whole'
  return first >= size ? 'unsatisfiable' : { first, last }
}

/**
 * Whether an `If-Match` or `If-None-Match` header names this entity tag. The former compares strongly: a weak tag never
 * matches (RFC 9110 §13.1.1, §13.1.2).
 */
export function matchesEtag(
  header: string | undefined,
  etag: string,
  comparison: 'weak' | 'strong' = 'weak',
): boolean {
  if (header === undefined) return false
  const strip = comparison === 'weak' ? /^W\// : /^$/
  return header.split(',').some((part) => part.trim() === '*' || part.trim().replace(strip, '') === etag)
}
