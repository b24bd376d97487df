import { type Mac, macFromNumber } from './mac.ts'

/**
 * What stands in the place of a MAC for a client that is known by something else: 46 bits of a hash, in a group address,
 * which no network card has as its own (IEEE 802, I/G bit). `attempt` gives another one for the same identity.
 */
export function standInMac(identity: string, attempt = 0): Mac {
  const [a, b] = [fnv1a(`${attempt} ${identity}`), fnv1a(`${identity} ${attempt}`)]
  const [first, rest] = [(((a >>> 26) << 2) | 3) * 2 ** 40, (a % 2 ** 26) * 2 ** 14 + (b >>> 18)]
  return macFromNumber(first + rest) as Mac
}

/** FNV-1a of 32 bits (RFC 9923). */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
