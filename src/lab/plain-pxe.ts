import { buildIpv4Udp, parseEthernetUdp, type UdpFrame } from '../protocol/frame/ipv4-udp.ts'

/**
 * Makes a machine with an iPXE ROM look like one with a vendor's plain PXE ROM: what the ROM says about being
 * iPXE is taken out of its DHCP messages on their way to the server. The loader that it fetches by TFTP then runs
 * undisturbed and shows itself as the iPXE it is.
 */
export type PlainPxeStage = 'rom' | 'loader'

export interface Rewritten {
  readonly frame: Uint8Array
  readonly stage: PlainPxeStage
}

/** Options by which a server knows iPXE: the user class (77, RFC 3004) and iPXE's encapsulated options (175). */
const TELLTALE_OPTIONS: ReadonlySet<number> = new Set([77, 175])

const BOOTP_OPTIONS_AT = 240
/** RFC 1542 §2.1: BOOTP messages are at least 300 octets long. */
const BOOTP_MINIMUM = 300
const MAGIC_COOKIE = [0x63, 0x82, 0x53, 0x63]
const PAD = 0
const END = 255
const ETHERNET_HEADER = 14
const ETHERNET_MINIMUM = 60

const PORT = { tftp: 69, dhcpServer: 67, bootServer: 4011 } as const
/** RFC 1350 §5. */
const TFTP_READ_REQUEST = 1

/**
 * One Ethernet frame that the machine sends, as the server shall see it, and the stage after it.
 * The stage ends with the first TFTP read request, which is for the loader. Other frames pass untouched.
 */
export function rewriteSentFrame(frame: Uint8Array, stage: PlainPxeStage): Rewritten {
  if (stage === 'loader') return { frame, stage }
  const parsed = parseEthernetUdp(frame)
  if (!parsed.ok) return { frame, stage }
  const { destinationPort, payload } = parsed.value
  if (destinationPort === PORT.tftp && payload[1] === TFTP_READ_REQUEST) return { frame, stage: 'loader' }
  if (destinationPort !== PORT.dhcpServer && destinationPort !== PORT.bootServer) return { frame, stage }
  const plain = withoutTelltales(payload)
  return { frame: plain === payload ? frame : withPayload(frame, parsed.value, plain), stage }
}

/** The message without the telltale options; the same object when it has none, or is no DHCP message. */
function withoutTelltales(message: Uint8Array): Uint8Array {
  if (!MAGIC_COOKIE.every((octet, i) => message[BOOTP_OPTIONS_AT - 4 + i] === octet)) return message
  const kept: Uint8Array[] = []
  let at = BOOTP_OPTIONS_AT
  let removed = false
  while (at < message.length) {
    const code = message[at] ?? END
    if (code === END) break
    const end = code === PAD ? at + 1 : at + 2 + (message[at + 1] ?? 0)
    if (TELLTALE_OPTIONS.has(code)) removed = true
    else kept.push(message.subarray(at, end))
    at = end
  }
  if (!removed) return message
  const options = kept.reduce((sum, option) => sum + option.length, 0)
  const out = new Uint8Array(Math.max(BOOTP_OPTIONS_AT + options + 1, BOOTP_MINIMUM))
  out.set(message.subarray(0, BOOTP_OPTIONS_AT))
  let to = BOOTP_OPTIONS_AT
  for (const option of kept) {
    out.set(option, to)
    to += option.length
  }
  out[to] = END
  return out
}

/** The frame with another UDP payload; lengths and checksums are made anew. */
function withPayload(frame: Uint8Array, datagram: UdpFrame, payload: Uint8Array): Uint8Array {
  const { source, destination, sourcePort, destinationPort } = datagram
  const packet = buildIpv4Udp({ source, destination, sourcePort, destinationPort, payload })
  const out = new Uint8Array(Math.max(ETHERNET_HEADER + packet.length, ETHERNET_MINIMUM))
  out.set(frame.subarray(0, ETHERNET_HEADER))
  out.set(packet, ETHERNET_HEADER)
  return out
}
