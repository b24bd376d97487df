/** The C library by FFI: what Node's own modules cannot say to the kernel. */
import { createRequire } from 'node:module'
import os from 'node:os'
import { err, ok, type Result } from '../lib/result.ts'

/** Arguments and results as in the manual pages; -1 is a failure whose reason `errno` tells. */
export interface Libc {
  readonly socket: (domain: number, type: number, protocol: number) => number
  readonly close: (fd: number) => number
  readonly setsockopt: (
    ...args: [fd: number, level: number, name: number, value: Uint8Array, length: number]
  ) => number
  readonly bind: (fd: number, address: Uint8Array, length: number) => number
  readonly sendto: (
    ...args: [fd: number, packet: Uint8Array, length: number, flags: number, to: Uint8Array, toLength: number]
  ) => number
  readonly recv: (fd: number, buffer: Uint8Array, length: number, flags: number) => number
  /** With a structure that the kernel fills, and its length. */
  readonly recvfrom: (
    ...args: [fd: number, buffer: Uint8Array, length: number, flags: number, from: Uint8Array, size: [number]]
  ) => number
  /** A duplicate that no child process inherits. */
  readonly dup: (fd: number) => number
  /** From the offset in the first element, which grows by what was sent. */
  readonly sendfile: (to: number, from: number, offset: [number], length: number) => number
  /** `vector` is the address of struct iovec; the offset in octets. */
  readonly preadv2: (
    ...args: [fd: number, vector: unknown, count: number, offset: number, flags: number]
  ) => number
  /** With a structure that the kernel fills, and its length. */
  readonly getpeername: (fd: number, address: Uint8Array, length: [number]) => number
  readonly recvmmsg: (
    ...args: [fd: number, messages: unknown, count: number, flags: number, timeout: null]
  ) => number
  /** With a structure that the kernel fills. */
  readonly ioctl: (fd: number, request: number, argument: Uint8Array) => number
  readonly if_nametoindex: (name: string) => number
  /** Memory that stays where it is, for the life of the process. */
  readonly allocate: (octets: number) => {
    readonly pointer: unknown
    readonly address: bigint
    readonly memory: ArrayBuffer
  }
  /** errno of the newest call above. */
  readonly errno: () => number
}

/** IFNAMSIZ less the NUL. The kernel cuts longer names off, and would bind to another interface. */
export const INTERFACE_NAME_LIMIT = 15
/** Structures that the kernel reads are in the byte order of this machine. */
export const isLittleEndian = os.endianness() === 'LE'
/** Whether pointers have 64 bits. */
export const isWide = ['x64', 'arm64', 'riscv64', 'loong64', 'ppc64'].includes(process.arch)
const ARCHITECTURES = ['x64', 'arm64', 'arm', 'ia32', 'riscv64', 'loong64', 'ppc64']

/** asm-generic/socket.h and bits/socket.h; the architectures above agree on them. */
export const AF_INET = 2
export const SOCK_DGRAM = 2
export const SOCK_RAW = 3
export const SOCK_NONBLOCK = 0o4000
export const SOCK_CLOEXEC = 0o2000000
export const SOL_SOCKET = 1
export const SO_BINDTODEVICE = 25

const F_DUPFD_CLOEXEC = 1030

let loaded: Result<Libc, string> | undefined

/** The error is why not, as one sentence for the operator. */
export function loadLibc(): Result<Libc, string> {
  loaded ??= bindLibc()
  return loaded
}

function bindLibc(): Result<Libc, string> {
  if (process.platform !== 'linux' || !ARCHITECTURES.includes(process.arch))
    return err(`binding sockets to interfaces is not supported on ${process.platform}/${process.arch}`)
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    const symbols = koffi.load(null)
    return ok({
      socket: symbols.func('int socket(int, int, int)'),
      close: symbols.func('int close(int)'),
      setsockopt: symbols.func('int setsockopt(int, int, int, const void *, uint32_t)'),
      bind: symbols.func('int bind(int, const void *, uint32_t)'),
      sendto: symbols.func('intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)'),
      recv: symbols.func('intptr_t recv(int, uint8_t *, size_t, int)'),
      recvfrom: symbols.func(
        'intptr_t recvfrom(int, uint8_t *, size_t, int, _Out_ uint8_t *, _Inout_ uint32_t *)',
      ),
      ioctl: symbols.func('int ioctl(int, unsigned long, _Inout_ uint8_t *)'),
      if_nametoindex: symbols.func('unsigned int if_nametoindex(const char *)'),
      dup: duplicate(symbols.func('int fcntl(int, int, int)')),
      sendfile: symbols.func('intptr_t sendfile64(int, int, _Inout_ int64_t *, size_t)'),
      preadv2: symbols.func('intptr_t preadv64v2(int, const void *, int, int64_t, int)'),
      getpeername: symbols.func('int getpeername(int, _Out_ uint8_t *, _Inout_ uint32_t *)'),
      recvmmsg: symbols.func('int recvmmsg(int, void *, unsigned int, int, void *)'),
      allocate: (octets: number) => {
        const pointer = koffi.alloc('uint8_t', octets)
        return { pointer, address: koffi.address(pointer), memory: koffi.view(pointer, octets) }
      },
      errno: () => koffi.errno(),
    } as Libc)
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n', 1)[0] : String(error)
    return err(`the optional package koffi does not load (${why}); sockets are bound to addresses only`)
  }
}

function duplicate(fcntl: (fd: number, command: number, from: number) => number): Libc['dup'] {
  return (fd) => fcntl(fd, F_DUPFD_CLOEXEC, 0)
}
