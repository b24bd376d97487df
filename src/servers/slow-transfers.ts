import type { HttpLimits } from '../model/http-limits.ts'
import { queueName, readSendQueues, type SendQueues } from './send-queues.ts'
import type { ActiveTransfer, ActiveTransfers } from './transfers.ts'

/** Milliseconds between two looks. */
const LOOK_MS = 1000
/** Milliseconds without a move after which the kernel is asked what the client has acknowledged. */
const ASK_KERNEL_MS = 3000

interface Watched {
  /** Octets that the client has for certain. */
  delivered: number
  /** Octets that were in the kernel's queue when it last told. */
  queued: number
  /** When that was last seen to grow. */
  grewAt: number
  /** The octets and the time at which its rate is measured from. */
  from: { readonly delivered: number; readonly at: number }
}

interface Sources {
  readonly limits: () => HttpLimits
  /** Whether connections or memory are. */
  readonly isScarce: () => boolean
  readonly now: () => number
  readonly sendQueues: () => Promise<SendQueues | undefined>
}

/**
 * Cuts the clients of transfers that take nothing, and, while connections or memory are scarce, those that take next to
 * nothing. What a client takes is what it acknowledged: the kernel's queue alone may hold minutes of a slow client.
 */
export class SlowTransfers {
  readonly #transfers: ActiveTransfers
  readonly #sources: Sources
  readonly #watched = new WeakMap<ActiveTransfer, Watched>()
  #looking = false

  constructor(transfers: ActiveTransfers, sources: Pick<Sources, 'limits' | 'isScarce'> & Partial<Sources>) {
    this.#transfers = transfers
    this.#sources = { now: () => performance.now(), sendQueues: readSendQueues, ...sources }
  }

  /** Looks every second, as long as the process lives. */
  start(): void {
    setInterval(() => void this.#lookOnce(), LOOK_MS).unref()
  }

  async #lookOnce(): Promise<void> {
    if (this.#looking) return
    this.#looking = true
    await this.look().catch(() => {})
    this.#looking = false
  }

  /** One look at all transfers. */
  async look(): Promise<void> {
    const { now, sendQueues } = this.#sources
    const doubtful = [...this.#transfers].filter(
      (one) => one.pending > 0 && now() - one.movedAt > ASK_KERNEL_MS,
    )
    if (doubtful.length === 0) return
    const queues = await sendQueues()
    for (const transfer of doubtful) this.#judge(transfer, queues)
  }

  #judge(transfer: ActiveTransfer, queues: SendQueues | undefined): void {
    const { limits, isScarce, now } = this.#sources
    const { stall, minRate } = limits()
    const time = now()
    const known = this.#watched.get(transfer)
    // One look that failed is no move.
    const queued = queues === undefined ? (known?.queued ?? 0) : (queues.get(queueName(transfer.socket)) ?? 0)
    const delivered = transfer.sent + transfer.pending - unwritten(transfer) - queued
    const watched = known ?? {
      delivered,
      queued,
      grewAt: transfer.movedAt,
      from: { delivered, at: transfer.movedAt },
    }
    this.#watched.set(transfer, watched)
    if (delivered !== watched.delivered) watched.grewAt = time
    watched.delivered = delivered
    watched.queued = queued
    const seconds = (time - watched.from.at) / 1000
    if (time - Math.max(watched.grewAt, transfer.movedAt) >= stall * 1000) {
      this.#transfers.cut(transfer, 'stalled', `the client took nothing for ${stall} s`)
      return
    }
    if (seconds < stall) return
    const rate = (delivered - watched.from.delivered) / seconds
    watched.from = { delivered, at: time }
    if (rate < minRate && isScarce())
      this.#transfers.cut(
        transfer,
        'slow',
        `the client took ${Math.round(rate)} octets a second in ${stall} s, and others wait`,
      )
  }
}

/** Octets of the piece that wait for room in the kernel's queue; the handle is not in Node's types. */
function unwritten({ socket, pending }: ActiveTransfer): number {
  const handle: { readonly writeQueueSize?: number } | null | undefined = Reflect.get(socket, '_handle')
  return Math.min(handle?.writeQueueSize ?? pending, pending)
}
