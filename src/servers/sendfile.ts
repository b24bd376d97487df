import type { Socket } from 'node:net'
import { isLittleEndian, isWide, type Libc, loadLibc } from './libc.ts'

/** A file and a connection between which the kernel moves octets by itself: nothing is copied into this process. */
export interface Sendfile {
  /** Octets that the kernel took; 0 when the connection takes none now; undefined when it is broken. */
  send(file: number, at: number, length: number): number | undefined
  /** To be called once it is not used any more, also after the connection was closed. */
  close(): void
}

/** preadv2(2): do not wait for the disk. */
const RWF_NOWAIT = 0x08
const AF_INET = 2
const AF_INET6 = 10
/** Octets of struct sockaddr_in6, the longer one. */
const SOCKADDR = 28
const EINTR = 4
const EAGAIN = 11

/**
 * sendfile(2) to a connection; undefined where that cannot be (TLS, no koffi, no free descriptor).
 *
 * Nothing is ever written to a descriptor of somebody else. The number comes from libuv's handle, which Node does not
 * document; it is only used to make a duplicate, in the same turn of the event loop in which the socket is open (libuv closes
 * descriptors in calls of this thread alone), and the duplicate must have the client's address and port: of all open
 * connections one has them. The duplicate is ours alone, and its number is not given again until we close it. Whoever calls
 * `send` has looked in the same turn that the socket is open.
 */
export function openSendfile(socket: Socket): Sendfile | undefined {
  const libc = loadLibc()
  const number = descriptorOf(socket)
  if (!libc.ok || number === undefined || 'encrypted' in socket || socket.destroyed) return undefined
  const fd = libc.value.dup(number)
  if (fd < 0) return undefined
  if (isPeer(libc.value, fd, socket)) return new OpenSendfile(libc.value, fd)
  libc.value.close(fd)
  return undefined
}

class OpenSendfile implements Sendfile {
  readonly #libc: Libc
  readonly #fd: number
  #isOpen = true

  constructor(libc: Libc, fd: number) {
    this.#libc = libc
    this.#fd = fd
  }

  send(file: number, at: number, length: number): number | undefined {
    if (!this.#isOpen) return undefined
    const sent = this.#libc.sendfile(this.#fd, file, [at], length)
    if (sent > 0) return sent
    const errno = this.#libc.errno()
    // 0 octets without an error: the file ended early, and whoever reads it next will see that.
    return sent === 0 || errno === EAGAIN || errno === EINTR ? 0 : undefined
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#libc.close(this.#fd)
  }
}

function descriptorOf(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle')
  if (typeof handle !== 'object' || handle === null) return undefined
  const number: unknown = Reflect.get(handle, 'fd')
  return typeof number === 'number' && number >= 0 ? number : undefined
}

function isPeer(libc: Libc, fd: number, { remoteAddress, remotePort }: Socket): boolean {
  const bytes = new Uint8Array(SOCKADDR)
  if (libc.getpeername(fd, bytes, [bytes.length]) < 0) return false
  const view = new DataView(bytes.buffer)
  if (view.getUint16(2) !== remotePort) return false
  const family = view.getUint16(0, isLittleEndian)
  if (family === AF_INET) return bytes.subarray(4, 8).join('.') === remoteAddress
  // Node listens on IPv6 for both: an IPv4 client is ::ffff:10.0.0.1 (RFC 4291 §2.5.5.2).
  return family === AF_INET6 && remoteAddress === `::ffff:${bytes.subarray(20, 24).join('.')}`
}

let probe: { readonly vector: unknown } | undefined

/** One octet into a place that stays: struct iovec is a pointer and a length. */
function probeVector(libc: Libc): unknown {
  if (probe !== undefined) return probe.vector
  const room = libc.allocate(1)
  const vector = libc.allocate(16)
  const view = new DataView(vector.memory)
  if (isWide) {
    view.setBigUint64(0, room.address, isLittleEndian)
    view.setBigUint64(8, 1n, isLittleEndian)
  } else {
    view.setUint32(0, Number(room.address), isLittleEndian)
    view.setUint32(4, 1, isLittleEndian)
  }
  probe = { vector: vector.pointer }
  return probe.vector
}

/**
 * Whether the octets of a file are in the kernel's memory, so that `send` need not wait for a disk and all other clients
 * with it. One look for every `step` octets; false too where the file system cannot tell.
 */
export function isResident(
  file: number,
  { at, length, step }: { readonly at: number; readonly length: number; readonly step: number },
): boolean {
  const libc = loadLibc()
  if (!libc.ok) return false
  const vector = probeVector(libc.value)
  for (let offset = at; offset < at + length; offset += step)
    if (libc.value.preadv2(file, vector, 1, offset, RWF_NOWAIT) !== 1) return false
  return libc.value.preadv2(file, vector, 1, at + length - 1, RWF_NOWAIT) === 1
}
