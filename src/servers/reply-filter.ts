import { isLittleEndian } from './libc.ts'

/** Longer frames are cut: DHCP messages are shorter. */
const FRAME_LIMIT = 2048
/** Offsets in an Ethernet frame with IPv4 (RFC 894, RFC 791 §3.1); behind the IPv4 header from its own start. */
const AT = { etherType: 12, headerLength: 14, fragment: 20, protocol: 23 } as const
const BEHIND_HEADER = { destinationPort: 14 + 2, op: 14 + 8 } as const
/** linux/filter.h: what a load from here reads is not in the frame. */
const SKF_AD_OFF = -0x1000
const SKF_AD_IFINDEX = 8

/** Classic BPF, linux/bpf_common.h: class, size and mode of each instruction that is used. */
const CODE = {
  loadByte: 0x30,
  loadHalf: 0x28,
  loadWord: 0x20,
  loadHalfAtX: 0x48,
  loadByteAtX: 0x50,
  /** X becomes four times the low nibble of an octet: the length of an IPv4 header. */
  loadHeaderLength: 0xb1,
  jumpEqual: 0x15,
  jumpBits: 0x45,
  accept: 0x06,
} as const

/** Where a jump goes to the end, which drops the frame: when its condition holds, or when it does not. */
type Line = readonly [code: number, k: number, dropped?: 'if' | 'unless']

/**
 * A program of classic BPF (SO_ATTACH_FILTER, packet(7)) that lets pass what servers send to DHCP clients: UDP to port
 * 68, whole, `op` 2 (RFC 2131 §2). `index` is the interface's: a socket on eth1 would also be given the frames of eth1.20.
 */
export function replyFilter(index: number): Uint8Array {
  const lines: readonly Line[] = [
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
  ]
  const bytes = new Uint8Array(lines.length * INSTRUCTION)
  const view = new DataView(bytes.buffer)
  lines.forEach(([code, k, dropped], i) => {
    const drop = lines.length - 2 - i
    view.setUint16(i * INSTRUCTION, code, isLittleEndian)
    view.setUint8(i * INSTRUCTION + 2, dropped === 'if' ? drop : 0)
    view.setUint8(i * INSTRUCTION + 3, dropped === 'unless' ? drop : 0)
    view.setInt32(i * INSTRUCTION + 4, k, isLittleEndian)
  })
  return bytes
}

/** Octets of struct sock_filter: code 2, jt 1, jf 1, k 4. */
export const INSTRUCTION = 8
