import { ANY_ADDRESS, formatIpv4, type Ipv4, parseIpv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import { buildIpv4Udp } from '../protocol/frame/ipv4-udp.ts'
import { DatagramQueue, type DropReason } from './datagram-queue.ts'
import type { PacketSender } from './packet-socket.ts'
import type { BatchedUdp, Datagram } from './socket.ts'

const SERVER_PORT = 67
const CLIENT_PORT = 68
const BROADCAST = 0xffff_ffff as Ipv4
const EVERYBODY = { address: BROADCAST, mac: 'ff:ff:ff:ff:ff:ff' as Mac }

/** A reply with its way to the client; the ways of RFC 2131 §4.1. */
export interface OutgoingDhcp {
  readonly bytes: Uint8Array
  readonly destination:
    | { readonly kind: 'broadcast' }
    | { readonly kind: 'unicast'; readonly address: Ipv4 }
    | { readonly kind: 'link'; readonly address: Ipv4; readonly mac: Mac }
    | { readonly kind: 'relay' | 'sender'; readonly address: Ipv4; readonly port: number }
  /** Ours to send from, where the interface has several; clients of one subnet know us by its address. */
  readonly source?: Ipv4
}

/** Where a message came from. */
export interface DhcpSender {
  readonly sourceAddress: Ipv4
  readonly sourcePort: number
}

export interface DhcpServerOptions {
  /** Bound to port 67 of one interface, with broadcasts, or to port 4011. The server closes it. */
  readonly udp: BatchedUdp
  /** Sends to a link-layer address on that interface; without it such replies are broadcast. */
  readonly packets: PacketSender | undefined
  /** Ours on that interface: the source of replies. */
  readonly source: Ipv4
  readonly onMessage: (bytes: Uint8Array, sender: DhcpSender) => Promise<OutgoingDhcp | undefined>
  /** A fault of ours, or a reply that could not be sent. The server goes on. */
  readonly onFault: (error: unknown) => void
  /** A message that nobody looked at. */
  readonly onDrop: (reason: DropReason) => void
  /** So many more messages found no room in the kernel. */
  readonly onLost: (count: number) => void
}

export interface DhcpServer {
  close(): Promise<void>
}

/** Receives and sends; no decision is made here. One packet never ends the process. */
export function serveDhcp(options: DhcpServerOptions): DhcpServer {
  const { udp, packets, onMessage, onFault, onDrop, onLost } = options
  const { socket, batch } = udp
  let isClosed = false
  let lost = 0
  const receive = (): readonly Datagram[] => {
    const datagrams = batch?.receive() ?? []
    const more = (batch?.lost ?? 0) - lost
    lost += more
    // The kernel's count begins again after 32 bits.
    if (more > 0) onLost(more)
    return datagrams
  }
  const reply = (outgoing: OutgoingDhcp | undefined): void => {
    if (outgoing !== undefined && !isClosed) send(outgoing, options)
  }
  const queue = new DatagramQueue({
    receive,
    handle: ({ bytes, address, port }) =>
      void onMessage(bytes, { sourceAddress: address, sourcePort: port }).then(reply).catch(onFault),
    onDrop,
    now: Date.now,
  })
  socket.on('error', onFault)
  // dgram does not tell when this one arrived; those behind it are younger.
  socket.on('message', (bytes, { address, port }) =>
    queue.arrived({ bytes, address: parseIpv4(address) ?? ANY_ADDRESS, port, receivedAt: Date.now() }),
  )
  return {
    close: () =>
      new Promise((resolve) => {
        isClosed = true
        queue.close()
        packets?.close()
        batch?.close()
        socket.close(() => resolve())
      }),
  }
}

function send(reply: OutgoingDhcp, options: DhcpServerOptions): void {
  const { destination } = reply
  switch (destination.kind) {
    case 'broadcast':
      // The kernel would choose the interface's first address.
      if (reply.source !== undefined && sendByLink(reply, EVERYBODY, options)) break
      sendTo(BROADCAST, reply, options)
      break
    case 'unicast':
      sendTo(destination.address, reply, options)
      break
    case 'link':
      // RFC 2131 §4.1 allows broadcast where unicast to a host without an address is impossible.
      if (!sendByLink(reply, destination, options)) sendTo(BROADCAST, reply, options)
      break
    case 'relay':
    case 'sender':
      sendTo(destination.address, reply, options, destination.port)
      break
    default:
      destination satisfies never
  }
}

function sendTo(
  address: Ipv4,
  { bytes }: OutgoingDhcp,
  { udp: { socket, batch }, onFault }: DhcpServerOptions,
  port = CLIENT_PORT,
): void {
  // dgram is the way where there is no batch, and the one that waits when the socket's queue is full.
  if (batch?.send(bytes, address, port).ok === true) return
  socket.send(bytes, port, formatIpv4(address), (error) => {
    if (error !== null) onFault(error)
  })
}

function sendByLink(
  { bytes: payload, source: own }: OutgoingDhcp,
  { address, mac }: { readonly address: Ipv4; readonly mac: Mac },
  { packets, source: usual }: DhcpServerOptions,
): boolean {
  if (packets === undefined) return false
  const source = own ?? usual
  const ports = { sourcePort: SERVER_PORT, destinationPort: CLIENT_PORT }
  const ipv4Packet = buildIpv4Udp({ source, destination: address, ...ports, payload })
  return packets.send({ destinationMac: mac, ipv4Packet }).ok
}
