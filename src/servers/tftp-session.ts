import { printable } from '../lib/text.ts'
import type { TransferTerms } from '../protocol/tftp/options.ts'
import {
  type Blocks,
  DATA_HEADER,
  encodeBlocks,
  encodeTftp,
  TFTP_ERROR,
  TFTP_OPCODE,
} from '../protocol/tftp/packet.ts'
import {
  type RetryLimits,
  Transfer,
  type TransferOutcome,
  type TransferStep,
} from '../protocol/tftp/transfer.ts'
import type { TftpClient, TftpContent, TftpHappening, TransferSocket } from './tftp-exchange.ts'

/** The shortest time between two progress observations of a transfer. */
const PROGRESS_EVERY_MS = 500

/** udp(7): of one sending, cut or not, in octets and in datagrams (UDP_MAX_SEGMENTS of Linux before 6.5). */
const SENDING = 65_507
const MOST_SEGMENTS = 64
/** What is being sent, of whichever transfer: the kernel copies it. */
const SCRATCH = new Uint8Array(SENDING)

const UNKNOWN_TRANSFER_ID = encodeTftp({
  kind: 'error',
  code: TFTP_ERROR.unknownTransferId,
  message: 'Unknown transfer ID',
})

const SERVER_CLOSES = encodeTftp({
  kind: 'error',
  code: TFTP_ERROR.undefined,
  message: 'Server is shutting down',
})

export interface TftpSessionOptions {
  readonly client: TftpClient
  /** The published name, for observations. */
  readonly name: string
  /** The session closes it. */
  readonly content: TftpContent
  readonly terms: TransferTerms
  readonly retry: RetryLimits
  /** This transfer's own socket, bound; the session closes it. */
  readonly transferSocket: TransferSocket
  readonly observe: (happening: TftpHappening) => void
  /** The client answered for the first time. */
  readonly onHeard: () => void
  /** The transfer is over; its socket closes by itself. */
  readonly onEnd: () => void
}

/** Drives one transfer: its socket, its timer, its observations. */
export class TftpSession {
  readonly #options: TftpSessionOptions
  readonly #transfer: Transfer
  readonly #startedAt = performance.now()
  #timer: NodeJS.Timeout | undefined
  #timerDue = 0
  #isStarted = false
  #observedAt = 0
  #isOver = false
  #segments: boolean

  constructor(options: TftpSessionOptions) {
    this.#options = options
    const { transferSocket, terms } = options
    const { socket, segment } = transferSocket
    this.#segments = terms.window > 1 && segment?.(terms.blksize + DATA_HEADER) === true
    this.#transfer = new Transfer(options.content, options.terms, this.#startedAt, options.retry)
    socket.on('message', (bytes, from) => this.#guarded(() => this.#onMessage(bytes, from)))
    socket.on('error', (error) => this.#sendFailed(error))
    options.content.follow?.((error) => this.#guarded(() => this.#onContent(error)))
    this.#carryOut(this.#transfer.step)
  }

  /** Little is lost by ending it: the client never answered, or only its last ACK is missing. */
  get isExpendable(): boolean {
    return !this.#transfer.heard || this.#transfer.awaitsLastAck
  }

  /** The client did not get beyond the first block: the same request once more is a retransmission. */
  get isBeginning(): boolean {
    return this.#transfer.acknowledgedBytes <= this.#options.terms.blksize
  }

  /** The same request came again. */
  repeat(): void {
    this.#carryOut(this.#transfer.onDuplicateRequest(performance.now()))
  }

  /** Ends the transfer for a reason that is not the client's silence. */
  discard(why: 'replaced' | 'no-room'): void {
    const { outcome } = this.#transfer.abandon()
    if (outcome === undefined) return
    if (outcome.kind !== 'timed-out') this.#finish(this.#happeningOf(outcome))
    // The ERROR that ends a size probe and the request that follows it reach two sockets, in either order.
    else if (why === 'replaced' && !outcome.heard) this.#finish({ kind: 'probe', ...this.#file() })
    else if (why === 'replaced') this.#finish(this.#failure('the client started over'))
    else this.#finish(this.#failure('gave way to another transfer'))
  }

  /** Tells the client that the server goes away; resolves when the socket is closed. */
  close(): Promise<void> {
    if (this.#isOver) return Promise.resolve()
    const { client, transferSocket } = this.#options
    const { socket } = transferSocket
    this.#over(this.#failure('the server closes'))
    return new Promise((resolve) => {
      socket.send(SERVER_CLOSES, client.port, client.address, () => socket.close(resolve))
    })
  }

  #onMessage(bytes: Uint8Array, from: { readonly address: string; readonly port: number }): void {
    if (this.#isOver) return
    const { client } = this.#options
    if (from.port === client.port && from.address === client.address) {
      this.#carryOut(this.#transfer.onPacket(bytes, performance.now()))
    } else if (bytes[1] !== TFTP_OPCODE.error && from.port !== 0) {
      // RFC 1350 §4: the stranger is told, the transfer goes on. An ERROR is never answered: that could go on forever.
      this.#send(UNKNOWN_TRANSFER_ID, from)
    }
  }

  #onContent(error: Error | undefined): void {
    if (this.#isOver) return
    if (error === undefined) this.#carryOut(this.#transfer.onContent(performance.now()))
    else this.#finish(this.#failure(printable(error.message, 120)))
  }

  #onTimer(): void {
    this.#timer = undefined
    this.#carryOut(this.#transfer.onTimeout(performance.now()))
  }

  #carryOut(step: TransferStep): void {
    if (this.#isOver) return
    this.#sendStep(step)
    this.#observeProgress()
    if (step.outcome !== undefined) this.#finish(this.#happeningOf(step.outcome))
    else if (step.deadline !== undefined) this.#wakeAt(step.deadline)
  }

  /** Deadlines mostly move away: a running timer is replaced only when it would be late. */
  #wakeAt(deadline: number): void {
    if (this.#timer !== undefined && this.#timerDue <= deadline) return
    clearTimeout(this.#timer)
    this.#timerDue = deadline
    const pause = Math.max(1, Math.ceil(deadline - performance.now()))
    this.#timer = setTimeout(() => this.#guarded(() => this.#onTimer()), pause)
  }

  #sendStep(step: TransferStep): void {
    const { client, transferSocket } = this.#options
    const blocks = transferSocket.send === undefined ? step.blocks : this.#sendAtOnce(step.blocks)
    if (blocks === undefined && step.blocks !== undefined) return
    for (const datagram of step.send.slice((blocks?.first ?? 0) - (step.blocks?.first ?? 0)))
      this.#send(datagram, client)
  }

  /**
   * One system call for a window, or for a block where the kernel cannot cut it (EINVAL: the MTU shrank; EIO: the card).
   * Returns the blocks that did not leave.
   */
  #sendAtOnce(blocks: Blocks | undefined): Blocks | undefined {
    const { client, content, terms, transferSocket } = this.#options
    if (blocks === undefined) return undefined
    const { last } = blocks
    const most = Math.min(MOST_SEGMENTS, Math.floor(SENDING / (terms.blksize + DATA_HEADER)))
    for (let { first } = blocks; first <= last; ) {
      const end = Math.min(last, this.#segments ? first + Math.max(1, most) - 1 : first)
      const sent = transferSocket.send?.(
        encodeBlocks(content, terms.blksize, { first, last: end }, SCRATCH),
        client,
      )
      if (sent === 'sent') first = end + 1
      else if (sent === 'failed' && this.#segments) {
        this.#segments = false
        transferSocket.segment?.(0)
      } else return { first, last }
    }
    return undefined
  }

  #send(datagram: Uint8Array, to: { readonly address: string; readonly port: number }): void {
    this.#options.transferSocket.socket.send(datagram, to.port, to.address, this.#onSent)
  }

  readonly #onSent = (error: Error | null): void => {
    if (error !== null) this.#sendFailed(error)
  }

  /** The timer tries again; a link that stays down ends as a time-out. */
  #sendFailed(error: Error): void {
    if (this.#isOver) return
    this.#options.observe({ kind: 'send-failed', name: this.#options.name, reason: error.message })
  }

  /** A size probe takes no data: a transfer counts as started when the client accepts it. */
  #observeProgress(): void {
    if (!this.#transfer.heard) return
    const now = performance.now()
    if (!this.#isStarted) {
      this.#isStarted = true
      this.#observedAt = now
      const warning = this.#transfer.wrapsBlockNumber ? { warning: 'block-number-wraps' as const } : {}
      this.#options.observe({
        kind: 'start',
        ...this.#file(),
        blksize: this.#options.terms.blksize,
        ...warning,
      })
      this.#options.onHeard()
    } else if (now - this.#observedAt >= PROGRESS_EVERY_MS && this.#transfer.step.outcome === undefined) {
      this.#observedAt = now
      this.#options.observe({ kind: 'progress', ...this.#file(), bytes: this.#transfer.acknowledgedBytes })
    }
  }

  #happeningOf(outcome: TransferOutcome): TftpHappening {
    switch (outcome.kind) {
      case 'done': {
        const { name } = this.#options
        const milliseconds = Math.round(performance.now() - this.#startedAt)
        const warning = outcome.warning === undefined ? {} : { warning: outcome.warning }
        return { kind: 'done', name, bytes: outcome.bytes, milliseconds, ...warning, ...this.#again() }
      }
      case 'probe':
        return { kind: 'probe', ...this.#file() }
      case 'aborted':
        return this.#failure(
          `the client sent error ${outcome.code}: ${printable(latin1(outcome.message), 80)}`,
        )
      case 'timed-out':
        return this.#failure(outcome.heard ? 'the client fell silent' : 'the client never answered')
      default: {
        const impossible: never = outcome
        throw new TypeError(`not an outcome: ${String(impossible)}`)
      }
    }
  }

  #file(): { readonly name: string; readonly size: number } {
    return { name: this.#options.name, size: this.#options.content.length }
  }

  #failure(reason: string): TftpHappening {
    const { name } = this.#options
    return { kind: 'failed', name, bytes: this.#transfer.acknowledgedBytes, reason, ...this.#again() }
  }

  #again(): { readonly retransmitted?: number } {
    const { retransmitted } = this.#transfer
    return retransmitted === 0 ? {} : { retransmitted }
  }

  #finish(happening: TftpHappening): void {
    if (this.#isOver) return
    this.#over(happening)
    this.#options.transferSocket.socket.close()
  }

  #over(happening: TftpHappening): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#options.content.close?.()
    this.#options.onEnd()
    this.#options.observe(happening)
  }

  /** A fault of ours in one packet ends this transfer, never the process. */
  #guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#options.observe({ kind: 'fault', error })
      this.#finish(this.#failure('internal error'))
    }
  }
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}
