import { Writer } from '../../lib/bytes.ts'
import { err, ok, type Result } from '../../lib/result.ts'

/** RFC 1350 §5; 6 is RFC 2347. */
export const TFTP_OPCODE = { rrq: 1, wrq: 2, data: 3, ack: 4, error: 5, oack: 6 } as const

/** Octets of a DATA packet before its data. */
export const DATA_HEADER = 4

/** RFC 1350, appendix; 8 is RFC 2347. */
export const TFTP_ERROR = {
  undefined: 0,
  fileNotFound: 1,
  accessViolation: 2,
  diskFull: 3,
  illegalOperation: 4,
  unknownTransferId: 5,
  fileExists: 6,
  noSuchUser: 7,
  optionNegotiation: 8,
} as const

/** RFC 2347: the largest request, in octets. */
const MAX_REQUEST_LENGTH = 512
/** The longest file name that is looked at, in octets. */
const MAX_NAME_LENGTH = 500

/** The name is in lower case; the value is what was sent, one character an octet. */
export interface TftpOption {
  readonly name: string
  readonly value: string
}

/** A read (RRQ) or write (WRQ) request. */
export interface TftpRequestPacket {
  readonly kind: 'rrq' | 'wrq'
  /** The octets of the file name, without the NUL. */
  readonly nameBytes: Uint8Array
  /** The same, one character an octet (ISO 8859-1). Not safe to print. */
  readonly nameText: string
  /** In lower case: `octet`, `netascii`, `mail`, or whatever was sent. */
  readonly mode: string
  /** In the order of the packet, duplicates included. */
  readonly options: readonly TftpOption[]
}

export interface TftpErrorPacket {
  readonly kind: 'error'
  readonly code: number
  /** One character an octet; not safe to print. */
  readonly message: string
}

export type TftpPacket =
  | TftpRequestPacket
  | { readonly kind: 'data'; readonly block: number; readonly data: Uint8Array }
  | { readonly kind: 'ack'; readonly block: number }
  | TftpErrorPacket
  | { readonly kind: 'oack'; readonly options: readonly TftpOption[] }

export interface TftpDecodeError {
  readonly code:
    | 'truncated'
    | 'unknown-opcode'
    | 'too-long'
    | 'unterminated'
    | 'empty-name'
    | 'name-too-long'
    | 'no-mode'
    | 'option-without-value'
    | 'empty-option'
  /** The offset of the octet that is wrong or missing. */
  readonly at: number
}

/**
 * Reads one datagram (RFC 1350 §5, RFC 2347). Data and names are views of `bytes`. Octets after an ACK's block
 * number are ignored, and an ERROR may lack its final NUL: firmware sends both.
 */
export function decodeTftp(bytes: Uint8Array): Result<TftpPacket, TftpDecodeError> {
  if (bytes.length < 2) return fail('truncated', bytes.length)
  const opcode = u16(bytes, 0)
  switch (opcode) {
    case TFTP_OPCODE.rrq:
      return decodeRequest('rrq', bytes)
    case TFTP_OPCODE.wrq:
      return decodeRequest('wrq', bytes)
    case TFTP_OPCODE.oack:
      return decodeOack(bytes)
    case TFTP_OPCODE.data:
      if (bytes.length < 4) return fail('truncated', bytes.length)
      return ok({ kind: 'data', block: u16(bytes, 2), data: bytes.subarray(4) })
    case TFTP_OPCODE.ack:
      if (bytes.length < 4) return fail('truncated', bytes.length)
      return ok({ kind: 'ack', block: u16(bytes, 2) })
    case TFTP_OPCODE.error:
      if (bytes.length < 4) return fail('truncated', bytes.length)
      return ok({
        kind: 'error',
        code: u16(bytes, 2),
        message: latin1(bytes, 4, nulAt(bytes, 4) ?? bytes.length),
      })
    default:
      return fail('unknown-opcode', 0)
  }
}

/**
 * Writes one datagram; option names go out in lower case, because GRUB compares them so.
 * @throws RangeError when a text holds a NUL or a character above U+00FF, a name is empty, or a number does not
 *   fit in 16 bits.
 */
export function encodeTftp(packet: TftpPacket): Uint8Array {
  if (packet.kind === 'data') return encodeData(packet.block, packet.data, 0, packet.data.length)
  const out = new Writer()
  out.u16(TFTP_OPCODE[packet.kind])
  switch (packet.kind) {
    case 'rrq':
    case 'wrq':
      if (packet.nameBytes.length === 0 || packet.nameBytes.includes(0))
        throw new RangeError('a TFTP file name is not empty and has no NUL')
      out.bytes(packet.nameBytes)
      out.u8(0)
      writeText(out, nonEmpty(packet.mode))
      writeOptions(out, packet.options)
      break
    case 'ack':
      out.u16(fitting(packet.block))
      break
    case 'error':
      out.u16(fitting(packet.code))
      writeText(out, packet.message)
      break
    case 'oack':
      writeOptions(out, packet.options)
      break
    default: {
      const impossible: never = packet
      throw new RangeError(`not a TFTP packet: ${String(impossible)}`)
    }
  }
  return out.finish()
}

/**
 * A DATA datagram with the octets `start` to `end` of `content`: the one allocation that a block costs.
 * @throws RangeError when `block` does not fit in 16 bits.
 */
export function encodeData(block: number, content: Uint8Array, start: number, end: number): Uint8Array {
  const out = new Uint8Array(DATA_HEADER + end - start)
  writeData({ out, at: 0 }, fitting(block), content.subarray(start, end))
  return out
}

/** The octets of a file, in memory or read piece by piece. */
export interface Octets {
  readonly length: number
  subarray(start: number, end: number): Uint8Array
  /** Whether `subarray` has these now; absent: always. What is asked for in vain is fetched. */
  readonly has?: (start: number, end: number) => boolean
}

/** Blocks of a file, from 1 on; neither wraps. */
export interface Blocks {
  readonly first: number
  readonly last: number
}

/**
 * DATA packets one behind the other, as UDP_SEGMENT cuts them (udp(7)): blocks `first` to `last` of a file, where the block
 * after 65535 is 0. Each has `blksize` octets of the file, but the last one of a file. Written into `memory` where that has room.
 */
export function encodeBlocks(
  content: Octets,
  blksize: number,
  { first, last }: Blocks,
  memory?: Uint8Array,
): Uint8Array {
  const end = Math.min(last * blksize, content.length)
  const length = (last - first + 1) * DATA_HEADER + end - (first - 1) * blksize
  const out =
    memory !== undefined && memory.length >= length ? memory.subarray(0, length) : Buffer.allocUnsafe(length)
  for (let block = first, at = 0; block <= last; block += 1) {
    const start = (block - 1) * blksize
    const data = content.subarray(start, Math.min(start + blksize, content.length))
    writeData({ out, at }, block & 0xffff, data)
    at += DATA_HEADER + data.length
  }
  return out
}

function writeData(
  { out, at }: { readonly out: Uint8Array; readonly at: number },
  block: number,
  data: Uint8Array,
): void {
  out[at] = 0
  out[at + 1] = TFTP_OPCODE.data
  out[at + 2] = block >>> 8
  out[at + 3] = block & 255
  out.set(data, at + DATA_HEADER)
}

function decodeRequest(kind: 'rrq' | 'wrq', bytes: Uint8Array): Result<TftpPacket, TftpDecodeError> {
  if (bytes.length > MAX_REQUEST_LENGTH) return fail('too-long', MAX_REQUEST_LENGTH)
  const nameEnd = nulAt(bytes, 2)
  if (nameEnd === undefined) return fail('unterminated', bytes.length)
  if (nameEnd === 2) return fail('empty-name', 2)
  if (nameEnd - 2 > MAX_NAME_LENGTH) return fail('name-too-long', 2 + MAX_NAME_LENGTH)
  const modeAt = nameEnd + 1
  const modeEnd = nulAt(bytes, modeAt)
  if (modeAt === bytes.length || modeEnd === modeAt) return fail('no-mode', modeAt)
  if (modeEnd === undefined) return fail('unterminated', bytes.length)
  const options = decodeOptions(bytes, modeEnd + 1)
  if (!options.ok) return options
  return ok({
    kind,
    nameBytes: bytes.subarray(2, nameEnd),
    nameText: latin1(bytes, 2, nameEnd),
    mode: latin1(bytes, modeAt, modeEnd).toLowerCase(),
    options: options.value,
  })
}

function decodeOack(bytes: Uint8Array): Result<TftpPacket, TftpDecodeError> {
  const options = decodeOptions(bytes, 2)
  return options.ok ? ok({ kind: 'oack', options: options.value }) : options
}

/** RFC 2347: pairs of name and value, each ended by a NUL; names compare without case. */
function decodeOptions(bytes: Uint8Array, from: number): Result<readonly TftpOption[], TftpDecodeError> {
  const options: TftpOption[] = []
  let at = from
  while (at < bytes.length) {
    const nameEnd = nulAt(bytes, at)
    if (nameEnd === undefined) return fail('unterminated', bytes.length)
    if (nameEnd === at) return fail('empty-option', at)
    const valueAt = nameEnd + 1
    if (valueAt === bytes.length) return fail('option-without-value', valueAt)
    const valueEnd = nulAt(bytes, valueAt)
    if (valueEnd === undefined) return fail('unterminated', bytes.length)
    options.push({ name: latin1(bytes, at, nameEnd).toLowerCase(), value: latin1(bytes, valueAt, valueEnd) })
    at = valueEnd + 1
  }
  return ok(options)
}

function writeOptions(out: Writer, options: readonly TftpOption[]): void {
  for (const option of options) {
    writeText(out, nonEmpty(option.name).toLowerCase())
    writeText(out, option.value)
  }
}

function writeText(out: Writer, text: string): void {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === 0 || unit > 255) throw new RangeError(`a TFTP text cannot hold U+${unit.toString(16)}`)
    out.u8(unit)
  }
  out.u8(0)
}

function nonEmpty(text: string): string {
  if (text === '') throw new RangeError('an empty mode or option name in a TFTP packet')
  return text
}

function fitting(value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff) throw new RangeError(`${value} is not 16 bits`)
  return value
}

function fail(
  code: TftpDecodeError['code'],
  at: number,
): { readonly ok: false; readonly error: TftpDecodeError } {
  return err({ code, at })
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

function nulAt(bytes: Uint8Array, from: number): number | undefined {
  const at = bytes.indexOf(0, from)
  return at < 0 ? undefined : at
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] ?? 0)
  return text
}
