import { CHUNK, type Chunk, type ChunkAsk, type ChunkCache } from './chunk-cache.ts'
import type { FileReader } from './file-reader.ts'

export interface Span {
  /** Names the content in the cache. */
  readonly key: string
  /** Of the whole file, in octets. */
  readonly size: number
  /** One past the last octet that is wanted. */
  readonly end: number
  readonly isLarge: boolean
}

/** Octets in order, which stay as they are until they are released. */
export interface Piece {
  readonly parts: readonly Uint8Array[]
  readonly length: number
  readonly release: () => void
}

/** Chunks that are written at once, and as many are read ahead. */
const CHUNKS_AT_ONCE = 4
/** Octets of a transfer's own buffer: where there is plenty of memory, little, and hardly any. */
const OWN_SIZES = [1 << 20, 64 << 10, 16 << 10] as const
/** Octets of all own buffers, up to which the next transfer gets one of that size. */
const OWN_LIMITS = [32 << 20, 96 << 20] as const

/** Octets in buffers that belong to one transfer each. */
export class OwnBuffers {
  octets = 0

  /** A new buffer that counts until its owner takes its length off `octets`. */
  take(isSmall: boolean): Buffer {
    const [plenty, little] = OWN_LIMITS
    const size =
      this.octets < plenty && !isSmall ? OWN_SIZES[0] : this.octets < little ? OWN_SIZES[1] : OWN_SIZES[2]
    this.octets += size
    return Buffer.allocUnsafeSlow(size)
  }
}

/**
 * The octets of one transfer, piece by piece: out of the shared cache; from a buffer of its own where the cache has no
 * room, and while the client is slow, so that it holds little memory.
 */
export class FilePieces {
  readonly #cache: ChunkCache
  readonly #owns: OwnBuffers
  readonly #reader: FileReader
  readonly #span: Span
  #own: Buffer | undefined
  #hasBegun = false

  constructor(cache: ChunkCache, owns: OwnBuffers, reader: FileReader, span: Span) {
    this.#cache = cache
    this.#owns = owns
    this.#reader = reader
    this.#span = span
  }

  /** What comes at this place, at most `most` octets of it; undefined when the file is not what it was. */
  async next(at: number, most: number, isSlow: boolean): Promise<Piece | undefined> {
    const found = isSlow ? undefined : this.#cache.take(this.#ask(at))
    const first = found instanceof Promise ? await found : found
    if (first === undefined) return this.#read(at, most, isSlow)
    const end = Math.min(this.#span.end, at + most)
    const chunks = [first, ...this.#following(at, end)]
    const parts = chunks.map(({ bytes }, index) => {
      const offset = at - (at % CHUNK) + index * CHUNK
      return bytes.subarray(Math.max(at - offset, 0), Math.min(end - offset, bytes.length))
    })
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    // Whoever takes not even the first piece shall not have cost the reading of more.
    if (this.#hasBegun) this.#prepare(at + length)
    this.#hasBegun = true
    return {
      ...{ parts, length },
      release: () => {
        for (const chunk of chunks) chunk.release()
      },
    }
  }

  /** The chunks after that of `at` that are in memory. */
  #following(at: number, end: number): readonly Chunk[] {
    const chunks: Chunk[] = []
    let next = at - (at % CHUNK) + CHUNK
    for (; next < end && chunks.length + 1 < CHUNKS_AT_ONCE; next += CHUNK) {
      const chunk = this.#cache.has(this.#span.key, next, next)
        ? this.#cache.take(this.#ask(next))
        : undefined
      if (chunk === undefined || chunk instanceof Promise) break
      chunks.push(chunk)
    }
    return chunks
  }

  /** Gives the own buffer back, and closes the file. Pieces are to be released before. */
  close(): Promise<void> {
    this.#owns.octets -= this.#own?.length ?? 0
    this.#own = undefined
    return this.#reader.close()
  }

  #prepare(at: number): void {
    const end = Math.min(this.#span.end, at + CHUNKS_AT_ONCE * CHUNK)
    for (let next = at - (at % CHUNK); next < end; next += CHUNK) this.#cache.prepare(this.#ask(next))
  }

  #ask(at: number): ChunkAsk {
    const { key, size, isLarge } = this.#span
    const offset = at - (at % CHUNK)
    return {
      ...{ key, offset, length: Math.min(CHUNK, size - offset), isLarge },
      read: (into, position) => this.#reader.read(into, position),
    }
  }

  async #read(at: number, most: number, isSmall: boolean): Promise<Piece | undefined> {
    this.#own ??= this.#owns.take(isSmall)
    const length = Math.min(most, this.#own.length, isSmall ? OWN_SIZES[1] : most, this.#span.end - at)
    const bytes = this.#own.subarray(0, length)
    return (await this.#reader.read(bytes, at)) ? { parts: [bytes], length, release: () => {} } : undefined
  }
}
