import { getSystemErrorName } from 'node:util'
import { err, ok, type Result } from '../lib/result.ts'
import {
  INTERFACE_NAME_LIMIT,
  type Libc,
  loadLibc,
  SO_BINDTODEVICE,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
} from './libc.ts'

/**
 * A raw ICMPv6 socket on one interface, through FFI: Node has none. It does not block; whoever owns it asks
 * `receive` now and then.
 */
export interface Icmpv6Socket {
  /** The next waiting message of the filtered types, or undefined when none is waiting. */
  receive(): Icmpv6Message | undefined
  /** Sends a message to the group, or to the sender of another one, hop limit 255; returns whether the kernel took it. */
  sendTo(to: Icmpv6Sender | 'group', message: Uint8Array): boolean
  close(): void
}

export interface Icmpv6Message {
  readonly from: Icmpv6Sender
  /** The ICMPv6 message without its IPv6 header; the kernel has checked its checksum. */
  readonly message: Uint8Array
}

/** A `struct sockaddr_in6`, kept as bytes. */
export type Icmpv6Sender = Uint8Array & { readonly __brand: 'Icmpv6Sender' }

export interface Icmpv6Options {
  readonly interface: string
  /** Multicast group to join on the interface: 16 bytes. */
  readonly group: Uint8Array
  /** The only ICMPv6 types to receive. */
  readonly types: readonly number[]
}

/** Values of the Linux ABI (x86_64 and arm64 agree on them). */
const AF_INET6 = 10
const IPPROTO_IPV6 = 41
const IPPROTO_ICMPV6 = 58
const IPV6_UNICAST_HOPS = 16
const IPV6_MULTICAST_HOPS = 18
const IPV6_JOIN_GROUP = 20
const ICMPV6_FILTER = 1
const SOCKADDR_IN6_SIZE = 28
const ADDRESS_AT = 8
const MESSAGE_LIMIT = 1500
/** RFC 4861 §6.1.1, §6.1.2: receivers drop neighbour discovery messages with any other hop limit. */
const NEIGHBOUR_DISCOVERY_HOP_LIMIT = 255

/** Opens the socket (needs NET_RAW). The error is one sentence for the operator. */
export function openIcmpv6Socket(options: Icmpv6Options): Result<Icmpv6Socket, string> {
  const libc = loadLibc()
  if (!libc.ok) return libc
  const failed = (what: string): { readonly ok: false; readonly error: string } =>
    err(`${what} on ${options.interface} failed: ${getSystemErrorName(-libc.value.errno())}`)
  const isName = options.interface.length <= INTERFACE_NAME_LIMIT
  const index = isName ? libc.value.if_nametoindex(options.interface) : 0
  if (index === 0) return failed('finding the interface index')
  const fd = libc.value.socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6)
  if (fd < 0) return failed('opening a raw ICMPv6 socket')
  for (const [what, level, name, value] of settings(options, index)) {
    if (libc.value.setsockopt(fd, level, name, value, value.length) === 0) continue
    const failure = failed(what)
    libc.value.close(fd)
    return failure
  }
  return ok(socketOn(libc.value, fd, groupAddress(options.group, index)))
}

type Setting = readonly [what: string, level: number, name: number, value: Uint8Array]

function settings(options: Icmpv6Options, index: number): readonly Setting[] {
  const hops = nativeInt(NEIGHBOUR_DISCOVERY_HOP_LIMIT)
  const membership = new Uint8Array([...options.group, ...nativeInt(index)])
  return [
    [
      'binding to the interface',
      SOL_SOCKET,
      SO_BINDTODEVICE,
      new TextEncoder().encode(`${options.interface}\0`),
    ],
    ['filtering ICMPv6 types', IPPROTO_ICMPV6, ICMPV6_FILTER, passOnly(options.types)],
    ['setting the hop limit', IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops],
    ['setting the multicast hop limit', IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops],
    ['joining the multicast group', IPPROTO_IPV6, IPV6_JOIN_GROUP, membership],
  ]
}

/** struct sockaddr_in6, ipv6(7): family 0, address 8, scope 24. */
function groupAddress(group: Uint8Array, index: number): Icmpv6Sender {
  const bytes = new Uint8Array(SOCKADDR_IN6_SIZE)
  bytes.set(new Uint8Array(Uint16Array.of(AF_INET6).buffer))
  bytes.set(group, ADDRESS_AT)
  bytes.set(nativeInt(index), ADDRESS_AT + 16)
  return bytes as Icmpv6Sender
}

/** The address of a sender: 16 octets. */
export function addressOf(sender: Icmpv6Sender): Uint8Array {
  return sender.subarray(ADDRESS_AT, ADDRESS_AT + 16)
}

function socketOn(libc: Libc, fd: number, group: Icmpv6Sender): Icmpv6Socket {
  let open = true
  return {
    receive: () => (open ? receiveFrom(libc, fd) : undefined),
    sendTo: (to, message) => {
      const address = to === 'group' ? group : to
      return open && libc.sendto(fd, message, message.length, 0, address, address.length) >= 0
    },
    close: () => {
      if (open) libc.close(fd)
      open = false
    },
  }
}

function receiveFrom(libc: Libc, fd: number): Icmpv6Message | undefined {
  const buffer = new Uint8Array(MESSAGE_LIMIT)
  const from = new Uint8Array(SOCKADDR_IN6_SIZE)
  const length = libc.recvfrom(fd, buffer, buffer.length, 0, from, [SOCKADDR_IN6_SIZE])
  // EAGAIN is the usual answer; any other error is as good as no message.
  return length < 0 ? undefined : { from: from as Icmpv6Sender, message: buffer.subarray(0, length) }
}

/** struct icmp6_filter (RFC 3542 §3.2; Linux: a set bit blocks the type). */
function passOnly(types: readonly number[]): Uint8Array {
  const words = new Uint32Array(8).fill(0xffffffff)
  for (const type of types) words[type >> 5] = ((words[type >> 5] ?? 0) & ~(1 << (type & 31))) >>> 0
  return new Uint8Array(words.buffer)
}

function nativeInt(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer)
}
