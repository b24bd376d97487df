import { assemble, CODE } from './bpf.ts'

/** Longer frames are cut: DHCP messages are shorter. */
const FRAME_LIMIT = 2048
/** Offsets in an Ethernet frame with IPv4 (RFC 894, RFC 791 §3.1); behind the IPv4 header from its own start. */
const AT = { etherType: 12, headerLength: 14, fragment: 20, protocol: 23 } as const
const BEHIND_HEADER = { destinationPort: 14 + 2, op: 14 + 8 } as const
/** linux/filter.h: what a load from here reads is not in the frame. */
const SKF_AD_OFF = -0x1000
const SKF_AD_IFINDEX = 8

/**
 * A program of classic BPF (SO_ATTACH_FILTER, packet(7)) that lets pass what servers send to DHCP clients: UDP to port
 * 68, whole, `op` 2 (RFC 2131 §2). `index` is the interface's: a socket on eth1 would also be given the frames of eth1.20.
 */
export function replyFilter(index: number): Uint8Array {
  return assemble([
    [CODE.loadWord, SKF_AD_OFF + SKF_AD_IFINDEX],
    [CODE.jumpEqual, index, 'unless'],
    [CODE.loadHalf, AT.etherType],
    [CODE.jumpEqual, 0x0800, 'unless'],
    [CODE.loadByte, AT.protocol],
    [CODE.jumpEqual, 17, 'unless'],
    [CODE.loadHalf, AT.fragment],
    [CODE.jumpBits, 0x3fff, 'if'],
    [CODE.loadHeaderLength, AT.headerLength],
    [CODE.loadHalfAtX, BEHIND_HEADER.destinationPort],
    [CODE.jumpEqual, 68, 'unless'],
    [CODE.loadByteAtX, BEHIND_HEADER.op],
    [CODE.jumpEqual, 2, 'unless'],
    [CODE.accept, FRAME_LIMIT],
    [CODE.accept, 0],
  ])
}
