import { Writer } from '../../lib/bytes.ts'
import { type Ipv4, ipv4ToBytes } from '../../lib/ipv4.ts'
import { type DhcpOption, FILE } from './message.ts'
import { codeOfMessageType, type MessageType } from './message-types.ts'

const encoder = new TextEncoder()

/** The value of an option 53. */
export function messageTypeValue(type: MessageType): Uint8Array {
  return Uint8Array.of(codeOfMessageType(type))
}

/** Four octets, big-endian: seconds of options 51, 58 and 59. Throws a RangeError for what does not fit. */
export function u32Value(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff)
    throw new RangeError(`${value} does not fit 4 octets`)
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
}

/** Two octets, big-endian: octets of option 26 (MTU). Throws a RangeError for what does not fit. */
export function u16Value(value: number): Uint8Array {
  return written((w) => w.u16(value))
}

/**
 * Domain names in the form of RFC 1035 §3.1, as option 119 wants them (RFC 3397 §2), without compression. Throws a
 * RangeError for a label of more than 63 octets.
 */
export function domainListValue(names: readonly string[]): Uint8Array {
  return written((w) => {
    for (const name of names) {
      for (const label of name.split('.')) {
        const octets = new TextEncoder().encode(label)
        if (octets.length === 0 || octets.length > 63) throw new RangeError(`not a domain name: ${name}`)
        w.u8(octets.length)
        w.bytes(octets)
      }
      w.u8(0)
    }
  })
}

/** One address in four octets: options 1, 3, 28, 54 and others with exactly one. */
export function ipv4Value(address: Ipv4): Uint8Array {
  return ipv4ToBytes(address)
}

/** At least one address: options of zero length make EDK2 drop the whole message. */
export function ipv4ListValue(addresses: readonly Ipv4[]): Uint8Array {
  if (addresses.length === 0) throw new RangeError('an address list needs an address')
  const value = new Uint8Array(addresses.length * 4)
  addresses.forEach((address, i) => {
    value.set(ipv4ToBytes(address), i * 4)
  })
  return value
}

/** Text without a terminator, as RFC 2132 §2 wants it from senders. UTF-8 beyond ASCII. */
export function textValue(text: string): Uint8Array {
  if (text === '') throw new RangeError('an option needs at least one octet')
  return encoder.encode(text)
}

/**
 * Text with one NUL inside the length: option 67 for PXE and HTTP boot firmware. EDK2 otherwise writes its NUL over
 * the code of the next option, and some ROMs read on past the end of the name.
 */
export function textWithNulValue(text: string): Uint8Array {
  return Uint8Array.from([...textValue(text), 0])
}

/** The header field `file` (128) or `sname` (64): text, NUL, zeros. Throws when there is no room for the NUL. */
export function fieldValue(text: string, length: number = FILE.length): Uint8Array {
  const octets = encoder.encode(text)
  if (octets.length >= length) throw new RangeError(`${octets.length} octets and a NUL do not fit ${length}`)
  const field = new Uint8Array(length)
  field.set(octets)
  return field
}

/** The value of an option that holds options, without END: 175, or 43 before its END. */
export function encapsulated(options: readonly DhcpOption[]): Uint8Array {
  return written((w) => {
    for (const { code, data } of options) {
      w.u8(code)
      w.u8(data.length)
      w.bytes(data)
    }
  })
}

function written(write: (w: Writer) => void): Uint8Array {
  const w = new Writer()
  write(w)
  return w.finish()
}
