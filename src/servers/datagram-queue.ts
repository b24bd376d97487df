import type { Datagram } from './socket.ts'

/** Messages that may wait: at 10 000 a second a tenth of a second. Of more, the oldest are abandoned retries. */
const MOST_WAITING = 1024
/** Milliseconds after which a message is not answered any more: its client asks again, or gave up. */
const MOST_AGE_MS = 4000
/** Milliseconds of work before other sockets and timers have their turn. */
const TURN_MS = 5

export type DropReason = 'the queue is full' | 'waited too long'

export interface DatagramQueueOptions {
  /** More of what waits in the kernel, the oldest first; none when there is none. */
  readonly receive: () => readonly Datagram[]
  /** Called once for each message, the oldest first. Never throws. */
  readonly handle: (datagram: Datagram) => void
  readonly onDrop: (reason: DropReason) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/**
 * The messages between the kernel and us. Takes whatever waits there and drops the oldest beyond its bound, where the
 * kernel would drop the newest; so overload costs those who have given up.
 */
export class DatagramQueue {
  readonly #options: DatagramQueueOptions
  readonly #waiting: Datagram[] = []
  #next = 0
  #turn: NodeJS.Immediate | undefined

  constructor(options: DatagramQueueOptions) {
    this.#options = options
  }

  /** Something arrived, `first` before everything that waits in the kernel. */
  arrived(first: Datagram): void {
    this.#admit(first)
    if (this.#turn === undefined) this.#work()
  }

  /** What waits is dropped without a word. */
  close(): void {
    clearImmediate(this.#turn)
    this.#turn = undefined
    this.#waiting.length = 0
    this.#next = 0
  }

  #work(): void {
    this.#turn = undefined
    this.#fill()
    const { handle, onDrop, now } = this.#options
    const begun = now()
    for (let at = begun; Math.abs(at - begun) < TURN_MS; at = now()) {
      const datagram = this.#waiting[this.#next]
      if (datagram === undefined) {
        this.#waiting.length = 0
        this.#next = 0
        return
      }
      this.#next += 1
      if (at - datagram.receivedAt > MOST_AGE_MS) onDrop('waited too long')
      else handle(datagram)
    }
    this.#waiting.splice(0, this.#next)
    this.#next = 0
    this.#turn = setImmediate(() => this.#work())
  }

  #fill(): void {
    // A flood cannot keep us here: what comes while we look is for the next turn.
    for (let left = MOST_WAITING; left > 0; ) {
      const more = this.#options.receive()
      if (more.length === 0) return
      for (const datagram of more) this.#admit(datagram)
      left -= more.length
    }
  }

  #admit(datagram: Datagram): void {
    this.#waiting.push(datagram)
    if (this.#waiting.length - this.#next <= MOST_WAITING) return
    this.#next += 1
    this.#options.onDrop('the queue is full')
  }
}
