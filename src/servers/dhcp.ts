import type { Socket } from 'node:dgram'
import { formatIpv4, type Ipv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import { buildIpv4Udp } from '../protocol/frame/ipv4-udp.ts'
import type { PacketSender } from './socket.ts'

const SERVER_PORT = 67
const CLIENT_PORT = 68

/** A reply with its way to the client; the ways of RFC 2131 §4.1. */
export interface OutgoingDhcp {
  readonly bytes: Uint8Array
  readonly destination:
    | { readonly kind: 'broadcast' }
    | { readonly kind: 'unicast'; readonly address: Ipv4 }
    | { readonly kind: 'link'; readonly address: Ipv4; readonly mac: Mac }
    | { readonly kind: 'relay'; readonly address: Ipv4; readonly port: number }
}

export interface DhcpServerOptions {
  /** Bound to port 67 of one interface, with broadcasts. The server closes it. */
  readonly socket: Socket
  /** Sends to a link-layer address on that interface; without it such replies are broadcast. */
  readonly packets: PacketSender | undefined
  /** Ours on that interface: the source of replies. */
  readonly source: Ipv4
  /** `sourcePort`: the sender's UDP port. */
  readonly onMessage: (bytes: Uint8Array, sourcePort: number) => Promise<OutgoingDhcp | undefined>
  /** A fault of ours, or a reply that could not be sent. The server goes on. */
  readonly onFault: (error: unknown) => void
}

export interface DhcpServer {
  close(): Promise<void>
}

/** Receives and sends; no decision is made here. One packet never ends the process. */
export function serveDhcp(options: DhcpServerOptions): DhcpServer {
  const { socket, packets, onMessage, onFault } = options
  let isClosed = false
  socket.on('error', onFault)
  socket.on('message', (bytes, { port }) => {
    onMessage(bytes, port)
      .then((reply) => {
        if (reply !== undefined && !isClosed) send(reply, options)
      })
      .catch(onFault)
  })
  return {
    close: () =>
      new Promise((resolve) => {
        isClosed = true
        packets?.close()
        socket.close(() => resolve())
      }),
  }
}

function send(reply: OutgoingDhcp, options: DhcpServerOptions): void {
  const { destination } = reply
  switch (destination.kind) {
    case 'broadcast':
      sendTo('255.255.255.255', reply, options)
      break
    case 'unicast':
      sendTo(formatIpv4(destination.address), reply, options)
      break
    case 'link':
      // RFC 2131 §4.1 allows broadcast where unicast to a host without an address is impossible.
      if (!sendByLink(reply.bytes, destination, options)) sendTo('255.255.255.255', reply, options)
      break
    case 'relay':
      sendTo(formatIpv4(destination.address), reply, options, destination.port)
      break
    default:
      destination satisfies never
  }
}

function sendTo(
  address: string,
  { bytes }: OutgoingDhcp,
  { socket, onFault }: DhcpServerOptions,
  port = CLIENT_PORT,
): void {
  socket.send(bytes, port, address, (error) => {
    if (error !== null) onFault(error)
  })
}

function sendByLink(
  payload: Uint8Array,
  { address, mac }: { readonly address: Ipv4; readonly mac: Mac },
  { packets, source }: DhcpServerOptions,
): boolean {
  if (packets === undefined) return false
  const ports = { sourcePort: SERVER_PORT, destinationPort: CLIENT_PORT }
  const ipv4Packet = buildIpv4Udp({ source, destination: address, ...ports, payload })
  return packets.send({ destinationMac: mac, ipv4Packet }).ok
}
