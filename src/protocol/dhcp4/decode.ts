import { Reader } from '../../lib/bytes.ts'
import { ipv4FromU32 } from '../../lib/ipv4.ts'
import { err, ok, type Result } from '../../lib/result.ts'
import { lengthFits, OPTION } from '../iana/options.ts'
import {
  CHADDR,
  type DecodeNote,
  type DhcpMessage,
  FILE,
  HEADER_LENGTH,
  MAGIC_COOKIE,
  SNAME,
} from './message.ts'
import { messageTypeOfCode } from './message-types.ts'
import { joinInstances, type LocatedOption, type OptionArea, readOptionArea } from './option-area.ts'

/** Why bytes are no DHCP or BOOTP message that anybody should answer. */
export interface DecodeError {
  readonly code: 'too-short' | 'bad-op' | 'bad-hlen' | 'bad-hops' | 'bad-message-type' | 'truncated-options'
  /** The offset of the offending octet. */
  readonly at: number
}

/** More hops than any relay may add (RFC 1542 §4.1.1). */
const MAX_HOPS = 16
const OPTIONS_AT = HEADER_LENGTH + 4

const NO_OPTIONS: readonly LocatedOption[] = []

type Header = Omit<DhcpMessage, 'cookie' | 'options' | 'fileOptions' | 'snameOptions' | 'notes'>

interface Areas {
  readonly main: OptionArea
  readonly file: OptionArea | undefined
  readonly sname: OptionArea | undefined
}

/**
 * Decodes the UDP payload of a DHCPv4 or BOOTP message (RFC 2131 §2). Lenient about the options as real servers
 * are: whatever was read before a truncated option stands if the message type is among it, END may be missing, an
 * option of a wrong length is noted and left to its getter to refuse. The message owns a copy of the bytes.
 */
export function decodeDhcp4(input: Uint8Array): Result<DhcpMessage, DecodeError> {
  const bytes = new Uint8Array(input)
  const header = decodeHeader(bytes)
  if (!header.ok) return header
  if (!hasCookie(bytes)) return ok(withoutOptions(header.value))
  const areas = readAreas(bytes)
  const inFields = fieldOptions(areas)
  const located =
    inFields.length === 0
      ? areas.main.options
      : [...areas.main.options, ...inFields.filter(({ code }) => code !== OPTION.overload)]
  const refusal = refuseMessageType(areas, located)
  if (refusal !== undefined) return err(refusal)
  return ok({
    ...header.value,
    cookie: true,
    options: areas.main.options.map(bare),
    fileOptions: areas.file?.options.map(bare),
    snameOptions: areas.sname?.options.map(bare),
    notes: notesOn(areas, located),
  })
}

function decodeHeader(bytes: Uint8Array): Result<Header, DecodeError> {
  if (bytes.length < HEADER_LENGTH) return err({ code: 'too-short', at: bytes.length })
  const r = new Reader(bytes)
  const op = r.u8()
  const header: Header = {
    op: op === 1 ? 'request' : 'reply',
    htype: r.u8(),
    hlen: r.u8(),
    hops: r.u8(),
    xid: r.u32(),
    secs: r.u16(),
    flags: r.u16(),
    ciaddr: ipv4FromU32(r.u32()),
    yiaddr: ipv4FromU32(r.u32()),
    siaddr: ipv4FromU32(r.u32()),
    giaddr: ipv4FromU32(r.u32()),
    chaddr: r.bytes(CHADDR.length),
    sname: r.bytes(SNAME.length),
    file: r.bytes(FILE.length),
  }
  if (op !== 1 && op !== 2) return err({ code: 'bad-op', at: 0 })
  if (header.hlen > CHADDR.length) return err({ code: 'bad-hlen', at: 2 })
  if (header.hops > MAX_HOPS) return err({ code: 'bad-hops', at: 3 })
  return ok(header)
}

function hasCookie(bytes: Uint8Array): boolean {
  const [c0 = 0, c1 = 0, c2 = 0, c3 = 0] = bytes.subarray(HEADER_LENGTH, HEADER_LENGTH + 4)
  return ((c0 << 24) | (c1 << 16) | (c2 << 8) | c3) >>> 0 === MAGIC_COOKIE
}

function withoutOptions(header: Header): DhcpMessage {
  const notes = [{ code: 'no-cookie', at: HEADER_LENGTH }] as const
  return { ...header, cookie: false, options: [], fileOptions: undefined, snameOptions: undefined, notes }
}

/** Option 52 counts in the main area only; 1 is `file`, 2 is `sname`, 3 is both (RFC 2132 §9.3). */
function readAreas(bytes: Uint8Array): Areas {
  const main = readOptionArea(bytes, { from: OPTIONS_AT })
  const overload = overloadOf(main)
  return {
    main,
    file: overload & 1 ? readOptionArea(bytes, { from: FILE.at, to: FILE.at + FILE.length }) : undefined,
    sname: overload & 2 ? readOptionArea(bytes, { from: SNAME.at, to: SNAME.at + SNAME.length }) : undefined,
  }
}

function fieldOptions(areas: Areas): readonly LocatedOption[] {
  if (areas.file === undefined && areas.sname === undefined) return NO_OPTIONS
  return [...(areas.file?.options ?? []), ...(areas.sname?.options ?? [])]
}

/** 0 to 3; 0 when option 52 is absent or wrong. */
function overloadOf(main: OptionArea): number {
  const data = joinInstances(OPTION.overload, main.options)
  const value = data?.length === 1 ? (data[0] ?? 0) : 0
  return value <= 3 ? value : 0
}

/** Option 53, when there, has one octet and a known value; when options are cut off it must have been among the rest. */
function refuseMessageType(areas: Areas, options: readonly LocatedOption[]): DecodeError | undefined {
  const type = joinInstances(OPTION.messageType, options)
  if (type === undefined) {
    if (areas.main.stop !== 'truncated-option') return undefined
    return { code: 'truncated-options', at: areas.main.at }
  }
  if (type.length === 1 && messageTypeOfCode(type[0] ?? 0) !== undefined) return undefined
  const at = options.find((option) => option.code === OPTION.messageType)?.at ?? OPTIONS_AT
  return { code: 'bad-message-type', at }
}

function notesOn(areas: Areas, located: readonly LocatedOption[]): readonly DecodeNote[] {
  const notes = areaNotes(areas)
  notes.push(...overloadNotes(areas), ...lengthNotes(located))
  return notes.length < 2 ? notes : notes.sort((a, b) => a.at - b.at)
}

function areaNotes(areas: Areas): DecodeNote[] {
  const notes: DecodeNote[] = []
  for (const area of [areas.main, areas.file, areas.sname])
    if (area !== undefined && area.stop !== 'end') notes.push({ code: area.stop, at: area.at })
  return notes
}

function overloadNotes(areas: Areas): DecodeNote[] {
  const notes: DecodeNote[] = []
  const claim = areas.main.options.find((option) => option.code === OPTION.overload)
  if (claim !== undefined && overloadOf(areas.main) === 0)
    notes.push({ code: 'bad-overload', at: claim.at, option: OPTION.overload })
  for (const { code, at } of fieldOptions(areas))
    if (code === OPTION.overload) notes.push({ code: 'nested-overload', at, option: code })
  return notes
}

/** One note for each option whose joined length cannot be right (or could only be saved by its first instance). */
function lengthNotes(options: readonly LocatedOption[]): DecodeNote[] {
  const notes: DecodeNote[] = []
  if (options.every(({ code, data }, i) => lengthFits(code, data.length) && !repeats(options, i)))
    return notes
  const seen = new Map<number, { at: number; length: number }>()
  for (const { code, at, data } of options) {
    const earlier = seen.get(code)
    seen.set(code, { at: earlier?.at ?? at, length: (earlier?.length ?? 0) + data.length })
  }
  for (const [code, { at, length }] of seen) {
    if (lengthFits(code, length)) continue
    const saved = joinInstances(code, options)?.length !== length
    if (saved || code !== OPTION.overload)
      notes.push({ code: saved ? 'repeated-option' : 'bad-length', at, option: code })
  }
  return notes
}

function repeats(options: readonly LocatedOption[], index: number): boolean {
  const code = options[index]?.code
  for (let i = 0; i < index; i += 1) if (options[i]?.code === code) return true
  return false
}

function bare(option: LocatedOption): { code: number; data: Uint8Array } {
  return { code: option.code, data: option.data }
}
