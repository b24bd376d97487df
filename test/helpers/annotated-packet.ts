import assert from 'node:assert/strict'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import { describeDhcp4 } from '../../src/protocol/dhcp4/describe.ts'
import { OPTION, optionOfCode } from '../../src/protocol/iana/options.ts'
import { decodeTftp, TFTP_OPCODE } from '../../src/protocol/tftp/packet.ts'

/** A part of a datagram as the documents point at it. */
export interface Field {
  /** Its offset in the UDP payload. */
  readonly at: number
  readonly bytes: Uint8Array
  /** What the program reads there: `option 53 dhcp-message-type: DISCOVER (RFC 2132 §9.6)`. */
  readonly note: string
}

const UDP_PAYLOAD = 14 + 20 + 8
const PORT = { dhcpServer: 67, dhcpClient: 68 } as const
const BOOT_REPLY_OPTIONS = 240

/** The fields of an Ethernet frame that carries DHCP or TFTP over IPv4 without options, in their order. */
export function fieldsOf(frame: Uint8Array): readonly Field[] {
  const destinationPort = (frame[36] ?? 0) * 256 + (frame[37] ?? 0)
  const isDhcp = destinationPort === PORT.dhcpServer || destinationPort === PORT.dhcpClient
  const payload = frame.subarray(UDP_PAYLOAD)
  return isDhcp ? dhcpFields(payload) : tftpFields(payload)
}

/** RFC 2131 §2, Figure 1: offset and length of what `describeDhcp4` names; of chaddr the hardware address. */
const HEADER: Readonly<Record<string, readonly [number, number]>> = {
  op: [0, 1],
  htype: [1, 1],
  hops: [3, 1],
  xid: [4, 4],
  secs: [8, 2],
  flags: [10, 2],
  ciaddr: [12, 4],
  yiaddr: [16, 4],
  siaddr: [20, 4],
  giaddr: [24, 4],
  chaddr: [28, 6],
  sname: [44, 64],
  file: [108, 128],
}

function dhcpFields(payload: Uint8Array): readonly Field[] {
  const message = decodeDhcp4(payload)
  assert.ok(message.ok)
  const rows = describeDhcp4(message.value)
    .split('\n')
    .filter((line) => line !== '')
  const header = rows.flatMap((line): Field[] => {
    const [, name = '', value = ''] = /^(\w+) +(.*)$/.exec(line) ?? []
    const place = HEADER[name]
    if (place === undefined) return []
    const [at, length] = place
    return [{ at, bytes: payload.subarray(at, at + length), note: `${name}: ${value}` }]
  })
  const cookie = {
    at: 236,
    bytes: payload.subarray(236, BOOT_REPLY_OPTIONS),
    note: 'magic cookie (RFC 2131 §3)',
  }
  return [...header, cookie, ...optionFields(payload, rows)]
}

function optionFields(payload: Uint8Array, rows: readonly string[]): readonly Field[] {
  const fields: Field[] = []
  let at = BOOT_REPLY_OPTIONS
  for (const row of rows.filter((line) => line.startsWith('option '))) {
    const [, code = '', name = '', value = ''] = /^option (\d+) +(\S+) +(.*)$/.exec(row) ?? []
    assert.equal(payload[at], Number(code))
    const end = at + 2 + (payload[at + 1] ?? 0)
    const cite = optionOfCode(Number(code))?.cite
    fields.push({ at, bytes: payload.subarray(at, end), note: `option ${code} ${name}: ${value} (${cite})` })
    at = end
  }
  assert.equal(payload[at], OPTION.end)
  return [...fields, { at, bytes: payload.subarray(at, at + 1), note: 'option 255 end (RFC 2132 §3.2)' }]
}

const TFTP_OPTION_CITE: Readonly<Record<string, string>> = {
  blksize: 'RFC 2348',
  tsize: 'RFC 2349',
  timeout: 'RFC 2349',
  windowsize: 'RFC 7440',
}

function tftpFields(payload: Uint8Array): readonly Field[] {
  const packet = decodeTftp(payload)
  assert.ok(packet.ok)
  const { value } = packet
  const cite = value.kind === 'oack' ? 'RFC 2347' : 'RFC 1350 §5'
  const opcode = `opcode: ${TFTP_OPCODE[value.kind]} ${value.kind.toUpperCase()} (${cite})`
  switch (value.kind) {
    case 'rrq':
    case 'wrq': {
      const options = value.options.map(optionText)
      return cut(
        payload,
        [2, opcode],
        [`file name: "${value.nameText}"`, `mode: "${value.mode}"`, ...options],
      )
    }
    case 'oack':
      return cut(payload, [2, opcode], value.options.map(optionText))
    case 'error':
      return cut(payload, [2, opcode], [2, `error code: ${value.code}`], [`message: "${value.message}"`])
    case 'ack':
      return cut(payload, [2, opcode], [2, `block: ${value.block}`])
    case 'data':
      return cut(payload, [2, opcode], [2, `block: ${value.block}`], [value.data.length, 'data'])
    default:
      return value satisfies never
  }
}

function optionText({ name, value }: { readonly name: string; readonly value: string }): string {
  return `option ${name}: ${value} (${TFTP_OPTION_CITE[name] ?? 'RFC 2347'})`
}

/** A length with a note, or the notes of texts that end in NUL; an option is two of them. */
type Part = readonly [number, string] | readonly string[]

function cut(payload: Uint8Array, ...parts: readonly Part[]): readonly Field[] {
  const fields: Field[] = []
  let at = 0
  const add = (end: number, note: string): void => {
    fields.push({ at, bytes: payload.subarray(at, end), note })
    at = end
  }
  for (const part of parts) {
    const [first, second] = part
    if (typeof first === 'number' && typeof second === 'string') add(at + first, second)
    else
      for (const note of part.map(String)) {
        const name = payload.indexOf(0, at) + 1
        add(note.startsWith('option ') ? payload.indexOf(0, name) + 1 : name, note)
      }
  }
  return fields
}
