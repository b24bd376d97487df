import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ANY_ADDRESS, type Ipv4, ipv4FromBytes } from '../lib/ipv4.ts'
import { type Mac, macToBytes, parseMac } from '../lib/mac.ts'
import type { HeardServer, Hearing } from '../model/host.ts'
import { decodeDhcp4 } from '../protocol/dhcp4/decode.ts'
import { encodeDhcp4 } from '../protocol/dhcp4/encode.ts'
import { BROADCAST_FLAG, blankMessage, type DhcpMessage } from '../protocol/dhcp4/message.ts'
import { messageTypeValue, textValue } from '../protocol/dhcp4/option-values.ts'
import { messageType, optionBytes, optionIpv4, serverIdentifier } from '../protocol/dhcp4/options.ts'
import { buildIpv4Udp, parseEthernetUdp } from '../protocol/frame/ipv4-udp.ts'
import { OPTION } from '../protocol/iana/options.ts'
import {
  type FrameReceiver,
  nativeSockets,
  openFrameReceiver,
  openPacketSender,
  type PacketSender,
} from './packet-socket.ts'

const SERVER_PORT = 67
const CLIENT_PORT = 68
const BROADCAST = 0xffffffff as Ipv4
const BROADCAST_MAC = parseMac('ff:ff:ff:ff:ff:ff') as Mac
/** When the DISCOVER leaves, in milliseconds: the first may be lost while a switch port wakes up. */
const SEND_AT_MS: readonly number[] = [0, 1500]
const LOOK_EVERY_MS = 50
const FRAMES_A_LOOK = 500
/** dnsmasq pings an address for 3 s before it offers it (src/dnsmasq.h, PING_WAIT); ISC dhcpd for 1 s. */
export const LISTEN_SECONDS = 5

/** An interface to ask on: up and running, Ethernet. */
export interface ProbeTarget {
  readonly interface: string
  readonly mac: Mac
}

/** A target with the transaction by which answers to us are known. */
interface Asked extends ProbeTarget {
  readonly xid: number
}

/**
 * Asks for DHCP servers as a netbooting machine would, with the interface's own MAC address, and listens. A DISCOVER
 * binds nobody (RFC 2131 §3.1); no REQUEST ever follows. Needs root or CAP_NET_RAW.
 *
 * Frames leave from 0.0.0.0, as a client's must, and are read as they come from the card: no packet filter, rp_filter
 * or DHCP client of this machine can hide a server.
 */
export async function hearDhcpServers(targets: readonly ProbeTarget[]): Promise<Hearing> {
  const native = nativeSockets()
  if (native.reason !== undefined) return { kind: 'not-listened', why: native.reason }
  const wires: Wire[] = []
  try {
    for (const target of targets) {
      const wire = openWire(target)
      if (wire === undefined)
        return { kind: 'not-listened', why: `packets on ${target.interface} need root or CAP_NET_RAW` }
      wires.push(wire)
    }
    return {
      kind: 'listened',
      interfaces: targets.map((target) => target.interface),
      seconds: LISTEN_SECONDS,
      servers: await askAll(wires),
    }
  } finally {
    for (const wire of wires) wire.close()
  }
}

interface Wire {
  readonly asked: Asked
  readonly sender: PacketSender
  readonly receiver: FrameReceiver
  close(): void
}

function openWire(target: ProbeTarget): Wire | undefined {
  const [sender, receiver] = [openPacketSender(target.interface), openFrameReceiver(target.interface)]
  const close = (): void => {
    sender?.close()
    receiver?.close()
  }
  if (sender !== undefined && receiver !== undefined)
    return { asked: { ...target, xid: randomInt(2 ** 32) }, sender, receiver, close }
  close()
  return undefined
}

async function askAll(wires: readonly Wire[]): Promise<readonly HeardServer[]> {
  const servers = new Map<string, HeardServer>()
  for (let now = 0; now <= LISTEN_SECONDS * 1000; now += LOOK_EVERY_MS) {
    // A frame that could not leave is like one that was lost: nothing is heard.
    if (SEND_AT_MS.includes(now))
      for (const { asked, sender } of wires)
        sender.send({ destinationMac: BROADCAST_MAC, ipv4Packet: discoverPacket(asked) })
    for (const wire of wires)
      for (const heard of waiting(wire)) {
        const key = `${heard.interface} ${heard.address} ${heard.kind}`
        // What it offered us stays known when it answers somebody else afterwards.
        servers.set(key, { ...servers.get(key), ...heard })
      }
    await sleep(LOOK_EVERY_MS)
  }
  return [...servers.values()]
}

/** The servers behind the frames that wait; a busy network cannot keep us here. */
function waiting({ asked, receiver }: Wire): readonly HeardServer[] {
  const servers: HeardServer[] = []
  for (let left = FRAMES_A_LOOK; left > 0; left -= 1) {
    const frame = receiver.receive()
    if (frame === undefined) break
    const heard = readAnswer(frame, asked)
    if (heard !== undefined) servers.push(heard)
  }
  return servers
}

/** A UEFI machine's DISCOVER: also servers that only answer netbooting clients, and proxies, speak up. */
function discoverPacket({ mac, xid }: Asked): Uint8Array {
  const chaddr = new Uint8Array(16)
  chaddr.set(macToBytes(mac))
  const { subnetMask, router, domainNameServer, vendorClass, tftpServerName, bootFileName } = OPTION
  const payload = encodeDhcp4({
    ...blankMessage('request'),
    xid,
    flags: BROADCAST_FLAG,
    chaddr,
    options: [
      { code: OPTION.messageType, data: messageTypeValue('DISCOVER') },
      {
        code: OPTION.parameterRequestList,
        data: Uint8Array.of(subnetMask, router, domainNameServer, vendorClass, tftpServerName, bootFileName),
      },
      { code: OPTION.vendorClass, data: textValue('PXEClient:Arch:00007:UNDI:003000') },
      { code: OPTION.clientArch, data: Uint8Array.of(0, 7) },
      { code: OPTION.clientNdi, data: Uint8Array.of(1, 3, 0) },
    ],
  })
  const ports = { sourcePort: CLIENT_PORT, destinationPort: SERVER_PORT }
  return buildIpv4Udp({ source: ANY_ADDRESS, destination: BROADCAST, ...ports, payload })
}

/** The server behind a frame to port 68, be it for us or for another client; undefined for everything else. */
export function readAnswer(frame: Uint8Array, asked: Asked): HeardServer | undefined {
  const udp = parseEthernetUdp(frame)
  if (!udp.ok || udp.value.destinationPort !== CLIENT_PORT) return undefined
  const decoded = decodeDhcp4(udp.value.payload)
  if (!decoded.ok || decoded.value.op !== 'reply') return undefined
  const message = decoded.value
  const type = messageType(message)
  const address = serverIdentifier(message) ?? udp.value.source
  if (type === undefined || address === ANY_ADDRESS) return undefined
  const kind = message.yiaddr === ANY_ADDRESS && type === 'OFFER' ? 'proxy' : 'dhcp'
  return {
    interface: asked.interface,
    address,
    kind,
    ...(message.xid !== asked.xid || kind === 'proxy' ? {} : { offered: message.yiaddr }),
    ...routerOf(message),
    dns: addresses(message, OPTION.domainNameServer),
  }
}

function routerOf(message: DhcpMessage): { readonly router?: Ipv4 } {
  const router = optionIpv4(message, OPTION.router) ?? addresses(message, OPTION.router)[0]
  return router === undefined ? {} : { router }
}

function addresses(message: DhcpMessage, code: number): readonly Ipv4[] {
  const data = optionBytes(message, code) ?? new Uint8Array()
  return Array.from({ length: Math.floor(data.length / 4) }, (_, i) =>
    ipv4FromBytes(data.subarray(i * 4, i * 4 + 4)),
  ).filter((address) => address !== undefined)
}
