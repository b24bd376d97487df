/**
 * Interface-bound UDP sockets.
 *
 * Node's dgram can neither learn the interface a broadcast came in by nor choose the one it leaves by. Here the
 * socket is made with SO_BINDTODEVICE through FFI and handed to dgram by descriptor (`bind({ fd })`), which from
 * then on owns and closes it. Without koffi everything still works on a host with one served interface: sockets
 * are bound to addresses, broadcasts leave by the routing table, and there are no raw unicast replies.
 */
import dgram from 'node:dgram'
import { getSystemErrorName } from 'node:util'
import type { Ipv4 } from '../lib/ipv4.ts'
import { err, ok, type Result } from '../lib/result.ts'
import {
  AF_INET,
  INTERFACE_NAME_LIMIT,
  isLittleEndian,
  isWide,
  type Libc,
  loadLibc,
  SO_BINDTODEVICE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from './libc.ts'
import { portTaken } from './port-holder.ts'

export interface UdpOptions {
  /** Dotted decimal; `0.0.0.0` to receive broadcasts. */
  readonly address: string
  /** 0 lets the kernel choose. */
  readonly port: number
  /** Linux interface name; packets of other interfaces are then neither received nor sent. */
  readonly interface?: string | undefined
  /** Allow sending to broadcast addresses. */
  readonly broadcast?: boolean
}

/** One received datagram, its bytes a copy. */
export interface Datagram {
  readonly bytes: Uint8Array
  /** The sender's. */
  readonly address: Ipv4
  readonly port: number
  /** When the kernel received it: milliseconds since 1970. */
  readonly receivedAt: number
}

/** The fast way past dgram: many datagrams for one system call, and no objects for a send. */
export interface UdpBatch {
  /** Waiting datagrams, the oldest first, at most 32; none when none waits. Never blocks. */
  receive(): readonly Datagram[]
  /** Datagrams that the kernel had no room for, as the newest received one was told: those since then are not in it yet. */
  readonly lost: number
  /** Never blocks and never throws; an error value means that nothing was sent. */
  send(bytes: Uint8Array, address: Ipv4, port: number): Result<undefined, SocketError>
  /** To be called before the socket is closed: its descriptor may be another file's then. */
  close(): void
}

export interface BatchedUdp {
  /** Tells that something arrived, with the first datagram; owns the descriptor. */
  readonly socket: dgram.Socket
  /** undefined without koffi, or where structures are laid out for 32 bits. */
  readonly batch: UdpBatch | undefined
}

/** A system call failed: `code` is the errno name, the message says what and what to do. */
export class SocketError extends Error {
  readonly code: string
  readonly syscall: string

  constructor(code: string, syscall: string, message: string) {
    super(message)
    this.name = 'SocketError'
    this.code = code
    this.syscall = syscall
  }
}

/**
 * Opens a UDP socket; rejects with a {@link SocketError} (`EADDRINUSE`, `ENODEV`, `EPERM`, ...). Two servers never
 * share a port: SO_REUSEADDR stays off, so the second one fails. Sockets on different interfaces do not collide.
 *
 * Without koffi `interface` is not honoured: the socket is bound to `address` alone ({@link nativeSockets} says
 * why), which separates interfaces for unicast only.
 */
export async function openUdp(options: UdpOptions): Promise<dgram.Socket> {
  return (await open(options)).socket
}

/** As {@link openUdp}, for a port where bursts arrive. */
export async function openBatchedUdp(options: UdpOptions): Promise<BatchedUdp> {
  const { socket, libc, fd } = await open(options, true)
  const batch = libc === undefined || fd === undefined ? undefined : batchOn(libc, fd)
  if (batch !== undefined && fd !== undefined && options.interface === undefined) ANYWHERE.add(fd)
  return { socket, batch }
}

export interface SegmentingUdp {
  readonly socket: dgram.Socket
  /** From now on cuts what is sent into datagrams of so many octets (UDP_SEGMENT, udp(7)), or with 0 no longer; false: cannot. */
  readonly segment?: (octets: number) => boolean
  /** Never blocks; the bytes are free again afterwards. Neither may be called once the socket is closed. */
  readonly send?: (
    bytes: Uint8Array,
    to: { readonly address: string; readonly port: number },
  ) => 'sent' | 'full' | 'failed'
}

/** As {@link openUdp}, for a socket that sends many datagrams of one size to one client. */
export async function openSegmentingUdp(options: UdpOptions): Promise<SegmentingUdp> {
  const { socket, libc, fd } = await open(options, true)
  if (libc === undefined || fd === undefined) return { socket }
  const target = internetAddress('0.0.0.0', 0)
  return {
    socket,
    send: (bytes, { address, port }) => {
      writeAddress(target, address, port)
      if (libc.sendto(fd, bytes, bytes.length, MSG_DONTWAIT, target, target.length) >= 0) return 'sent'
      return libc.errno() === EAGAIN ? 'full' : 'failed'
    },
    segment: (octets) => {
      const value = new Uint8Array(Int32Array.of(octets).buffer)
      return libc.setsockopt(fd, SOL_UDP, UDP_SEGMENT, value, value.length) === 0
    },
  }
}

interface Opened {
  readonly socket: dgram.Socket
  readonly libc?: Libc
  readonly fd?: number
}

/** Descriptors that are bound to an address of ours on whichever interface, on a port that other sockets have too. */
const ANYWHERE = new Set<number>()

async function open(options: UdpOptions, isBatched = false): Promise<Opened> {
  const libc = loadLibc()
  if (!libc.ok || (options.interface === undefined && !isBatched))
    return { socket: await openPlainUdp(options) }
  const fd = openBoundDescriptor(libc.value, options, options.interface)
  const socket = dgram.createSocket('udp4')
  try {
    await bound(socket, () => socket.bind({ fd }))
  } catch (error) {
    libc.value.close(fd)
    throw error
  }
  // libuv sets SO_REUSEADDR on every descriptor it adopts; a server that sets it too (dhcpd, dnsmasq) could then
  // bind the same port on the same interface and take every second packet in silence.
  setFlag({ libc: libc.value, fd, what: describe(options) }, SO_REUSEADDR, false)
  return { socket, libc: libc.value, fd }
}

/**
 * recvmmsg(2) into one block of memory made once: headers, then vectors, sender addresses, control data and the datagrams
 * themselves, as many of each as a batch has.
 */
function batchOn(libc: Libc, fd: number): UdpBatch | undefined {
  if (!isWide) return undefined
  prepareBatch(libc, fd)
  const { pointer, address, memory } = libc.allocate(
    BATCH * (HEADER + VECTOR + NAME + CONTROL + DATAGRAM_LIMIT),
  )
  const [vectors, names] = [BATCH * HEADER, BATCH * (HEADER + VECTOR)]
  const controls = names + BATCH * NAME
  const data = controls + BATCH * CONTROL
  const bytes = new Uint8Array(memory)
  const view = new DataView(memory)
  const pointAt = (at: number, target: number): void =>
    view.setBigUint64(at, address + BigInt(target), isLittleEndian)
  for (let i = 0; i < BATCH; i += 1) {
    pointAt(i * HEADER, names + i * NAME)
    view.setUint32(i * HEADER + 8, NAME, isLittleEndian)
    pointAt(i * HEADER + 16, vectors + i * VECTOR)
    view.setBigUint64(i * HEADER + 24, 1n, isLittleEndian)
    pointAt(i * HEADER + 32, controls + i * CONTROL)
    view.setBigUint64(i * HEADER + 40, BigInt(CONTROL), isLittleEndian)
    pointAt(vectors + i * VECTOR, data + i * DATAGRAM_LIMIT)
    view.setBigUint64(vectors + i * VECTOR + 8, BigInt(DATAGRAM_LIMIT), isLittleEndian)
  }
  // The kernel writes lengths over ours.
  const headers = bytes.slice(0, vectors)
  const datagram = (i: number): Datagram => {
    const from = data + i * DATAGRAM_LIMIT
    const stamp = controls + i * CONTROL + CONTROL_HEADER
    return {
      bytes: bytes.slice(from, from + view.getUint32(i * HEADER + 56, isLittleEndian)),
      address: view.getUint32(names + i * NAME + 4) as Ipv4,
      port: view.getUint16(names + i * NAME + 2),
      receivedAt:
        Number(view.getBigInt64(stamp, isLittleEndian)) * 1000 +
        view.getUint32(stamp + 8, isLittleEndian) / 1e6,
    }
  }
  const lostBefore = (i: number): number | undefined => {
    // The second control message is there once something was lost (net/socket.c, `sock_recv_drops`).
    const hasTwo = view.getBigUint64(i * HEADER + 40, isLittleEndian) > BigInt(TIME_STAMP)
    return hasTwo
      ? view.getUint32(controls + i * CONTROL + TIME_STAMP + CONTROL_HEADER, isLittleEndian)
      : undefined
  }
  let lost = 0
  const target = internetAddress('0.0.0.0', 0)
  const targetView = new DataView(target.buffer)
  let isOpen = true
  return {
    receive() {
      bytes.set(headers)
      const count = isOpen ? libc.recvmmsg(fd, pointer, BATCH, MSG_DONTWAIT, null) : 0
      const datagrams: Datagram[] = []
      for (let i = 0; i < count; i += 1) datagrams.push(datagram(i))
      if (count > 0) lost = lostBefore(count - 1) ?? lost
      return datagrams
    },
    get lost() {
      return lost
    },
    send(payload, to, port) {
      targetView.setUint16(2, port)
      targetView.setUint32(4, to)
      const sent = isOpen ? libc.sendto(fd, payload, payload.length, MSG_DONTWAIT, target, target.length) : -1
      return sent < 0 ? err(failed('sendto', isOpen ? libc.errno() : EBADF, 'a datagram')) : ok(undefined)
    },
    close() {
      isOpen = false
      ANYWHERE.delete(fd)
    },
  }
}

/** A larger buffer, and what the kernel shall tell with each datagram. */
function prepareBatch(libc: Libc, fd: number): void {
  // Best effort: what a burst needs beyond the usual 208 KiB.
  const size = new Uint8Array(Int32Array.of(RECEIVE_BUFFER).buffer)
  for (const name of [SO_RCVBUF, SO_RCVBUFFORCE]) libc.setsockopt(fd, SOL_SOCKET, name, size, size.length)
  setFlag({ libc, fd, what: 'time stamps of UDP' }, SO_TIMESTAMPNS_NEW, true)
  setFlag({ libc, fd, what: 'losses of UDP' }, SO_RXQ_OVFL, true)
}

// Linux, the generic ABI (x64, arm64, arm, riscv64, loong64, ppc64 for these): asm-generic/socket.h, bits/socket.h.
/** linux/udp.h. */
const SOL_UDP = 17
const UDP_SEGMENT = 103
const SO_REUSEADDR = 2
const SO_BROADCAST = 6
const SO_RCVBUF = 8
const SO_RCVBUFFORCE = 33
const SO_TIMESTAMPNS_NEW = 64
const SO_RXQ_OVFL = 40
const MSG_DONTWAIT = 0x40
/** Octets; the kernel doubles it. A burst of 2000 messages of 300 octets takes 2.5 MiB of it (their `truesize`). */
const RECEIVE_BUFFER = 2 * 1024 * 1024
/** Datagrams of one system call. */
const BATCH = 32
/** Longer datagrams are cut: no DHCP message is longer than a frame. */
const DATAGRAM_LIMIT = 2048
// struct mmsghdr, iovec, sockaddr_in, and control messages with struct __kernel_timespec and a count of 32 bits, where
// pointers have 64 bits.
const HEADER = 64
const VECTOR = 16
const NAME = 16
const CONTROL_HEADER = 16
const TIME_STAMP = 32
const CONTROL = TIME_STAMP + 24
const EBADF = 9
const EAGAIN = 11
const EADDRINUSE = 98
/** The loopback interface, where no network of ours is. */
const NOWHERE = 'lo'

interface Descriptor {
  readonly libc: Libc
  readonly fd: number
  /** What is being opened, for messages: `UDP 0.0.0.0:67 on eth0`. */
  readonly what: string
}

async function openPlainUdp(options: UdpOptions): Promise<dgram.Socket> {
  const socket = dgram.createSocket('udp4')
  try {
    await bound(socket, () => socket.bind({ address: options.address, port: options.port }))
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    throw new SocketError(
      code ?? 'EIO',
      syscall ?? 'bind',
      sentence(code ?? 'EIO', describe(options), options.port),
    )
  }
  socket.setBroadcast(options.broadcast ?? false)
  return socket
}

/** Resolves when the socket listens; closes it and rejects when it cannot. */
function bound(socket: dgram.Socket, bind: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      socket.close()
      reject(error)
    }
    socket.once('error', fail)
    socket.once('listening', () => {
      socket.off('error', fail)
      resolve()
    })
    try {
      bind()
    } catch (error) {
      fail(error)
    }
  })
}

function openBoundDescriptor(libc: Libc, options: UdpOptions, interfaceName: string | undefined): number {
  const what = describe(options)
  if (interfaceName === '' || (interfaceName ?? '').length > INTERFACE_NAME_LIMIT)
    throw new SocketError('ENODEV', 'setsockopt', sentence('ENODEV', what))
  const fd = libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
  if (fd < 0) throw failed('socket', libc.errno(), what)
  try {
    if (options.broadcast === true) setFlag({ libc, fd, what }, SO_BROADCAST, true)
    if (interfaceName !== undefined && !setDevice({ libc, fd }, interfaceName))
      throw failed('setsockopt', libc.errno(), what)
    bindBeside({ libc, fd, what }, options)
    return fd
  } catch (error) {
    libc.close(fd)
    throw error
  }
}

/**
 * 0.0.0.0 of one interface and an address of any interface cannot have the same port by bind(2), but by a change of
 * interface after it: the kernel looks for conflicts only there, and gives a datagram to the socket that has its address
 * (net/ipv4/udp.c, `udp_lib_lport_inuse` and `__udp4_lib_lookup`).
 */
function bindBeside({ libc, fd, what }: Descriptor, { address, port, interface: name }: UdpOptions): void {
  const target = internetAddress(address, port)
  const bind = (): boolean => libc.bind(fd, target, target.length) === 0
  if (bind()) return
  const errno = libc.errno()
  const aside = name === undefined ? [fd] : [...ANYWHERE]
  if (errno === EADDRINUSE && aside.every((one) => setDevice({ libc, fd: one }, NOWHERE))) {
    const isBound = bind()
    for (const one of aside) setDevice({ libc, fd: one }, '')
    if (isBound) return
  }
  throw failed('bind', errno, what, port)
}

/** An empty name is any interface. */
function setDevice({ libc, fd }: Pick<Descriptor, 'libc' | 'fd'>, name: string): boolean {
  const text = new TextEncoder().encode(`${name}\0`)
  return libc.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, text, text.length) === 0
}

function setFlag({ libc, fd, what }: Descriptor, name: number, on: boolean): void {
  const value = new Uint8Array(Int32Array.of(on ? 1 : 0).buffer)
  if (libc.setsockopt(fd, SOL_SOCKET, name, value, value.length) < 0)
    throw failed('setsockopt', libc.errno(), what)
}

/** struct sockaddr_in, ip(7): family in host order, port and address in network order, 8 bytes of padding. */
function internetAddress(address: string, port: number): Uint8Array {
  const bytes = new Uint8Array(16)
  new DataView(bytes.buffer).setUint16(0, AF_INET, isLittleEndian)
  writeAddress(bytes, address, port)
  return bytes
}

function writeAddress(bytes: Uint8Array, address: string, port: number): void {
  bytes[2] = port >>> 8
  bytes[3] = port & 255
  const octets = address.split('.').map(Number)
  if (octets.length !== 4 || octets.some((octet) => !(octet >= 0 && octet <= 255)))
    throw new Error(`not an IPv4 address: ${address}`)
  bytes.set(octets, 4)
}

function describe(options: UdpOptions): string {
  const on = options.interface === undefined ? '' : ` on ${options.interface}`
  return `UDP ${options.address}:${options.port}${on}`
}

/** What a failed system call was for, and what to do. */
export function failed(syscall: string, errno: number, what: string, port?: number): SocketError {
  const code = getSystemErrorName(-errno)
  return new SocketError(code, syscall, sentence(code, what, port))
}

function sentence(code: string, what: string, port?: number): string {
  const taken = code === 'EADDRINUSE' && port !== undefined ? portTaken('udp', port) : undefined
  return `${what}: ${taken ?? ADVICE[code] ?? 'the system refused it'} (${code})`
}

const ADVICE: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'no interface of this machine has this address',
  ENODEV: 'there is no such interface; `ip link` lists them',
  ENXIO: 'there is no such interface; `ip link` lists them',
  ENETDOWN: 'the interface is down; `ip link set dev NAME up` starts it',
  EPERM: 'not permitted; run as root or with CAP_NET_BIND_SERVICE and CAP_NET_RAW',
  EACCES: 'not permitted; ports below 1024 need root or CAP_NET_BIND_SERVICE',
  EMSGSIZE: 'the packet is larger than the MTU of the interface',
  ENOBUFS: 'the queue of the interface is full',
  EAGAIN: 'the queue of the socket is full',
  EMFILE: 'too many open files; raise the limit (LimitNOFILE=)',
}
