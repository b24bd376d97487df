import { toHex } from '../../lib/text.ts'

/**
 * The client machine identifier as canonical text: type 0, then 16 octets of which PC firmware and iPXE send the
 * first three fields little-endian, as SMBIOS holds them (RFC 4578 §2.3; SMBIOS 3.x §7.2.1). Undefined for another
 * length or type, for all zeros and all ones.
 */
export function parseClientUuid(value: Uint8Array): string | undefined {
  const octets = identifierOctets(value)
  if (octets === undefined) return undefined
  const swapped = [
    ...octets.slice(0, 4).toReversed(),
    ...octets.slice(4, 6).toReversed(),
    ...octets.slice(6, 8).toReversed(),
  ]
  return formatUuid([...swapped, ...octets.slice(8)])
}

function identifierOctets(value: Uint8Array): readonly number[] | undefined {
  const octets = Array.from(value.subarray(1))
  if (value.length !== 17 || value[0] !== 0) return undefined
  return octets.every((octet) => octet === 0) || octets.every((octet) => octet === 0xff) ? undefined : octets
}

function formatUuid(octets: readonly number[]): string {
  return toHex(Uint8Array.from(octets)).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
