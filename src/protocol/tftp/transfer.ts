import type { TransferTerms } from './options.ts'
import { DATA_HEADER, decodeTftp, encodeBlocks, encodeTftp, TFTP_OPCODE } from './packet.ts'

/** The pause before the first retransmission; it doubles each time. */
const FIRST_TIMEOUT_MS = 1000
const LONGEST_TIMEOUT_MS = 8000
/** How often a packet is sent before the client counts as gone. */
const MAX_SENDS = 6
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
  /** Datagrams for the client, in this order. */
  readonly send: readonly Uint8Array[]
  /** The same datagrams one behind the other, when they are several: all of `blksize` octets and a header but the last. */
  readonly joined: Uint8Array | undefined
  /** Call `onTimeout` at this time, unless a later step says otherwise; undefined when the transfer is over. */
  readonly deadline: number | undefined
  /** Set once and for good: the transfer is over and later packets do nothing. */
  readonly outcome: TransferOutcome | undefined
}

/**
 * One TFTP read transfer without sockets or clock (RFC 1350, 2347-2349, 7440). Times are milliseconds of any steady clock.
 * Each call answers with the same step object, written anew, so that a window costs one allocation: its DATA datagrams.
 */
export class Transfer {
  readonly content: Uint8Array
  readonly terms: TransferTerms
  /** The number of the block that ends the file: the first one shorter than blksize, which may be empty. */
  readonly lastBlock: number
  readonly #step: WritableStep = { send: [], joined: undefined, deadline: undefined, outcome: undefined }
  /** The OACK while it waits for its ACK 0. */
  #oack: Uint8Array | undefined
  #heard = false
  /** The highest block that the client acknowledged, and the highest that was ever sent; neither wraps. */
  #acknowledged = 0
  #sent = 0
  /** How often the current packet (or window) was sent. */
  #sends = 0
  #retransmitted = 0
  #sentAt: number
  #progressAt: number

  /** Begins: `step` holds the first packet, an OACK when options were granted (RFC 2347), else DATA 1. */
  constructor(content: Uint8Array, terms: TransferTerms, now: number) {
    this.content = content
    this.terms = terms
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
    return this.#heard && this.#acknowledged + this.terms.window >= this.lastBlock
  }

  /** Datagrams that went out once more. */
  get retransmitted(): number {
    return this.#retransmitted
  }

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
      this.#step.send.push(this.#oack)
      if (this.#sends > 0) this.#retransmitted += 1
    } else {
      const until = Math.min(this.#acknowledged + this.terms.window, this.lastBlock)
      this.#retransmitted += Math.max(0, Math.min(this.#sent, until) - this.#acknowledged)
      this.#putBlocks(this.#acknowledged + 1, until)
      this.#sent = Math.max(this.#sent, until)
    }
    this.#sends += 1
    this.#sentAt = now
    const growing = Math.min(FIRST_TIMEOUT_MS * 2 ** (this.#sends - 1), LONGEST_TIMEOUT_MS)
    const pause = this.terms.timeoutMs ?? growing
    this.#step.deadline = Math.min(now + pause, this.#progressAt + MAX_SILENCE_MS)
  }

  #putBlocks(first: number, last: number): void {
    const size = this.terms.blksize + DATA_HEADER
    const joined = encodeBlocks(this.content, this.terms.blksize, { first, last })
    for (let block = first; block <= last; block += 1)
      this.#step.send.push(joined.subarray((block - first) * size, (block - first + 1) * size))
    if (last > first) this.#step.joined = joined
  }

  #clear(): void {
    this.#step.send.length = 0
    this.#step.joined = undefined
  }

  #isOutOfTries(): boolean {
    return this.#sends >= (this.#heard ? MAX_SENDS : MAX_FIRST_SENDS)
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

interface WritableStep extends TransferStep {
  readonly send: Uint8Array[]
  joined: Uint8Array | undefined
  deadline: number | undefined
  outcome: TransferOutcome | undefined
}
