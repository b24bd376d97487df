import { ANY_ADDRESS, type Ipv4, maskOf } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { Network, Node } from '../model/config.ts'
import type { LeaseAnswer } from '../model/lease-answer.ts'
import { encodedLength } from '../protocol/dhcp4/encode.ts'
import {
  BROADCAST_FLAG,
  blankMessage,
  clientMac,
  type DhcpMessage,
  type DhcpOption,
  wantsBroadcast,
} from '../protocol/dhcp4/message.ts'
import type { MessageType } from '../protocol/dhcp4/message-types.ts'
import { pxeBootItem } from '../protocol/dhcp4/option-43.ts'
import { ipv4Value, messageTypeValue, textValue, u32Value } from '../protocol/dhcp4/option-values.ts'
import {
  clientArches,
  optionBytes,
  relayAgentInfo,
  replyLengthLimit,
  serverOverride,
} from '../protocol/dhcp4/options.ts'
import { OPTION } from '../protocol/iana/options.ts'
import { type BootFields, bootFields, proxyFields } from './boot-fields.ts'
import { clientOptions, wishedOptions } from './client-options.ts'
import type { ProxyAnswer } from './decide-proxy.ts'
import type { Action } from './decision.ts'

/** Where a reply goes (RFC 2131 §4.1). `link`: by link-layer address, to a client that cannot answer ARP yet. */
export type Destination =
  | { readonly kind: 'broadcast' }
  | { readonly kind: 'unicast'; readonly address: Ipv4 }
  | { readonly kind: 'link'; readonly address: Ipv4; readonly mac: Mac }
  | { readonly kind: 'relay'; readonly address: Ipv4; readonly port: number }
  /** Back to where it came from, port 4011's way. */
  | { readonly kind: 'sender'; readonly address: Ipv4; readonly port: number }

/** Where relays listen, unless they say otherwise (RFC 8357). */
const SERVER_PORT = 67
const CLIENT_PORT = 68
const UUID_OCTETS = 17
/** Option 93 of an x86 BIOS (IANA). */
const BIOS = 0

export interface DhcpReply {
  readonly type: MessageType | 'BOOTP'
  readonly message: DhcpMessage
  readonly destination: Destination
  /** Ours to send from, where an interface has several. */
  readonly source?: Ipv4
}

export interface ReplyParts {
  readonly request: DhcpMessage
  readonly network: Network
  /** The described node that this client is. */
  readonly node?: Node
  /** Our address on that network: option 54, siaddr, and the source of the reply. */
  readonly server: Ipv4
  readonly answer: LeaseAnswer | ProxyAnswer
  /** What the client is told about booting. */
  readonly boot: Action
  /** The UDP port the message came from, and the address. */
  readonly sourcePort?: number
  readonly sourceAddress?: Ipv4
}

/** How RFC 2131 and PXE 2.1 want an answer said. No policy here; undefined when the answer is silence. */
export function replyDhcp(parts: ReplyParts): DhcpReply | undefined {
  const { answer } = parts
  switch (answer.kind) {
    case 'silent':
      return undefined
    case 'nak':
      return {
        type: 'NAK',
        message: nak(parts, answer.reason),
        destination: relayOf(parts) ?? { kind: 'broadcast' },
      }
    case 'offer':
      return give(parts, 'OFFER', answer)
    case 'ack':
      return give(parts, 'ACK', answer)
    case 'ack-inform':
      return {
        type: 'ACK',
        message: build(parts, { type: 'ACK', yiaddr: ANY_ADDRESS }),
        destination: relayOf(parts) ?? { kind: 'unicast', address: answer.address },
      }
    case 'bootp':
      return {
        type: 'BOOTP',
        message: bootp(parts, answer.address),
        // BOOTP has no broadcast flag of its own, and who asks by a UDP socket hears nothing else (RFC 951 §4).
        destination:
          relayOf(parts) ??
          (parts.request.ciaddr === 0 ? { kind: 'broadcast' } : destination(parts.request, answer.address)),
      }
    case 'proxy-offer':
      return {
        type: 'OFFER',
        message: proxy(parts, 'OFFER'),
        destination: relayOf(parts) ?? { kind: 'broadcast' },
      }
    case 'proxy-ack':
      return { type: 'ACK', message: proxy(parts, 'ACK'), destination: sender(parts) }
    default:
      return answer satisfies never
  }
}

/** Octets of options, END included, in a BOOTP message: 64 less the cookie (RFC 1497). */
const BOOTP_OPTIONS = 60

/** Without any option of DHCP's own (RFC 1534 §2); with the cookie, without which GRUB waits for ever. */
function bootp({ request, server, network, node, boot }: ReplyParts, yiaddr: Ipv4): DhcpMessage {
  const options = clientOptions(network, node)
  const { siaddr, file } = bootFields(
    { server, nextServer: node?.nextServer ?? network.nextServer ?? server },
    boot,
  )
  const all = [
    option(OPTION.subnetMask, ipv4Value(maskOf(network.subnet.prefix))),
    ...(options.router === undefined ? [] : [option(OPTION.router, ipv4Value(options.router))]),
    ...wishedOptions(request, network.subnet, options),
  ]
  const agent = echoed(request, OPTION.relayAgentInformation)
  let room = BOOTP_OPTIONS - 1 - agent.reduce((octets, { data }) => octets + data.length + 2, 0)
  const fitting = all.filter(({ data }) => {
    const fits = data.length + 2 <= room
    if (fits) room -= data.length + 2
    return fits
  })
  return { ...echo(request), ciaddr: request.ciaddr, yiaddr, siaddr, file, options: [...fitting, ...agent] }
}

/** EDK2 asks from port 4011 and iPXE from 68, and both listen where they asked from. */
function sender({ request, sourceAddress, sourcePort }: ReplyParts): Destination {
  const address = sourceAddress ?? request.ciaddr
  return { kind: 'sender', address, port: sourcePort ?? CLIENT_PORT }
}

/** No address and no lease times: those are another server's to give. Option 43 comes back where it asks for a boot item. */
function proxy(parts: ReplyParts, type: 'OFFER' | 'ACK'): DhcpMessage {
  const { request, server, network, node, boot } = parts
  const isBios = clientArches(request)[0] === BIOS || clientArches(request).length === 0
  const servers = { server, nextServer: node?.nextServer ?? network.nextServer ?? server }
  const fields = proxyFields(servers, boot, isBios && type === 'OFFER')
  const item = type === 'ACK' && pxeBootItem(request) !== undefined
  return {
    ...echo(request),
    ciaddr: type === 'ACK' ? request.ciaddr : ANY_ADDRESS,
    siaddr: fields.siaddr,
    file: fields.file,
    options: [
      option(OPTION.messageType, messageTypeValue(type)),
      option(OPTION.serverIdentifier, ipv4Value(serverIdentifier(request, server))),
      ...echoed(request, OPTION.clientIdentifier),
      ...vendorOf(fields, item, request),
      ...echoedUuid(request),
      ...fields.files,
      ...echoed(request, OPTION.relayAgentInformation),
    ],
  }
}

function vendorOf(fields: BootFields, item: boolean, request: DhcpMessage): readonly DhcpOption[] {
  if (!item) return fields.vendor
  const [vendorClass] = fields.vendor
  return [
    ...(vendorClass === undefined ? [] : [vendorClass]),
    ...echoed(request, OPTION.vendorSpecificInformation),
  ]
}

function give(
  parts: ReplyParts,
  type: 'OFFER' | 'ACK',
  { lease: { address }, seconds }: Extract<LeaseAnswer, { readonly kind: 'offer' | 'ack' }>,
): DhcpReply {
  return {
    type,
    message: build(parts, { type, yiaddr: address, seconds }),
    destination: relayOf(parts) ?? destination(parts.request, address),
  }
}

/**
 * RFC 2131 §4.1, for direct clients: ciaddr if it has one; else broadcast if it asks for that; else its own link. A
 * ciaddr that is not the address we give is only somebody's claim: nothing is sent there.
 */
function destination(request: DhcpMessage, yiaddr: Ipv4): Destination {
  if (request.ciaddr !== 0 && request.ciaddr === yiaddr) return { kind: 'unicast', address: request.ciaddr }
  const mac = clientMac(request)
  if (wantsBroadcast(request) || mac === undefined) return { kind: 'broadcast' }
  return { kind: 'link', address: yiaddr, mac }
}

/** RFC 2131 table 3: a NAK has zeros in every address and says why in option 56. */
function nak({ request, server }: ReplyParts, reason: string): DhcpMessage {
  return {
    ...echo(request),
    // RFC 2131 §4.3.2: a relay learns from this bit that it must broadcast; a direct client gets its own flags back.
    flags: request.giaddr === 0 ? request.flags : request.flags | BROADCAST_FLAG,
    options: [
      option(OPTION.messageType, messageTypeValue('NAK')),
      option(OPTION.serverIdentifier, ipv4Value(serverIdentifier(request, server))),
      option(OPTION.message, textValue(reason.slice(0, 200))),
      ...echoed(request, OPTION.clientIdentifier),
      ...echoed(request, OPTION.relayAgentInformation),
    ],
  }
}

/** Ours, unless the relay stands in for us (RFC 5107). */
function serverIdentifier(request: DhcpMessage, server: Ipv4): Ipv4 {
  return serverOverride(request) ?? server
}

/** RFC 2131 §4.1: whatever a relay sent on is answered to that relay. */
function relayOf({ request, sourcePort }: ReplyParts): Destination | undefined {
  if (request.giaddr === 0) return undefined
  const ownPort = relayAgentInfo(request)?.relaySourcePort === true ? sourcePort : undefined
  return { kind: 'relay', address: request.giaddr, port: ownPort ?? SERVER_PORT }
}

interface Said {
  readonly type: 'OFFER' | 'ACK'
  readonly yiaddr: Ipv4
  /** The lease time; none is told in answer to INFORM (RFC 2131 §4.3.5). */
  readonly seconds?: number
}

/**
 * OFFER and ACK are alike: EDK2 takes the mask, router and times out of the OFFER. Option 53 comes first because old
 * ROMs expect it there, 1 before 3 (RFC 2132 §3.3).
 */
function build(parts: ReplyParts, { type, yiaddr, seconds }: Said): DhcpMessage {
  const { request, server, network, node, boot } = parts
  const booting = bootFields({ server, nextServer: node?.nextServer ?? network.nextServer ?? server }, boot)
  const options = clientOptions(network, node)
  const required = [
    option(OPTION.messageType, messageTypeValue(type)),
    option(OPTION.serverIdentifier, ipv4Value(serverIdentifier(request, server))),
    ...(seconds === undefined ? [] : leaseTimes(seconds)),
    option(OPTION.subnetMask, ipv4Value(maskOf(network.subnet.prefix))),
    ...(options.router === undefined ? [] : [option(OPTION.router, ipv4Value(options.router))]),
  ]
  const last = [
    ...echoed(request, OPTION.clientIdentifier),
    ...booting.vendor,
    ...(booting.echoesUuid ? echoedUuid(request) : []),
    ...booting.files,
    // Last, where a relay finds and takes it off (RFC 3046 §2.2).
    ...echoed(request, OPTION.relayAgentInformation),
  ]
  const header = {
    ...echo(request),
    ciaddr: type === 'ACK' ? request.ciaddr : ANY_ADDRESS,
    yiaddr,
    siaddr: booting.siaddr,
    file: booting.file,
  }
  return fit(request, header, { required, wished: wishedOptions(request, network.subnet, options), last })
}

interface OptionGroups {
  readonly required: readonly DhcpOption[]
  readonly wished: readonly DhcpOption[]
  readonly last: readonly DhcpOption[]
}

/**
 * Leaves out wished options, the last first, until the client can take the message (option 57). Option 82 does not count: its
 * relay takes it off.
 */
function fit(
  request: DhcpMessage,
  header: DhcpMessage,
  { required, wished: all, last }: OptionGroups,
): DhcpMessage {
  const whole = { ...header, options: [...required, ...all, ...last] }
  const agent = optionBytes(request, OPTION.relayAgentInformation)
  const limit = replyLengthLimit(request) + (agent === undefined ? 0 : agent.length + 2)
  if (encodedLength(whole) <= limit) return whole
  for (let keep = all.length - 1; keep > 0; keep -= 1) {
    const message = { ...header, options: [...required, ...all.slice(0, keep), ...last] }
    if (encodedLength(message) <= limit) return message
  }
  const needed = { ...header, options: [...required, ...last] }
  if (encodedLength(needed) <= limit) return needed
  const spare = header.file[0] === 0 ? SPARE : [...SPARE, OPTION.bootFileName]
  return { ...header, options: needed.options.filter(({ code }) => !spare.includes(code)) }
}

/** siaddr says the first again, and the others are what a client takes without them (RFC 2131 §4.4.5). */
const SPARE: readonly number[] = [OPTION.tftpServerName, OPTION.renewalTime, OPTION.rebindingTime]

/** RFC 2131 §4.4.5: T1 is half of the lease, T2 seven eighths. */
function leaseTimes(seconds: number): readonly DhcpOption[] {
  return [
    option(OPTION.leaseTime, u32Value(seconds)),
    option(OPTION.renewalTime, u32Value(Math.floor(seconds / 2))),
    option(OPTION.rebindingTime, u32Value(Math.floor((seconds * 7) / 8))),
  ]
}

const BLANK = blankMessage('reply')

/** The fields every reply copies (RFC 2131 table 3). */
function echo(request: DhcpMessage): DhcpMessage {
  const { htype, hlen, xid, flags, giaddr, chaddr } = request
  return { ...BLANK, htype, hlen, xid, flags, giaddr, chaddr }
}

/** RFC 6842 §3 (option 61) and PXE 2.1 (option 97): byte for byte, and only if the client sent it. */
function echoed(request: DhcpMessage, code: number): readonly DhcpOption[] {
  const data = optionBytes(request, code)
  return data === undefined || data.length === 0 || data.length > 255 ? [] : [option(code, data)]
}

/** Option 97 as it is defined: a type and 16 octets (RFC 4578 §2.3). */
function echoedUuid(request: DhcpMessage): readonly DhcpOption[] {
  return echoed(request, OPTION.clientUuid).filter(({ data }) => data.length === UUID_OCTETS)
}

function option(code: number, data: Uint8Array): DhcpOption {
  return { code, data }
}
