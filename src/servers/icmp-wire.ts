import { randomInt } from 'node:crypto'
import type { Ipv4 } from '../lib/ipv4.ts'
import { buildIcmpEcho, parseIcmpEchoReply } from '../protocol/frame/icmp-echo.ts'
import type { ProbeWire } from './address-prober.ts'
import { assemble, attachFilter, CODE } from './bpf.ts'
import { AF_INET, isLittleEndian, loadLibc, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW } from './libc.ts'

const IPPROTO_ICMP = 1
const PACKET_LIMIT = 128

/**
 * Asks by ICMP echo requests, which find their way by the routing table (icmp(7), raw(7)); undefined when this process
 * cannot (no koffi, no CAP_NET_RAW). An answer names no MAC.
 */
export function openIcmpWire(): ProbeWire | undefined {
  const loaded = loadLibc()
  if (!loaded.ok) return undefined
  const libc = loaded.value
  const fd = libc.socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP)
  if (fd < 0) return undefined
  const identifier = randomInt(1, 0x1_0000)
  if (!attachFilter(libc, fd, echoRepliesOf(identifier))) {
    libc.close(fd)
    return undefined
  }
  const buffer = new Uint8Array(PACKET_LIMIT)
  let sequence = 0
  return {
    ask(address) {
      sequence = (sequence + 1) & 0xffff
      const message = buildIcmpEcho(identifier, sequence)
      const to = internetAddress(address)
      return libc.sendto(fd, message, message.length, 0, to, to.length) >= 0
    },
    hear() {
      for (;;) {
        const length = libc.recv(fd, buffer, buffer.length, 0)
        if (length < 0) return undefined
        const address = parseIcmpEchoReply(buffer.subarray(0, length), identifier)
        if (address !== undefined) return { address }
      }
    },
    close: () => void libc.close(fd),
  }
}

/** struct sockaddr_in, ip(7). */
function internetAddress(address: Ipv4): Uint8Array {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, AF_INET, isLittleEndian)
  view.setUint32(4, address)
  return bytes
}

/** On the IPv4 packet: behind its header type 0, then the identifier (RFC 792). */
function echoRepliesOf(identifier: number): Uint8Array {
  return assemble([
    [CODE.loadHeaderLength, 0],
    [CODE.loadByteAtX, 0],
    [CODE.jumpEqual, 0, 'unless'],
    [CODE.loadHalfAtX, 4],
    [CODE.jumpEqual, identifier, 'unless'],
    [CODE.accept, PACKET_LIMIT],
    [CODE.accept, 0],
  ])
}
