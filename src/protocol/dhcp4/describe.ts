import { formatIpv4, ipv4FromBytes } from '../../lib/ipv4.ts'
import { formatTable, printable, toHex } from '../../lib/text.ts'
import { archOfCode } from '../iana/arch.ts'
import { hardwareTypeName } from '../iana/hardware.ts'
import { lengthFits, type OptionKind, optionOfCode } from '../iana/options.ts'
import {
  allOptions,
  type DecodeNote,
  type DhcpMessage,
  type DhcpOption,
  hardwareAddress,
  wantsBroadcast,
} from './message.ts'
import { messageTypeOfCode } from './message-types.ts'
import { parseUserClasses } from './option-77.ts'
import { parseClientUuid } from './option-97.ts'
import { ipxeFeatureName } from './option-175.ts'
import { joinInstances, type OptionArea, readOptionArea, readSubOptions } from './option-area.ts'

/**
 * A message as text for people, one line a field, stable enough for golden files. Values by the client are escaped
 * (`printable`), so no line is forged. Lines end in a line feed.
 */
export function describeDhcp4(message: DhcpMessage): string {
  const options = [
    ...optionRows('option', message.options, message),
    ...optionRows('file', message.fileOptions ?? [], message),
    ...optionRows('sname', message.snameOptions ?? [], message),
    ...joinedRows(message),
  ]
  const tables = [headerRows(message), options, message.notes.map(noteRow)]
  return tables.flatMap((rows) => (rows.length === 0 ? [] : `${formatTable(rows)}\n`)).join('')
}

function headerRows(message: DhcpMessage): string[][] {
  return [
    ['op', message.op],
    ['htype', `${message.htype} ${hardwareTypeName(message.htype) ?? 'unassigned'}`],
    ['hops', `${message.hops}`],
    ['xid', `0x${message.xid.toString(16).padStart(8, '0')}`],
    ['secs', `${message.secs}`],
    [
      'flags',
      `0x${message.flags.toString(16).padStart(4, '0')}${wantsBroadcast(message) ? ' broadcast' : ''}`,
    ],
    ['ciaddr', formatIpv4(message.ciaddr)],
    ['yiaddr', formatIpv4(message.yiaddr)],
    ['siaddr', formatIpv4(message.siaddr)],
    ['giaddr', formatIpv4(message.giaddr)],
    ['chaddr', chaddrText(message)],
    ['sname', fieldText(message.sname, message.snameOptions)],
    ['file', fieldText(message.file, message.fileOptions)],
  ]
}

/** The hardware address; what stands in chaddr after it only when it is not zero. */
function chaddrText(message: DhcpMessage): string {
  const address = toHex(hardwareAddress(message)).replace(/(..)(?=.)/g, '$1:') || '-'
  const rest = message.chaddr.subarray(message.hlen)
  return rest.some((octet) => octet !== 0) ? `${address} then ${toHex(rest)}` : address
}

function fieldText(field: Uint8Array, overloaded: readonly DhcpOption[] | undefined): string {
  if (overloaded !== undefined) return 'holds options'
  const end = field.findLastIndex((octet) => octet !== 0) + 1
  return end === 0 ? '-' : `"${printable(field.subarray(0, end))}"`
}

function optionRows(area: string, options: readonly DhcpOption[], message: DhcpMessage): string[][] {
  return options.map(({ code, data }) => {
    const split = allOptions(message).filter((option) => option.code === code).length > 1
    return [`${area} ${code}`, nameOf(code), split ? `piece ${toHex(data)}` : optionText(code, data)]
  })
}

/** What repeated options mean when joined (RFC 3396). */
function joinedRows(message: DhcpMessage): string[][] {
  const codes = allOptions(message).map(({ code }) => code)
  const repeated = new Set(codes.filter((code, i) => codes.indexOf(code) !== i))
  return [...repeated].map((code) => {
    const data = joinInstances(code, allOptions(message)) ?? new Uint8Array()
    return [`joined ${code}`, nameOf(code), optionText(code, data)]
  })
}

function noteRow({ code, at, option }: DecodeNote): string[] {
  return ['note', option === undefined ? `${code} at ${at}` : `${code} at ${at}, option ${option}`]
}

function nameOf(code: number): string {
  return optionOfCode(code)?.name ?? 'unnamed'
}

function optionText(code: number, data: Uint8Array): string {
  if (data.length === 0) return 'empty'
  if (!lengthFits(code, data.length)) return `malformed ${toHex(data)}`
  return valueText(optionOfCode(code)?.kind ?? 'bytes', data)
}

function valueText(kind: OptionKind, data: Uint8Array): string {
  switch (kind) {
    case 'ipv4':
    case 'ipv4-list':
      return groups(data, 4)
        .map((group) => formatIpv4Bytes(group))
        .join(' ')
    case 'u8':
    case 'u16':
    case 'u32':
      return `${unsigned(data)}`
    case 'i32':
      return `${unsigned(data) | 0}`
    case 'u16-list':
      return groups(data, 2)
        .map((group) => archText(unsigned(group)))
        .join(', ')
    case 'text':
      return `"${printable(data)}"`
    case 'codes':
      return [...data].join(' ')
    case 'message-type':
      return messageTypeOfCode(unsigned(data)) ?? `unassigned ${unsigned(data)}`
    case 'ndi':
      return data[0] === 1 ? `UNDI ${data[1]}.${data[2]}` : toHex(data)
    case 'uuid':
      return parseClientUuid(data) ?? `identifies nobody ${toHex(data)}`
    case 'user-class':
      return parseUserClasses(data)
        .map((userClass) => `"${printable(userClass)}"`)
        .join(' ')
    case 'tlvs':
      return tlvText(data, readOptionArea(data))
    case 'ipxe':
      return tlvText(data, readOptionArea(data), ipxeFeatureName)
    case 'sub-options':
      return tlvText(data, readSubOptions(data))
    case 'client-identifier':
    case 'bytes':
      return toHex(data)
    default:
      return kind satisfies never
  }
}

function archText(code: number): string {
  return `${code} ${archOfCode(code)?.name ?? 'unassigned'}`
}

/** `6=08 10=00505845`; hex alone when the bytes are no encapsulated options. */
function tlvText(
  data: Uint8Array,
  area: OptionArea,
  name: (code: number) => string | undefined = () => undefined,
): string {
  if (area.stop === 'truncated-option' || area.options.length === 0) return toHex(data)
  return area.options.map((option) => `${name(option.code) ?? option.code}=${toHex(option.data)}`).join(' ')
}

function formatIpv4Bytes(bytes: Uint8Array): string {
  const address = ipv4FromBytes(bytes)
  return address === undefined ? toHex(bytes) : formatIpv4(address)
}

function unsigned(data: Uint8Array): number {
  return data.reduce((value, octet) => value * 256 + octet, 0)
}

function groups(data: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: data.length / size }, (_, i) => data.subarray(i * size, (i + 1) * size))
}
