import type { TransferTerms } from './options.ts'
import {
  type Blocks,
  DATA_HEADER,
  decodeTftp,
  encodeBlocks,
  encodeTftp,
  type Octets,
  TFTP_OPCODE,
} from './packet.ts'

/** When a packet is sent again without an answer. */
export interface RetryLimits {
  /** The pause before the first repetition, in milliseconds; it doubles each time. A client's own timeout comes before it. */
  readonly timeoutMs: number
  /** How often a packet is sent before the client counts as gone. */
  readonly sends: number
}

const RETRY_LIMITS: RetryLimits = { timeoutMs: 1000, sends: 6 }
/** No first packet comes again within this time, whoever asks. */
const FIRST_TIMEOUT_MS = 1000
const LONGEST_TIMEOUT_MS = 8000
/** With a window, how soon after the last sending the last ACK once more counts as a lost window (RFC 7440 §4). */
const REPEATED_ACK_MS = 200
/**
 * The same for the first packet, before the client proved with an answer that it exists: who forges a source address
 * gets little sent to it.
 */
export const MAX_FIRST_SENDS = 3
/** A transfer without progress for so long is over, whatever timeout the client negotiated. */
export const MAX_SILENCE_MS = 30_000

/** How a transfer ended; `bytes` is what the client acknowledged. */
export type TransferOutcome =
  /** `unconfirmed`: the last block went out, its ACK never came; much firmware jumps into the image at once. */
  | { readonly kind: 'done'; readonly bytes: number; readonly warning?: 'unconfirmed' }
  /** The client refused before it took any data: it wanted to know the size, or it rejects our options. */
  | { readonly kind: 'probe'; readonly code: number; readonly message: string }
  | { readonly kind: 'aborted'; readonly bytes: number; readonly code: number; readonly message: string }
  | { readonly kind: 'timed-out'; readonly bytes: number; readonly heard: boolean }

/** What the caller does next. Valid until the next call for the same transfer. */
export interface TransferStep {
  /** Datagrams for the client, in this order; made anew at each look. */
  readonly send: readonly Uint8Array[]
  /** The blocks that they are, for a caller who makes them of the content himself. */
  readonly blocks: Blocks | undefined
  /** Call `onTimeout` at this time, unless a later step says otherwise; undefined when the transfer is over. */
  readonly deadline: number | undefined
  /** Set once and for good: the transfer is over and later packets do nothing. */
  readonly outcome: TransferOutcome | undefined
}

/**
 * One TFTP read transfer without sockets or clock (RFC 1350, 2347-2349, 7440). Times are milliseconds of any steady clock.
 * Each call answers with the same step object, written anew.
 */
export class Transfer {
  readonly content: Octets
  readonly terms: TransferTerms
  /** The number of the block that ends the file: the first one shorter than blksize, which may be empty. */
  readonly lastBlock: number
  readonly #step: Step
  readonly #limits: RetryLimits
  /** The OACK while it waits for its ACK 0. */
  #oack: Uint8Array | undefined
  #heard = false
  /** The highest block that the client acknowledged, and the highest that was ever sent; neither wraps. */
  #acknowledged = 0
  #sent = 0
  /** How often the current packet (or window) was sent. */
  #sends = 0
  #retransmitted = 0
  /** The content does not have the blocks yet that are next. */
  #awaitsContent = false
  #sentAt: number
  #progressAt: number

  /** Begins: `step` holds the first packet, an OACK when options were granted (RFC 2347), else DATA 1. */
  constructor(content: Octets, terms: TransferTerms, now: number, limits: RetryLimits = RETRY_LIMITS) {
    this.content = content
    this.terms = terms
    this.#step = new Step(content, terms.blksize)
    this.#limits = limits
    this.lastBlock = Math.floor(content.length / terms.blksize) + 1
    if (terms.oack.length > 0) this.#oack = encodeTftp({ kind: 'oack', options: terms.oack })
    this.#sentAt = now
    this.#progressAt = now
    this.#sendCurrent(now)
  }

  /** What the last call asked for. */
  get step(): TransferStep {
    return this.#step
  }

  /** The client answered with ACK 0 or a block's ACK. Until then nothing shows that its address is real. */
  get heard(): boolean {
    return this.#heard
  }

  /** Everything was sent and only the last ACK is missing. */
  get awaitsLastAck(): boolean {
    return (
      this.#heard && this.#sent === this.lastBlock && this.#acknowledged + this.terms.window >= this.#sent
    )
  }

  /** Datagrams that went out once more. */
  get retransmitted(): number {
    return this.#retransmitted
  }

  /** Octets of the content, without headers; the length of the content once its last block was acknowledged. */
  get acknowledgedBytes(): number {
    return Math.min(this.#acknowledged * this.terms.blksize, this.content.length)
  }

  /** The file has more blocks than the 16-bit counter: some firmware (Raspberry Pi 5) gives up at the wrap. */
  get wrapsBlockNumber(): boolean {
    return this.lastBlock > 0xffff
  }

  /** Takes a datagram from the client's address and port. What is malformed, late or not a reader's is ignored. */
  onPacket(bytes: Uint8Array, now: number): TransferStep {
    this.#clear()
    if (this.#step.outcome !== undefined || bytes.length < 4 || bytes[0] !== 0) return this.#step
    if (bytes[1] === TFTP_OPCODE.ack) this.#onAck(((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0), now)
    else if (bytes[1] === TFTP_OPCODE.error) this.#onError(bytes)
    return this.#step
  }

  /** Tells that time passed. Early calls do nothing, so the caller's timer may be coarse. */
  onTimeout(now: number): TransferStep {
    this.#clear()
    const { deadline } = this.#step
    if (deadline === undefined || now < deadline) return this.#step
    if (this.#isOutOfTries() || now >= this.#progressAt + MAX_SILENCE_MS) this.#giveUp()
    else this.#sendCurrent(now)
    return this.#step
  }

  /**
   * The same request came again before the client answered: the first packet was lost or is late. It is repeated
   * from the same transfer identifier, but not within a second of the last: two OACKs in a row confuse the
   * Raspberry Pi ROM (raspberrypi/firmware#1041). Before that the timer does it.
   */
  onDuplicateRequest(now: number): TransferStep {
    this.#clear()
    const isDue = !this.#heard && now - this.#sentAt >= FIRST_TIMEOUT_MS && !this.#isOutOfTries()
    if (isDue && this.#step.outcome === undefined) this.#sendCurrent(now)
    return this.#step
  }

  /** The content has what it was asked for in vain. */
  onContent(now: number): TransferStep {
    this.#clear()
    if (this.#awaitsContent && this.#step.outcome === undefined) this.#sendCurrent(now)
    return this.#step
  }

  /** Ends the transfer for want of room. If only the last ACK was missing, that is not a failure. */
  abandon(): TransferStep {
    this.#clear()
    if (this.#step.outcome === undefined) this.#giveUp()
    return this.#step
  }

  #onAck(block: number, now: number): void {
    if (this.#oack !== undefined) {
      // RFC 2347: ACK 0 accepts the OACK; there is nothing else to acknowledge yet.
      if (block !== 0) return
      this.#oack = undefined
    } else {
      // RFC 1350 does not say what follows block 65535; clients expect 0, so the low 16 bits are compared.
      const ahead = (block - this.#acknowledged) & 0xffff
      if (ahead === 0) {
        this.#onRepeatedAck(now)
        return
      }
      if (ahead > this.#sent - this.#acknowledged) return
      // An ACK inside the window says that the rest was lost: it goes out again (RFC 7440 §4).
      this.#acknowledged += ahead
    }
    this.#heard = true
    this.#progressAt = now
    this.#sends = 0
    if (this.#acknowledged === this.lastBlock) this.#end({ kind: 'done', bytes: this.content.length })
    else this.#sendCurrent(now)
  }

  /**
   * RFC 1123 §4.2.3.1: without a window a duplicate ACK must send nothing, or every later block goes out twice. With one it
   * is how a client says that the first block of the window is missing.
   */
  #onRepeatedAck(now: number): void {
    const isDue = this.terms.window > 1 && now - this.#sentAt >= REPEATED_ACK_MS && !this.#isOutOfTries()
    if (isDue) this.#sendCurrent(now)
  }

  #onError(bytes: Uint8Array): void {
    const packet = decodeTftp(bytes)
    if (!packet.ok || packet.value.kind !== 'error') return
    const { code, message } = packet.value
    if (this.#heard) this.#end({ kind: 'aborted', bytes: this.acknowledgedBytes, code, message })
    else this.#end({ kind: 'probe', code, message })
  }

  /** Sends the OACK, or the blocks after the last acknowledged one as far as the window goes. */
  #sendCurrent(now: number): void {
    if (this.#oack !== undefined) {
      this.#step.packet = this.#oack
      if (this.#sends > 0) this.#retransmitted += 1
    } else {
      const until = Math.min(this.#acknowledged + this.terms.window, this.lastBlock)
      const { blksize } = this.terms
      const end = Math.min(until * blksize, this.content.length)
      this.#awaitsContent = this.content.has?.(this.#acknowledged * blksize, end) === false
      if (this.#awaitsContent) {
        this.#step.deadline = this.#progressAt + MAX_SILENCE_MS
        return
      }
      this.#retransmitted += Math.max(0, Math.min(this.#sent, until) - this.#acknowledged)
      this.#step.blocks = { first: this.#acknowledged + 1, last: until }
      this.#sent = Math.max(this.#sent, until)
    }
    this.#sends += 1
    this.#sentAt = now
    const growing = Math.min(this.#limits.timeoutMs * 2 ** (this.#sends - 1), LONGEST_TIMEOUT_MS)
    const pause = this.terms.timeoutMs ?? growing
    this.#step.deadline = Math.min(now + pause, this.#progressAt + MAX_SILENCE_MS)
  }

  #clear(): void {
    this.#step.packet = undefined
    this.#step.blocks = undefined
  }

  #isOutOfTries(): boolean {
    const { sends } = this.#limits
    return this.#sends >= (this.#heard ? sends : Math.min(sends, MAX_FIRST_SENDS))
  }

  #giveUp(): void {
    if (this.awaitsLastAck) this.#end({ kind: 'done', bytes: this.content.length, warning: 'unconfirmed' })
    else this.#end({ kind: 'timed-out', bytes: this.acknowledgedBytes, heard: this.#heard })
  }

  #end(outcome: TransferOutcome): void {
    this.#step.deadline = undefined
    this.#step.outcome = outcome
  }
}

class Step implements TransferStep {
  readonly #content: Octets
  readonly #blksize: number
  packet: Uint8Array | undefined
  blocks: Blocks | undefined
  deadline: number | undefined
  outcome: TransferOutcome | undefined

  constructor(content: Octets, blksize: number) {
    this.#content = content
    this.#blksize = blksize
  }

  get send(): readonly Uint8Array[] {
    if (this.packet !== undefined) return [this.packet]
    if (this.blocks === undefined) return []
    const joined = encodeBlocks(this.#content, this.#blksize, this.blocks)
    const size = this.#blksize + DATA_HEADER
    const count = this.blocks.last - this.blocks.first + 1
    return Array.from({ length: count }, (_, i) => joined.subarray(i * size, (i + 1) * size))
  }
}
