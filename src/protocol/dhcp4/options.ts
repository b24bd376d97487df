import { type Ipv4, ipv4FromBytes } from '../../lib/ipv4.ts'
import { lengthFits, OPTION } from '../iana/options.ts'
import { allOptions, type DhcpMessage, type DhcpOption, isBootp } from './message.ts'
import { type MessageType, messageTypeOfCode } from './message-types.ts'
import { parseUserClasses } from './option-77.ts'
import { parseRelayAgentInfo, type RelayAgentInfo } from './option-82.ts'
import { parseClientUuid } from './option-97.ts'
import { type IpxeFeatures, parseIpxeFeatures } from './option-175.ts'
import { joinInstances, readOptionArea } from './option-area.ts'

/** What a client that sends no option 57 can take: the least size of a DHCP message (RFC 2132 §9.10). */
const DEFAULT_MAX_MESSAGE_SIZE = 576
/** Octets of the IPv4 and UDP headers, which option 57 counts and the UDP payload does not. */
const IP_UDP_HEADERS = 28
/** The largest datagram we send; EDK2 says 65280 in option 57 and means a frame of 1500. */
const ETHERNET_MTU = 1500

/**
 * The bytes of an option, joined from all its instances in main area, `file` and `sname` (RFC 3396); undefined when
 * absent. A fixed-length option that is repeated counts once.
 */
export function optionBytes(message: DhcpMessage, code: number): Uint8Array | undefined {
  return joinInstances(code, allOptions(message))
}

/** The address in an option of four octets; undefined when absent or of another length. */
export function optionIpv4(message: DhcpMessage, code: number): Ipv4 | undefined {
  const data = optionBytes(message, code)
  return data === undefined ? undefined : ipv4FromBytes(data)
}

/** The unsigned number in an option of one, two or four octets; undefined when absent or of another length. */
function optionUnsigned(message: DhcpMessage, code: number, octets: 1 | 2 | 4): number | undefined {
  const data = optionBytes(message, code)
  if (data?.length !== octets) return undefined
  let value = 0
  for (const octet of data) value = value * 256 + octet
  return value
}

/**
 * The text of an option, one character an octet (Latin-1: no octet is lost or refused), trailing NULs removed
 * (RFC 2132 §2); undefined when absent or of zero length. It is the client's word: show it through `printable` only.
 */
export function optionText(message: DhcpMessage, code: number): string | undefined {
  const data = optionBytes(message, code)
  return data === undefined || data.length === 0 ? undefined : octetText(data)
}

/** Option 53; undefined for BOOTP (RFC 2132 §9.6). */
export function messageType(message: DhcpMessage): MessageType | undefined {
  return messageTypeOfCode(optionUnsigned(message, OPTION.messageType, 1) ?? 0)
}

/** Option 50 (RFC 2132 §9.1). */
export function requestedAddress(message: DhcpMessage): Ipv4 | undefined {
  return optionIpv4(message, OPTION.requestedAddress)
}

/** Option 51 in seconds; 0xffffffff is for ever (RFC 2132 §9.2). */
export function leaseTime(message: DhcpMessage): number | undefined {
  return optionUnsigned(message, OPTION.leaseTime, 4)
}

/** Option 54 (RFC 2132 §9.7). */
export function serverIdentifier(message: DhcpMessage): Ipv4 | undefined {
  return optionIpv4(message, OPTION.serverIdentifier)
}

/** Option 61, opaque: type octet and identifier. One octet alone is accepted, none is not (RFC 2132 §9.14). */
export function clientIdentifier(message: DhcpMessage): Uint8Array | undefined {
  return wellFormed(message, OPTION.clientIdentifier)
}

/** Option 55: the codes the client asks for, in its order; empty when absent (RFC 2132 §9.8). */
export function parameterRequestList(message: DhcpMessage): readonly number[] {
  const data = optionBytes(message, OPTION.parameterRequestList)
  const codes: number[] = []
  // A loop: as a copy by Array.from, this was a twentieth of the work for a message.
  for (let at = 0; at < (data?.length ?? 0); at += 1) codes.push(data?.[at] ?? 0)
  return codes
}

/** Option 57 in octets with IP and UDP headers; 576 when absent, malformed or less than that (RFC 2132 §9.10). */
export function maxMessageSize(message: DhcpMessage): number {
  return Math.max(optionUnsigned(message, OPTION.maxMessageSize, 2) ?? 0, DEFAULT_MAX_MESSAGE_SIZE)
}

/** How many octets of UDP payload a reply to this request may have: 300 for BOOTP, else 548 to 1472 by option 57. */
export function replyLengthLimit(request: DhcpMessage): number {
  return isBootp(request) ? 300 : Math.min(maxMessageSize(request), ETHERNET_MTU) - IP_UDP_HEADERS
}

/** Option 60 (RFC 2132 §9.13), `PXEClient:Arch:00007:UNDI:003000`. */
export function vendorClass(message: DhcpMessage): string | undefined {
  return optionText(message, OPTION.vendorClass)
}

/** Option 12 (RFC 2132 §3.14). */
export function hostName(message: DhcpMessage): string | undefined {
  return optionText(message, OPTION.hostName)
}

/** Option 77, counted (RFC 3004 §4) or raw; empty when absent. */
export function userClasses(message: DhcpMessage): readonly string[] {
  const data = optionBytes(message, OPTION.userClass)
  return data === undefined ? [] : parseUserClasses(data).map(octetText)
}

/** Option 93: architecture codes, the preferred one first; empty when absent or odd (RFC 4578 §2.1). */
export function clientArches(message: DhcpMessage): readonly number[] {
  const data = wellFormed(message, OPTION.clientArch)
  const codes: number[] = []
  if (data === undefined) return codes
  for (let at = 0; at + 1 < data.length; at += 2) codes.push((data[at] ?? 0) * 256 + (data[at + 1] ?? 0))
  return codes
}

/** Option 97 as text, `12345678-1234-5678-9abc-def012345678`; undefined when it identifies nobody (`option-97.ts`). */
export function clientUuid(message: DhcpMessage): string | undefined {
  const data = optionBytes(message, OPTION.clientUuid)
  return data === undefined ? undefined : parseClientUuid(data)
}

/** Option 97 as it stands behind its type, for firmware that writes text there (`RPi4`); empty when absent. */
export function machineIdText(message: DhcpMessage): string {
  return octetText((optionBytes(message, OPTION.clientUuid) ?? new Uint8Array()).subarray(1))
}

/** Option 175: what the client's iPXE can do; undefined when absent or unparseable. */
export function ipxeFeatures(message: DhcpMessage): IpxeFeatures | undefined {
  const data = optionBytes(message, OPTION.ipxe)
  return data === undefined ? undefined : parseIpxeFeatures(data)
}

/** Option 43 as encapsulated options, without END; undefined when absent or something else (RFC 2132 §8.4). */
export function vendorOptions(message: DhcpMessage): readonly DhcpOption[] | undefined {
  const data = optionBytes(message, OPTION.vendorSpecificInformation)
  if (data === undefined) return undefined
  const area = readOptionArea(data)
  if (area.options.length === 0 || area.stop === 'truncated-option') return undefined
  return area.options.map((option) => ({ code: option.code, data: option.data }))
}

/** Option 67, else the header field `file` unless options live there; undefined when both are empty. */
export function bootFileName(message: DhcpMessage): string | undefined {
  return optionText(message, OPTION.bootFileName) ?? fieldText(message.file, message.fileOptions)
}

/** Option 66, else the header field `sname` unless options live there; undefined when both are empty. */
export function tftpServerName(message: DhcpMessage): string | undefined {
  return optionText(message, OPTION.tftpServerName) ?? fieldText(message.sname, message.snameOptions)
}

/** One character an octet, without trailing NULs. */
function octetText(data: Uint8Array): string {
  let end = data.length
  while (end > 0 && data[end - 1] === 0) end -= 1
  let text = ''
  for (let at = 0; at < end; at += 1) text += String.fromCharCode(data[at] ?? 0)
  return text
}

function fieldText(field: Uint8Array, overloaded: readonly DhcpOption[] | undefined): string | undefined {
  const nul = field.indexOf(0)
  const text = octetText(nul < 0 ? field : field.subarray(0, nul))
  return overloaded !== undefined || text === '' ? undefined : text
}

function wellFormed(message: DhcpMessage, code: number): Uint8Array | undefined {
  const data = optionBytes(message, code)
  return data !== undefined && lengthFits(code, data.length) ? data : undefined
}

/** Option 82 (RFC 3046); undefined when absent. */
export function relayAgentInfo(message: DhcpMessage): RelayAgentInfo | undefined {
  const data = optionBytes(message, OPTION.relayAgentInformation)
  return data === undefined ? undefined : parseRelayAgentInfo(data)
}

/** What a relay wants to be taken for the server (option 82.11, RFC 5107); a client without relay cannot say that. */
export function serverOverride(message: DhcpMessage): Ipv4 | undefined {
  return message.giaddr === 0 ? undefined : relayAgentInfo(message)?.serverOverride
}

/** Option 118 (RFC 3011). */
export function subnetSelection(message: DhcpMessage): Ipv4 | undefined {
  return optionIpv4(message, OPTION.subnetSelection)
}
