import { OPTION } from '../iana/options.ts'
import type { DhcpMessage } from './message.ts'
import { optionBytes } from './options.ts'

/** The enterprise numbers of option 125, each with its own data behind a length (RFC 3925 §4); none when malformed. */
export function enterprisesOf(message: DhcpMessage): readonly number[] {
  const data = optionBytes(message, OPTION.vendorIdentifyingVendorInformation)
  const numbers: number[] = []
  if (data === undefined) return numbers
  let at = 0
  while (at < data.length) {
    const [n3 = 0, n2 = 0, n1 = 0, n0 = 0, length] = data.subarray(at, at + 5)
    if (length === undefined || at + 5 + length > data.length) return []
    numbers.push(((n3 * 256 + n2) * 256 + n1) * 256 + n0)
    at += 5 + length
  }
  return numbers
}
