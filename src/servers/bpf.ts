import { isLittleEndian, isWide, type Libc, SOL_SOCKET } from './libc.ts'

/** Classic BPF, linux/bpf_common.h: class, size and mode of each instruction that is used. */
export const CODE = {
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

/** Octets of struct sock_filter: code 2, jt 1, jf 1, k 4. */
const INSTRUCTION = 8
/** Octets. */
const PROGRAM_LIMIT = 256
const SO_ATTACH_FILTER = 26

/** A program whose last line drops the frame. */
export function assemble(lines: readonly Line[]): Uint8Array {
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

let program: ReturnType<Libc['allocate']> | undefined

/** SO_ATTACH_FILTER with struct sock_fprog: the number of instructions, and a pointer to them, which the kernel copies. */
export function attachFilter(libc: Libc, fd: number, instructions: Uint8Array): boolean {
  program ??= libc.allocate(PROGRAM_LIMIT)
  new Uint8Array(program.memory).set(instructions)
  const bytes = new Uint8Array(isWide ? 16 : 8)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, instructions.length / INSTRUCTION, isLittleEndian)
  if (isWide) view.setBigUint64(8, program.address, isLittleEndian)
  else view.setUint32(4, Number(program.address), isLittleEndian)
  return libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, bytes, bytes.length) >= 0
}
