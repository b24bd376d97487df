/** Packets past the kernel's IP: raw unicast replies, and frames as they come from the card (packet(7)). */
import { type Mac, macToBytes } from '../lib/mac.ts'
import { err, ok, type Result } from '../lib/result.ts'
import { buildArpProbe, parseArpReply } from '../protocol/frame/arp.ts'
import type { ProbeWire } from './address-prober.ts'
import { assemble, attachFilter, CODE } from './bpf.ts'
import {
  INTERFACE_NAME_LIMIT,
  isLittleEndian,
  type Libc,
  loadLibc,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
} from './libc.ts'
import { failed, SocketError } from './socket.ts'

export interface EthernetFrame {
  readonly destinationMac: Mac
  /** A whole IPv4 packet, header and checksums included; the kernel puts the Ethernet header before it. */
  readonly ipv4Packet: Uint8Array
}

export interface PacketSender {
  /** Never blocks and never throws; an error value means that nothing was sent. */
  send(frame: EthernetFrame): Result<undefined, SocketError>
  close(): void
}

export interface FrameReceiver {
  /** The next waiting frame, Ethernet header included; undefined when none waits. Never blocks. */
  receive(): Uint8Array | undefined
  close(): void
}

/** Whether sockets can be bound to interfaces here, and if not why, as one sentence for the operator. */
export function nativeSockets(): { readonly available: boolean; readonly reason?: string } {
  const libc = loadLibc()
  return libc.ok ? { available: true } : { available: false, reason: libc.error }
}

/**
 * A sender of IPv4 packets to a hardware address, for DHCP replies to a client that does not answer ARP yet
 * (RFC 2131 §4.1). undefined when this process cannot have one (no koffi, no CAP_NET_RAW, no such interface):
 * broadcast the reply instead.
 */
export function openPacketSender(interfaceName: string): PacketSender | undefined {
  const opened = openPacketSocket(interfaceName, SOCK_DGRAM)
  if (opened === undefined) return undefined
  const { libc, fd, index } = opened
  const { close, sendto, errno } = libc
  const target = linkLayerAddress(index)
  const attempt = ({ destinationMac, ipv4Packet }: EthernetFrame): number => {
    target.set(macToBytes(destinationMac), SLL_ADDRESS)
    return sendto(fd, ipv4Packet, ipv4Packet.length, 0, target, target.length) < 0 ? errno() : 0
  }
  let open = true
  return {
    send(frame) {
      if (!open)
        return err(new SocketError('EBADF', 'sendto', `the packet sender on ${interfaceName} is closed`))
      let failure = attempt(frame)
      if (failure === ENXIO || failure === ENODEV) {
        // An interface that went away and came back (a bridge re-made, a hot-plugged card) has a new index.
        writeIndex(target, interfaceIndex(libc, interfaceName))
        failure = attempt(frame)
      }
      return failure === 0 ? ok(undefined) : err(failed('sendto', failure, `a packet on ${interfaceName}`))
    },
    close() {
      if (open) close(fd)
      open = false
    },
  }
}

/**
 * The IPv4 frames of one interface as they come from the card: before packet filters and rp_filter, and whichever
 * program has the port. undefined when this process cannot have them (no koffi, no CAP_NET_RAW, no such interface).
 * `filter` makes a program of classic BPF for the interface's index: what it drops costs no copy and no system call.
 */
export function openFrameReceiver(
  interfaceName: string,
  filter?: (index: number) => Uint8Array,
): FrameReceiver | undefined {
  const opened = openPacketSocket(interfaceName, SOCK_RAW)
  if (opened === undefined) return undefined
  const { libc, fd, index } = opened
  const { bind, close, recv } = libc
  const address = linkLayerAddress(index)
  // The filter is there before the first frame is.
  const isFiltered = filter === undefined || attachFilter(libc, fd, filter(index))
  if (!isFiltered || bind(fd, address, address.length) < 0) {
    close(fd)
    return undefined
  }
  const buffer = new Uint8Array(FRAME_LIMIT)
  let open = true
  return {
    receive() {
      // EAGAIN is the usual answer; any other failure is as good as no frame.
      const length = open ? recv(fd, buffer, buffer.length, 0) : -1
      return length < 0 ? undefined : buffer.slice(0, length)
    },
    close() {
      if (open) close(fd)
      open = false
    },
  }
}

/**
 * Asks by ARP Probes (RFC 5227 §2.1.1) on one interface, whose own address is `mac`; undefined when this process cannot
 * (no koffi, no CAP_NET_RAW, no such interface).
 */
export function openArpWire(interfaceName: string, mac: Mac): ProbeWire | undefined {
  const opened = openPacketSocket(interfaceName, SOCK_DGRAM)
  if (opened === undefined) return undefined
  const { libc, fd, index } = opened
  const target = linkLayerAddress(index, ETH_P_ARP)
  target.set(new Uint8Array(6).fill(0xff), SLL_ADDRESS)
  // Before it is bound: until then nothing is queued, and so nothing else ever is.
  if (!attachFilter(libc, fd, ARP_REPLIES) || libc.bind(fd, target, target.length) < 0) {
    libc.close(fd)
    return undefined
  }
  const buffer = new Uint8Array(FRAME_LIMIT)
  return {
    ask(address) {
      const probe = buildArpProbe(mac, address)
      return libc.sendto(fd, probe, probe.length, 0, target, target.length) >= 0
    },
    hear() {
      for (;;) {
        const length = libc.recv(fd, buffer, buffer.length, 0)
        if (length < 0) return undefined
        const reply = parseArpReply(buffer.subarray(0, length))
        if (reply !== undefined) return reply
      }
    },
    close: () => void libc.close(fd),
  }
}

/** On the ARP packet: the operation is at 6, and 2 is a reply (RFC 826). */
const ARP_REPLIES = assemble([
  [CODE.loadHalf, 6],
  [CODE.jumpEqual, 2, 'unless'],
  [CODE.accept, 64],
  [CODE.accept, 0],
])

interface PacketSocket {
  readonly libc: Libc
  readonly fd: number
  /** Of the interface. */
  readonly index: number
}

/** Protocol 0: until it is bound to another, the kernel queues nothing for it, of no interface (packet(7)). */
function openPacketSocket(interfaceName: string, type: number): PacketSocket | undefined {
  const libc = loadLibc()
  if (!libc.ok) return undefined
  const index = interfaceIndex(libc.value, interfaceName)
  if (index === 0) return undefined
  const fd = libc.value.socket(AF_PACKET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
  return fd < 0 ? undefined : { libc: libc.value, fd, index }
}

const AF_PACKET = 17
const ETH_P_IP = 0x0800
const ETH_P_ARP = 0x0806
/** Longer frames are cut: DHCP messages are shorter. */
const FRAME_LIMIT = 2048
const ENXIO = 6
const ENODEV = 19
/** Offset of sll_addr in struct sockaddr_ll, packet(7). */
const SLL_ADDRESS = 12

function interfaceIndex(libc: Libc, name: string): number {
  return name.length > INTERFACE_NAME_LIMIT ? 0 : libc.if_nametoindex(name)
}

/** struct sockaddr_ll, packet(7): family 0, protocol 2 (network order), ifindex 4, halen 11, address 12 to 19. */
function linkLayerAddress(index: number, protocol = ETH_P_IP): Uint8Array {
  const bytes = new Uint8Array(20)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, AF_PACKET, isLittleEndian)
  view.setUint16(2, protocol)
  writeIndex(bytes, index)
  view.setUint8(11, 6)
  return bytes
}

function writeIndex(address: Uint8Array, index: number): void {
  new DataView(address.buffer).setInt32(4, index, isLittleEndian)
}
