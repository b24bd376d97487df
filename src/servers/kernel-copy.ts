import type { Socket } from 'node:net'
import type { FileReader } from './file-reader.ts'
import { isResident, openSendfile, type Sendfile } from './sendfile.ts'

/** Octets that the kernel is asked to move at once, and of which one look in so many tells that they are in memory. */
const WINDOW = 4 << 20
const LOOK_EVERY = 512 << 10
/** Octets after which everybody else has a turn. */
const TURN = 16 << 20
/** Windows that were not in memory. */
const PATIENCE = 2
/** Octets at the end of a file's span that are read and checked: what was sent before counts only with them. */
const LAST = 64 << 10

/**
 * Moves a large span of a file to a connection inside the kernel, as far as that goes without waiting: until the connection
 * takes no more, or the disk would have to be read. The last octets are never sent so: they follow when the file was seen not
 * to have changed meanwhile, so that no client ever has a whole answer with octets of another file.
 */
export class KernelCopy {
  readonly #socket: Socket
  readonly #file: number
  readonly #out: Sendfile
  #misses = 0
  /** Up to where the file was seen to be in memory. */
  #seen = 0

  private constructor(socket: Socket, file: number, out: Sendfile) {
    this.#socket = socket
    this.#file = file
    this.#out = out
  }

  /** Undefined where it is not worth it, or cannot be. */
  static async open(socket: Socket, reader: FileReader, length: number): Promise<KernelCopy | undefined> {
    if (length < WINDOW) return undefined
    const file = await reader.descriptor()
    const out = file === undefined ? undefined : openSendfile(socket)
    return file === undefined || out === undefined ? undefined : new KernelCopy(socket, file, out)
  }

  /** False once the file was seen not to be in the kernel's memory: then it is read, once for all who want it. */
  get isUseful(): boolean {
    return this.#misses < PATIENCE
  }

  /**
   * Octets that went from `at` on, less than what is left to `end`; 0 when the next piece has to be read and written.
   * All before must have been taken by the kernel: Node's own queue of this connection is empty.
   */
  send(at: number, end: number): number {
    let next = at
    const last = Math.min(end - LAST, at + TURN)
    while (next < last && !this.#socket.destroyed) {
      const length = Math.min(WINDOW, last - next)
      if (!this.#isThere(next, next + length)) break
      const sent = this.#out.send(this.#file, next, length) ?? 0
      if (sent === 0) break
      next += sent
    }
    return next - at
  }

  /** Looked at once, shortly before it is sent. */
  #isThere(at: number, end: number): boolean {
    const from = Math.max(at, this.#seen)
    if (from >= end) return true
    const isThere = isResident(this.#file, { at: from, length: end - from, step: LOOK_EVERY })
    if (isThere) this.#seen = end
    else this.#misses += 1
    return isThere
  }

  close(): void {
    this.#out.close()
  }
}
