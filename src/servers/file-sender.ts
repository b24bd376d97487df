import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FileFigures, Pace } from '../model/http.ts'
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from '../model/http-limits.ts'
import { ChunkCache } from './chunk-cache.ts'
import { Connections } from './connections.ts'
import { FilePieces, OwnBuffers, type Piece, type Span } from './file-pieces.ts'
import { FileReader, type PublishedFile } from './file-reader.ts'
import { KernelCopy } from './kernel-copy.ts'
import { Pacing } from './pacing.ts'
import type { ResponseWriter } from './response-writer.ts'
import { SlowTransfers } from './slow-transfers.ts'
import { TransferSlots } from './transfer-slots.ts'
import { type ActiveTransfer, ActiveTransfers } from './transfers.ts'
import { Turns } from './turns.ts'

export interface Sending {
  readonly file: PublishedFile & { readonly key: string }
  readonly first: number
  readonly length: number
  readonly pace?: Pace
  /** Nothing leaves from this octet of the file on before `release`, which tells a reason why it may not. */
  readonly hold?: { readonly from: number; readonly release: () => Promise<string | undefined> }
  /** Called about twice a second with the octets that are gone. */
  readonly onProgress: (sent: number) => void
}

export interface Sent {
  /** Octets that the kernel took. */
  readonly sent: number
  /** Why that is not all. */
  readonly reason?: string
}

/** Octets: above it a transfer counts, and may have to wait. */
const LARGE = 1 << 20
/** Milliseconds between two progress reports of one transfer. */
const PROGRESS_MS = 500
/** Octets of the pieces between which the kernel copies: the callback of such a write tells that it can go on. */
const BESIDE_COPY = 64 << 10
/** Milliseconds for one piece: above the first a client is slow, below the second it is so no longer. */
const SLOW_MS = 1000
const FAST_MS = 20
/** Octets of a piece while the client is slow, so that its moving is seen at 100 kB/s. */
const SLOW_PIECE = 1 << 20

/** What all HTTP planes share: their connections, and to send files the cache, the rates, and who sends what. */
export class FileSender {
  readonly limits: () => HttpLimits
  readonly connections: Connections
  readonly transfers = new ActiveTransfers()
  readonly #cache: ChunkCache
  readonly #slots: TransferSlots
  readonly #pacing = new Pacing()
  readonly #owns = new OwnBuffers()
  readonly #turns = new Turns()
  readonly #mayCopy: boolean
  #copied = 0

  /** `mayCopy`: whether the kernel sends large files by itself where it can. */
  constructor(limits: () => HttpLimits = () => DEFAULT_HTTP_LIMITS, { mayCopy = true } = {}) {
    this.#mayCopy = mayCopy
    this.limits = limits
    this.connections = new Connections(limits)
    this.#cache = new ChunkCache(() => limits().cache)
    this.#slots = new TransferSlots(limits)
    const isScarce = (): boolean => this.connections.isScarce || this.#cache.isScarce || this.#slots.isScarce
    new SlowTransfers(this.transfers, { limits, isScarce }).start()
  }

  get figures(): FileFigures & { readonly octets: number; readonly own: number; readonly copied: number } {
    const { octets, ...cut } = this.transfers.figures
    return {
      connections: this.connections.figures,
      octets,
      cut,
      cache: this.#cache.figures,
      slots: this.#slots.figures,
      own: this.#owns.octets,
      copied: this.#copied,
    }
  }

  /** Whether the file is the one that was published, or all of this span is in memory. */
  async isThere(file: Sending['file'], first: number, length: number): Promise<boolean> {
    if (length > 0 && this.#cache.has(file.key, first, first + length - 1)) return true
    const reader = new FileReader(file)
    const turns = length > LARGE ? this.#turns : undefined
    await turns?.take(true)
    try {
      return await reader.open()
    } finally {
      turns?.done(0)
      await reader.close()
    }
  }

  /** Waits for a slot where the transfer is large. True: `leave` has to follow. `client` is an address. */
  enter(length: number, client: string, writer: ResponseWriter): Promise<boolean> {
    return length > LARGE ? this.#slots.enter(client, writer.closed) : Promise.resolve(true)
  }

  /** Once for each `enter` that was true, with the same arguments. */
  leave(length: number, client: string): void {
    if (length > LARGE) this.#slots.leave(client)
  }

  /** Sends the body; what comes of it is never an error but a reason. */
  async send(sending: Sending, writer: ResponseWriter, socket: IncomingMessage['socket']): Promise<Sent> {
    const { file, first, length } = sending
    const isLarge = length > LARGE
    const span: Span = { key: file.key, size: file.size, end: first + length, isLarge }
    const reader = new FileReader(file)
    const pieces = new FilePieces(this.#cache, this.#owns, reader, span)
    const transfer = this.transfers.begin(socket)
    const isPaced = sending.pace !== undefined && Pacing.quantum(sending.pace) !== undefined
    const copy = isPaced || !this.#mayCopy ? undefined : await KernelCopy.open(socket, reader, length)
    try {
      const reason = await this.#pumpAll(sending, { pieces, writer, transfer, copy })
      return { sent: transfer.sent, ...(reason === undefined ? {} : { reason: transfer.cut ?? reason }) }
    } finally {
      copy?.close()
      this.transfers.end(transfer)
      await pieces.close()
    }
  }

  /** What is held back waits until the client has acknowledged all before it: one that went away shall not have had it. */
  async #pumpAll(sending: Sending, moving: Moving): Promise<string | undefined> {
    const { file, first, length, hold } = sending
    // Of an empty file, the end is all there is.
    if (hold === undefined || (first + length <= hold.from && file.size > 0))
      return this.#pump(sending, length, moving)
    const { transfer, writer } = moving
    const cut = await this.#pump(sending, Math.max(0, hold.from - first), moving)
    if (cut !== undefined) return cut
    // So that a client which takes nothing is seen.
    transfer.pending = 1
    const isThere = await writer.acknowledged()
    transfer.pending = 0
    if (!isThere) return 'the client closed the connection'
    const reason = await hold.release().catch((error: unknown) => String(error))
    return reason ?? this.#pump(sending, length, moving)
  }

  /** Sends until so many octets of the transfer are gone. */
  async #pump(sending: Sending, until: number, moving: Moving): Promise<string | undefined> {
    const { first, length, pace } = sending
    const { writer, transfer, copy } = moving
    const quantum = pace === undefined ? undefined : Pacing.quantum(pace)
    let isSlow = false
    let toldAt = performance.now()
    while (transfer.sent < until) {
      const isCopied = copy?.isUseful === true
      const limit = isCopied ? BESIDE_COPY : isSlow ? SLOW_PIECE : Number.POSITIVE_INFINITY
      const most = Math.min(quantum ?? limit, limit, until - transfer.sent)
      if (pace !== undefined && quantum !== undefined)
        await Promise.race([this.#pacing.take(pace, most, () => writer.isClosed), writer.closed])
      const isOwn = isCopied || (isSlow && this.#cache.isScarce)
      const { piece, taken } = await this.#give({ at: first + transfer.sent, most, isOwn, length }, moving)
      if (pace !== undefined && quantum !== undefined)
        this.#pacing.giveBack(pace, most - (piece?.length ?? 0))
      if (piece === undefined) return 'the file changed while it was sent'
      const begun = transfer.movedAt
      const isTaken = await taken
      piece.release()
      if (!isTaken) return 'the client closed the connection'
      this.transfers.note(transfer, piece.length)
      if (isCopied) await this.#copy(copy, transfer, first, first + until)
      isSlow = transfer.movedAt - begun > (isSlow ? FAST_MS : SLOW_MS)
      if (transfer.movedAt - toldAt < PROGRESS_MS) continue
      toldAt = transfer.movedAt
      if (transfer.sent < length) sending.onProgress(transfer.sent)
    }
    return undefined
  }

  /** Gives the next piece to the connection; `taken` tells when the kernel has it. */
  async #give({ at, most, isOwn, length }: Wanted, { pieces, writer, transfer }: Moving): Promise<Given> {
    const turns = length > LARGE ? this.#turns : undefined
    await turns?.take(transfer.sent === 0)
    let piece: Piece | undefined
    try {
      piece = await pieces.next(at, most, isOwn)
      if (piece === undefined) return { piece, taken: undefined }
      transfer.movedAt = performance.now()
      transfer.pending = piece.length
      return { piece, taken: writer.write(piece.parts) }
    } finally {
      turns?.done(piece?.length ?? 0)
    }
  }

  /** `first` and `end` of what may be copied now, in octets of the file. */
  async #copy(copy: KernelCopy, transfer: ActiveTransfer, first: number, end: number): Promise<void> {
    await this.#turns.take(false)
    const copied = copy.send(first + transfer.sent, end)
    this.#turns.done(copied)
    if (copied === 0) return
    this.#copied += copied
    this.transfers.note(transfer, copied)
  }
}

interface Wanted {
  readonly at: number
  readonly most: number
  readonly isOwn: boolean
  /** Of the whole transfer. */
  readonly length: number
}

type Given =
  | { readonly piece: Piece; readonly taken: Promise<boolean> }
  | { readonly piece: undefined; readonly taken: undefined }

interface Moving {
  readonly pieces: FilePieces
  readonly writer: ResponseWriter
  readonly transfer: ActiveTransfer
  readonly copy: KernelCopy | undefined
}

/** Resolves when the answers before this one on its connection are out; false when the connection ended first. */
export function itsTurn({ socket }: IncomingMessage, response: ServerResponse): Promise<boolean> {
  if (response.socket !== null) return Promise.resolve(true)
  if (socket.destroyed) return Promise.resolve(false)
  return new Promise((resolve) => {
    const end = (isIts: boolean): void => {
      socket.off('close', gone)
      response.off('socket', turn)
      resolve(isIts)
    }
    const gone = (): void => end(false)
    const turn = (): void => end(true)
    socket.once('close', gone)
    response.once('socket', turn)
  })
}
