import { fixedLengthOf, OPTION } from '../iana/options.ts'
import type { DhcpOption } from './message.ts'

/** An option and the offset of its code. */
export interface LocatedOption extends DhcpOption {
  readonly at: number
}

export interface OptionArea {
  readonly options: readonly LocatedOption[]
  /** How the area stopped: at END, at its last octet, or inside an option that claims more octets than there are. */
  readonly stop: 'end' | 'missing-end' | 'truncated-option'
  /** Where it stopped: the offset of END, of the first octet after the area, or of the truncated option. */
  readonly at: number
}

export interface AreaLimits {
  /** The offset of the first octet; 0 by default. */
  readonly from?: number
  /** The offset after the last octet. */
  readonly to?: number
}

/** Reads code, length, data; PAD is skipped and END stops (RFC 2132 §2). Used for messages and for 43 and 175 alike. */
export function readOptionArea(bytes: Uint8Array, limits: AreaLimits = {}): OptionArea {
  const to = limits.to ?? bytes.length
  const options: LocatedOption[] = []
  let at = limits.from ?? 0
  while (at < to) {
    const code = bytes[at]
    if (code === OPTION.end) return { options, stop: 'end', at }
    if (code === OPTION.pad) {
      at += 1
      continue
    }
    const option = optionAt(bytes, at, to)
    if (option === undefined) return { options, stop: 'truncated-option', at }
    options.push(option)
    at += 2 + option.data.length
  }
  return { options, stop: 'missing-end', at: to }
}

/** Reads the sub-options of option 82, where neither PAD nor END exists (RFC 3046 §2.0). */
export function readSubOptions(bytes: Uint8Array): OptionArea {
  const options: LocatedOption[] = []
  let at = 0
  while (at < bytes.length) {
    const option = optionAt(bytes, at, bytes.length)
    if (option === undefined) return { options, stop: 'truncated-option', at }
    options.push(option)
    at += 2 + option.data.length
  }
  return { options, stop: 'end', at }
}

/**
 * The value of an option that may be split over several instances (RFC 3396 §7); undefined when there are none.
 * A fixed-length option is not split: when the joined length is wrong and the first instance is right, that one holds.
 */
export function joinInstances(code: number, options: readonly DhcpOption[]): Uint8Array | undefined {
  // Every getter comes here, forty times a message: no closures before an option is known to be split.
  let first: DhcpOption | undefined
  let count = 0
  for (const option of options)
    if (option.code === code) {
      first ??= option
      count += 1
    }
  if (first === undefined || count === 1) return first?.data
  const instances = options.filter((option) => option.code === code)
  const joined = concat(instances.map((option) => option.data))
  const fixed = fixedLengthOf(code)
  return fixed !== undefined && joined.length !== fixed && first.data.length === fixed ? first.data : joined
}

function optionAt(bytes: Uint8Array, at: number, to: number): LocatedOption | undefined {
  const code = bytes[at]
  const length = bytes[at + 1]
  if (code === undefined || length === undefined || at + 2 + length > to) return undefined
  return { code, data: bytes.subarray(at + 2, at + 2 + length), at }
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    joined.set(piece, at)
    at += piece.length
  }
  return joined
}
