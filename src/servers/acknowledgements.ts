import type { Socket } from 'node:net'
import { isLittleEndian } from './libc.ts'
import { type OwnDescriptor, ownDescriptor } from './own-descriptor.ts'
import { queueName, readSendQueues, type SendQueues } from './send-queues.ts'

/** Milliseconds between two looks at a connection: each pause is twice the one before. */
const PAUSES_MS = [2, 4, 8, 16, 32, 64, 128, 256]
/** tcp(7), asm-generic/ioctls.h: octets written and not acknowledged. */
const SIOCOUTQ = process.arch === 'ppc64' ? 0x40047473 : 0x5411

interface Sources {
  readonly descriptorOf: (socket: Socket) => OwnDescriptor | undefined
  readonly sendQueues: () => Promise<SendQueues | undefined>
}

interface Waiting {
  readonly socket: Socket
  readonly end: (isAcknowledged: boolean) => void
  own: OwnDescriptor | undefined
  isOver: boolean
}

/**
 * Tells when clients have acknowledged what was written to their connections. The kernel is asked for the queue of each connection
 * by a duplicate of its descriptor, and where there is none by its list of all connections, read once for all who wait. What
 * cannot be learned is never an acknowledgement.
 */
export class Acknowledgements {
  readonly #sources: Sources
  /** Who is looked at after which pause: one timer for each. */
  readonly #after = PAUSES_MS.map((): Waiting[] => [])

  constructor(sources: Partial<Sources> = {}) {
    this.#sources = { descriptorOf: ownDescriptor, sendQueues: readSendQueues, ...sources }
  }

  /** True once every octet that was written is acknowledged; false when the connection is closed first. */
  of(socket: Socket, closed: Promise<void>): Promise<boolean> {
    return new Promise((resolve) => {
      const waiting: Waiting = {
        socket,
        own: undefined,
        isOver: false,
        end: (isAcknowledged) => {
          waiting.isOver = true
          waiting.own?.close()
          resolve(isAcknowledged)
        },
      }
      void closed.then(() => waiting.end(false))
      void this.#look([waiting], 0)
    })
  }

  /** `pause`: the place of the one after which those are looked at again who have not acknowledged. */
  async #look(all: readonly Waiting[], pause: number): Promise<void> {
    const untold = all.filter((waiting) => !this.#ask(waiting, pause))
    if (untold.length === 0) return
    const queues = await this.#sources.sendQueues().catch(() => undefined)
    for (const waiting of untold) this.#judge(waiting, queues?.get(queueName(waiting.socket)), pause)
  }

  /** False when the kernel does not tell. */
  #ask(waiting: Waiting, pause: number): boolean {
    if (waiting.isOver) return true
    waiting.own ??= this.#sources.descriptorOf(waiting.socket)
    const queued = waiting.own === undefined ? undefined : queueOf(waiting.own)
    if (queued === undefined) return false
    this.#judge(waiting, queued, pause)
    return true
  }

  #judge(waiting: Waiting, queued: number | undefined, pause: number): void {
    if (waiting.isOver) return
    const { destroyed, writableLength } = waiting.socket
    // Of a destroyed socket `closed` follows.
    if (queued === 0 && writableLength === 0 && !destroyed) waiting.end(true)
    else this.#wait(waiting, pause)
  }

  #wait(waiting: Waiting, pause: number): void {
    const all = this.#after[pause]
    if (all?.push(waiting) !== 1) return
    const look = (): void => void this.#look(all.splice(0), Math.min(pause + 1, PAUSES_MS.length - 1))
    setTimeout(look, PAUSES_MS[pause]).unref()
  }
}

function queueOf({ libc, fd }: OwnDescriptor): number | undefined {
  const bytes = new Uint8Array(4)
  if (libc.ioctl(fd, SIOCOUTQ, bytes) < 0) return undefined
  return new DataView(bytes.buffer).getInt32(0, isLittleEndian)
}
