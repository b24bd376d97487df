import { Writer } from '../../lib/bytes.ts'
import { OPTION } from '../iana/options.ts'
import {
  CHADDR,
  type DhcpMessage,
  type DhcpOption,
  FILE,
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
export function encodeDhcp4(
  message: DhcpMessage,
  { minLength = MIN_MESSAGE_LENGTH }: EncodeOptions = {},
): Uint8Array {
  if (!message.cookie && message.options.length > 0) throw new RangeError('options need the magic cookie')
  const w = new Writer()
  writeHeader(w, message)
  if (message.cookie) {
    w.u32(MAGIC_COOKIE)
    for (const option of message.options) writeOption(w, option)
    w.u8(OPTION.end)
  }
  w.padTo(minLength)
  return w.finish()
}

function writeHeader(w: Writer, message: DhcpMessage): void {
  if (message.hlen > CHADDR.length) throw new RangeError(`hlen ${message.hlen} exceeds chaddr`)
  w.u8(message.op === 'request' ? 1 : 2)
  w.u8(message.htype)
  w.u8(message.hlen)
  w.u8(message.hops)
  w.u32(message.xid)
  w.u16(message.secs)
  w.u16(message.flags)
  for (const address of [message.ciaddr, message.yiaddr, message.siaddr, message.giaddr]) w.u32(address)
  writeField(w, message.chaddr, CHADDR.length)
  writeField(w, message.sname, SNAME.length)
  writeField(w, message.file, FILE.length)
}

function writeField(w: Writer, field: Uint8Array, length: number): void {
  if (field.length !== length) throw new RangeError(`a field of ${length} octets was given ${field.length}`)
  w.bytes(field)
}

function writeOption(w: Writer, { code, data }: DhcpOption): void {
  if (code === OPTION.pad || code === OPTION.end) throw new RangeError(`${code} is no option`)
  if (data.length > 255) throw new RangeError(`option ${code} has ${data.length} octets, more than 255`)
  w.u8(code)
  w.u8(data.length)
  w.bytes(data)
}
