import { ANY_ADDRESS, type Ipv4 } from '../../lib/ipv4.ts'
import { type Mac, macFromBytes } from '../../lib/mac.ts'
import { HTYPE } from '../iana/hardware.ts'
import { OPTION } from '../iana/options.ts'

/** Octets before the magic cookie (RFC 2131 §2, RFC 951 §3). */
export const HEADER_LENGTH = 236
/** The four octets that open a vendor area of options (RFC 2131 §3, RFC 1497). */
export const MAGIC_COOKIE = 0x63825363
/** Offsets and sizes of the three header fields that hold more than a number (RFC 2131 §2, Figure 1). */
export const CHADDR = { at: 28, length: 16 } as const
export const SNAME = { at: 44, length: 64 } as const
export const FILE = { at: 108, length: 128 } as const
/** The leftmost bit of `flags`: reply by broadcast (RFC 2131 §2, Figure 2). */
export const BROADCAST_FLAG = 0x8000
/** The least length of a BOOTP message; relays and old boot ROMs drop shorter ones (RFC 1542 §2.1). */
export const MIN_MESSAGE_LENGTH = 300

/** One option as it stands on the wire. */
export interface DhcpOption {
  readonly code: number
  /** At most 255 octets. */
  readonly data: Uint8Array
}

/** A DHCP or BOOTP message. Multi-octet numbers are unsigned, addresses 0.0.0.0 when absent. */
export interface DhcpMessage {
  readonly op: 'request' | 'reply'
  readonly htype: number
  readonly hlen: number
  readonly hops: number
  readonly xid: number
  /** Seconds by the client's word; iPXE and others put something else here, so no policy may use it. */
  readonly secs: number
  readonly flags: number
  readonly ciaddr: Ipv4
  readonly yiaddr: Ipv4
  readonly siaddr: Ipv4
  readonly giaddr: Ipv4
  /** 16 octets, of which the first `hlen` are the hardware address. */
  readonly chaddr: Uint8Array
  /** 64 octets. */
  readonly sname: Uint8Array
  /** 128 octets. */
  readonly file: Uint8Array
  /** Whether the magic cookie is there; without it there are no options (plain BOOTP). */
  readonly cookie: boolean
  /** The options of the main area in wire order, without PAD and END, repeated ones separately. */
  readonly options: readonly DhcpOption[]
  /** The options inside `file` and `sname` when option 52 says so; undefined while a field holds text. */
  readonly fileOptions: readonly DhcpOption[] | undefined
  readonly snameOptions: readonly DhcpOption[] | undefined
  /** What the decoder put up with. Empty in messages of our own. */
  readonly notes: readonly DecodeNote[]
}

/** Something odd that the decoder accepted. */
export interface DecodeNote {
  readonly code:
    | 'no-cookie'
    | 'missing-end'
    | 'truncated-option'
    | 'repeated-option'
    | 'bad-length'
    | 'bad-overload'
    | 'nested-overload'
  /** The offset in the message. */
  readonly at: number
  /** The option it is about. */
  readonly option?: number
}

/** A message of zeros with the cookie and no options, to be filled by spreading: `{ ...blankMessage('reply'), xid }`. */
export function blankMessage(op: DhcpMessage['op']): DhcpMessage {
  return {
    op,
    htype: HTYPE.ethernet,
    hlen: 6,
    hops: 0,
    xid: 0,
    secs: 0,
    flags: 0,
    ciaddr: ANY_ADDRESS,
    yiaddr: ANY_ADDRESS,
    siaddr: ANY_ADDRESS,
    giaddr: ANY_ADDRESS,
    chaddr: new Uint8Array(CHADDR.length),
    sname: new Uint8Array(SNAME.length),
    file: new Uint8Array(FILE.length),
    cookie: true,
    options: [],
    fileOptions: undefined,
    snameOptions: undefined,
    notes: [],
  }
}

/** Every option in the order RFC 3396 §5 and RFC 2131 §4.1 give: main area, then `file`, then `sname`. */
export function allOptions(message: DhcpMessage): readonly DhcpOption[] {
  if (message.fileOptions === undefined && message.snameOptions === undefined) return message.options
  return [...message.options, ...(message.fileOptions ?? []), ...(message.snameOptions ?? [])]
}

/** Plain BOOTP, with or without the cookie: no option 53 (RFC 1534 §2). The decoder lets no unknown type through. */
export function isBootp(message: DhcpMessage): boolean {
  return !allOptions(message).some((option) => option.code === OPTION.messageType)
}

/** The first `hlen` octets of chaddr; empty on InfiniBand (RFC 4390 §2.1). */
export function hardwareAddress(message: DhcpMessage): Uint8Array {
  return message.chaddr.subarray(0, message.hlen)
}

/** The Ethernet address of the client; undefined for other hardware. Octets of chaddr past the sixth are ignored. */
export function clientMac(message: DhcpMessage): Mac | undefined {
  const ethernet = message.htype === HTYPE.ethernet || message.htype === HTYPE.ieee802
  return ethernet && message.hlen === 6 ? macFromBytes(message.chaddr) : undefined
}

/** Whether the client asks for replies by broadcast (RFC 2131 §4.1). */
export function wantsBroadcast(message: DhcpMessage): boolean {
  return (message.flags & BROADCAST_FLAG) !== 0
}
