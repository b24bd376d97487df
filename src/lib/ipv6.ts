/** The 16 octets of an IPv6 address as text, `fe80::1` (RFC 5952 §4: lower case, the longest run of zeros as `::`). */
export function formatIpv6(octets: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((octets[2 * i] ?? 0) << 8) | (octets[2 * i + 1] ?? 0))
  const text = groups.map((group) => group.toString(16)).join(':')
  const runs = text.match(/(?<![^:])0(?::0)+(?![^:])/g) ?? []
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '')
  if (longest === '') return text
  return text.replace(new RegExp(`(^|:)${longest}(:|$)`), '::')
}
