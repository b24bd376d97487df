import { OPTION } from '../iana/options.ts'
import {
  CHADDR,
  type DhcpMessage,
  FILE,
  HEADER_LENGTH,
  MAGIC_COOKIE,
  MIN_MESSAGE_LENGTH,
  SNAME,
} from './message.ts'

export interface EncodeOptions {
  /** Zeros follow END up to this many octets; 300 unless told (RFC 1542 §2.1). */
  readonly minLength?: number
}

/**
 * Encodes a message: header, cookie, the options in the order given, END, zeros. Overloaded fields are written as
 * the bytes of `file` and `sname`; `fileOptions`, `snameOptions` and `notes` are a decoder's view and are not read.
 * No PAD stands between options, which early Raspberry Pi EEPROMs mishandle. Throws RangeError for a message that
 * cannot be written: an option of more than 255 octets, a code that is PAD or END, a field of a wrong size.
 */
export function encodeDhcp4(message: DhcpMessage, encodeOptions: EncodeOptions = {}): Uint8Array {
  if (!message.cookie && message.options.length > 0) throw new RangeError('options need the magic cookie')
  const bytes = new Uint8Array(encodedLength(message, encodeOptions))
  writeHeader(bytes, message)
  if (!message.cookie) return bytes
  writeU32(bytes, HEADER_LENGTH, MAGIC_COOKIE)
  let at = HEADER_LENGTH + COOKIE_LENGTH
  for (const { code, data } of message.options) {
    if (code === OPTION.pad || code === OPTION.end) throw new RangeError(`${code} is no option`)
    if (data.length > 255) throw new RangeError(`option ${code} has ${data.length} octets, more than 255`)
    bytes[at] = octet(code)
    bytes[at + 1] = data.length
    // Most have one to six octets, for which `set` costs more than the octets.
    for (let i = 0; i < data.length; i += 1) bytes[at + 2 + i] = data[i] ?? 0
    at += 2 + data.length
  }
  bytes[at] = OPTION.end
  return bytes
}

/** How many octets {@link encodeDhcp4} makes of a message. */
export function encodedLength(
  { cookie, options }: DhcpMessage,
  { minLength = MIN_MESSAGE_LENGTH }: EncodeOptions = {},
): number {
  let length = HEADER_LENGTH
  if (cookie) length += COOKIE_LENGTH + 1
  for (const { data } of options) length += 2 + data.length
  return Math.max(length, minLength)
}

const COOKIE_LENGTH = 4

function writeHeader(bytes: Uint8Array, message: DhcpMessage): void {
  if (message.hlen > CHADDR.length) throw new RangeError(`hlen ${message.hlen} exceeds chaddr`)
  bytes[0] = message.op === 'request' ? 1 : 2
  bytes[1] = octet(message.htype)
  bytes[2] = octet(message.hlen)
  bytes[3] = octet(message.hops)
  writeU32(bytes, 4, message.xid)
  bytes[8] = octet(Math.floor(message.secs / 256))
  bytes[9] = octet(message.secs % 256)
  bytes[10] = octet(Math.floor(message.flags / 256))
  bytes[11] = octet(message.flags % 256)
  writeU32(bytes, 12, message.ciaddr)
  writeU32(bytes, 16, message.yiaddr)
  writeU32(bytes, 20, message.siaddr)
  writeU32(bytes, 24, message.giaddr)
  writeField(bytes, message.chaddr, CHADDR)
  writeField(bytes, message.sname, SNAME)
  writeField(bytes, message.file, FILE)
}

function octet(value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 255)
    throw new RangeError(`${value} does not fit an octet`)
  return value
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff)
    throw new RangeError(`${value} does not fit 4 octets`)
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

function writeField(
  bytes: Uint8Array,
  field: Uint8Array,
  { at, length }: typeof CHADDR | typeof SNAME | typeof FILE,
): void {
  if (field.length !== length) throw new RangeError(`a field of ${length} octets was given ${field.length}`)
  bytes.set(field, at)
}
