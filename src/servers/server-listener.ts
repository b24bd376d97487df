import { randomBytes, randomInt } from 'node:crypto'
import { ANY_ADDRESS, type Ipv4 } from '../lib/ipv4.ts'
import { type Mac, macFromBytes, macToBytes, parseMac } from '../lib/mac.ts'
import type { HeardServer } from '../model/host.ts'
import { encodeDhcp4 } from '../protocol/dhcp4/encode.ts'
import { BROADCAST_FLAG, blankMessage, type DhcpOption } from '../protocol/dhcp4/message.ts'
import { messageTypeValue, textValue } from '../protocol/dhcp4/option-values.ts'
import { buildIpv4Udp } from '../protocol/frame/ipv4-udp.ts'
import { OPTION } from '../protocol/iana/options.ts'
import { type Listening, readAnswer } from './heard-answer.ts'
import { openFrameReceiver, openPacketSender } from './packet-socket.ts'
import { replyFilter } from './reply-filter.ts'

const PORTS = { sourcePort: 68, destinationPort: 67 } as const
const BROADCAST = 0xffffffff as Ipv4
const BROADCAST_MAC = parseMac('ff:ff:ff:ff:ff:ff') as Mac
/** What one look takes at most: a busy network, or a flood, cannot keep us here. */
const FRAMES_A_LOOK = 500

/** Hears what DHCP servers on an interface send to clients, whoever has port 68 here. */
export interface ServerListener {
  /** The servers behind the frames that came since the last call; never blocks. */
  hear(): readonly HeardServer[]
  /**
   * Asks as a client would, twice: plain, and as UEFI firmware. A DISCOVER binds nobody (RFC 2131 §3.1); no REQUEST ever
   * follows. A frame that cannot leave is like one that was lost.
   */
  ask(): void
  close(): void
}

/**
 * Frames leave from 0.0.0.0, as a client's must, and are read as they come from the card: no packet filter, rp_filter
 * or DHCP client of this machine can hide a server. The kernel drops everything else, so that our own traffic costs
 * nothing. undefined without koffi, CAP_NET_RAW or the interface.
 */
export function openServerListener(interfaceName: string): ServerListener | undefined {
  const [sender, receiver] = [openPacketSender(interfaceName), openFrameReceiver(interfaceName, replyFilter)]
  const close = (): void => {
    sender?.close()
    receiver?.close()
  }
  if (sender === undefined || receiver === undefined) {
    close()
    return undefined
  }
  const listening = newListening(interfaceName)
  return {
    hear() {
      const servers: HeardServer[] = []
      for (let left = FRAMES_A_LOOK; left > 0; left -= 1) {
        const frame = receiver.receive()
        if (frame === undefined) break
        const heard = readAnswer(frame, listening)
        if (heard !== undefined) servers.push(heard)
      }
      return servers
    },
    ask() {
      for (const ipv4Packet of probePackets(PROBE_MAC, listening.xids))
        sender.send({ destinationMac: BROADCAST_MAC, ipv4Packet })
    },
    close,
  }
}

/** Locally administered, an individual's (IEEE 802); one for the life of the process, so that servers hold one address. */
const PROBE_MAC = probeMac(randomBytes(6))

/** A locally administered, individual address (IEEE 802) out of the last five of six random octets. */
export function probeMac(random: Uint8Array): Mac {
  return macFromBytes(Uint8Array.of(2, ...random.subarray(1, 6))) as Mac
}

const CHADDR_AT = 28

const PROBE_OCTETS = macToBytes(PROBE_MAC)

/** Whether a DHCP message is a question of ours, which a relay sent back to us. */
export function isOwnProbe(message: Uint8Array, own = PROBE_OCTETS): boolean {
  return own.every((octet, i) => message[CHADDR_AT + i] === octet)
}

function newListening(interfaceName: string): Listening {
  const plain = randomInt(2 ** 32)
  return { interface: interfaceName, xids: { plain, pxe: (plain ^ 1) >>> 0 } }
}

/**
 * IPv4 packets with a DISCOVER each. The one as of a UEFI machine makes servers that only answer netbooting clients, and
 * proxies, speak up; the plain one those that leave such clients to others.
 */
export function probePackets(mac: Mac, { plain, pxe }: Listening['xids']): readonly Uint8Array[] {
  return [discover(mac, plain, []), discover(mac, pxe, UEFI_CLIENT)]
}

const UEFI_CLIENT: readonly DhcpOption[] = [
  { code: OPTION.vendorClass, data: textValue('PXEClient:Arch:00007:UNDI:003000') },
  { code: OPTION.clientArch, data: Uint8Array.of(0, 7) },
  { code: OPTION.clientNdi, data: Uint8Array.of(1, 3, 0) },
]

function discover(mac: Mac, xid: number, more: readonly DhcpOption[]): Uint8Array {
  const chaddr = new Uint8Array(16)
  chaddr.set(macToBytes(mac))
  const { subnetMask, router, domainNameServer, vendorSpecificInformation } = OPTION
  const wished = [
    ...[subnetMask, router, domainNameServer, vendorSpecificInformation],
    ...[OPTION.vendorClass, OPTION.tftpServerName, OPTION.bootFileName],
  ]
  const payload = encodeDhcp4({
    ...blankMessage('request'),
    xid,
    flags: BROADCAST_FLAG,
    chaddr,
    options: [
      { code: OPTION.messageType, data: messageTypeValue('DISCOVER') },
      { code: OPTION.parameterRequestList, data: Uint8Array.from(wished) },
      ...more,
    ],
  })
  return buildIpv4Udp({ source: ANY_ADDRESS, destination: BROADCAST, ...PORTS, payload })
}
