import type { Socket } from 'node:net'
import { isLittleEndian, isWide, type Libc, loadLibc } from './libc.ts'
import { type OwnDescriptor, ownDescriptor } from './own-descriptor.ts'

/** A file and a connection between which the kernel moves octets by itself: nothing is copied into this process. */
export interface Sendfile {
  /** Octets that the kernel took; 0 when the connection takes none now; undefined when it is broken. */
  send(file: number, at: number, length: number): number | undefined
  /** To be called once it is not used any more, also after the connection was closed. */
  close(): void
}

/** preadv2(2): do not wait for the disk. */
const RWF_NOWAIT = 0x08
const EINTR = 4
const EAGAIN = 11

/**
 * sendfile(2) to a connection; undefined where that cannot be (TLS, no koffi, no free descriptor). Nothing is ever written to a
 * descriptor of somebody else: it goes to a duplicate of our own. Whoever calls `send` has looked in the same turn of the event
 * loop that the socket is open.
 */
export function openSendfile(socket: Socket): Sendfile | undefined {
  const own = 'encrypted' in socket ? undefined : ownDescriptor(socket)
  return own === undefined ? undefined : new OpenSendfile(own)
}

class OpenSendfile implements Sendfile {
  readonly #own: OwnDescriptor
  #isOpen = true

  constructor(own: OwnDescriptor) {
    this.#own = own
  }

  send(file: number, at: number, length: number): number | undefined {
    if (!this.#isOpen) return undefined
    const sent = this.#own.libc.sendfile(this.#own.fd, file, [at], length)
    if (sent > 0) return sent
    const errno = this.#own.libc.errno()
    // 0 octets without an error: the file ended early, and whoever reads it next will see that.
    return sent === 0 || errno === EAGAIN || errno === EINTR ? 0 : undefined
  }

  close(): void {
    this.#isOpen = false
    this.#own.close()
  }
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
