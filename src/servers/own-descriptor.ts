import type { Socket } from 'node:net'
import { isLittleEndian, type Libc, loadLibc } from './libc.ts'

/** A duplicate of a connection's descriptor: nobody else has its number until it is closed. */
export interface OwnDescriptor {
  readonly libc: Libc
  readonly fd: number
  /** To be called once it is not used any more: the kernel keeps the connection until then. May be called again. */
  close(): void
}

const AF_INET = 2
const AF_INET6 = 10
/** Octets of struct sockaddr_in6, the longer one. */
const SOCKADDR = 28

/**
 * Undefined where that cannot be (no koffi, no free descriptor, a closed socket). Of a TLS socket it is the connection below.
 *
 * The number comes from libuv's handle, which Node does not document; it is only used to make a duplicate, in the same turn of
 * the event loop in which the socket is open (libuv closes descriptors in calls of this thread alone), and the duplicate must have
 * the client's address and port: of all open connections one has them.
 */
export function ownDescriptor(socket: Socket): OwnDescriptor | undefined {
  const libc = loadLibc()
  const number = descriptorOf(socket)
  if (!libc.ok || number === undefined || socket.destroyed) return undefined
  const fd = libc.value.dup(number)
  if (fd < 0) return undefined
  if (isPeer(libc.value, fd, socket)) return new Duplicate(libc.value, fd)
  libc.value.close(fd)
  return undefined
}

class Duplicate implements OwnDescriptor {
  readonly libc: Libc
  readonly fd: number
  #isOpen = true

  constructor(libc: Libc, fd: number) {
    this.libc = libc
    this.fd = fd
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.libc.close(this.fd)
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
