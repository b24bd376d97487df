import { CHUNK, type Chunk, type ChunkAsk, type ChunkCache } from './chunk-cache.ts'
import type { FileReader } from './file-reader.ts'

export interface Span {
  /** Names the content in the cache. */
  readonly key: string
  /** Of the whole file, in octets. */
  readonly size: number
  /** One past the last octet that is wanted. */
  readonly end: number
}

/** Octets of a transfer's own buffer: where there is plenty of memory, little, and hardly any. */
const OWN_SIZES = [1 << 20, 64 << 10, 16 << 10] as const
/** Octets of all own buffers, up to which the next transfer gets one of that size. */
const OWN_LIMITS = [32 << 20, 96 << 20] as const

/** Octets in buffers that belong to one transfer each. */
export class OwnBuffers {
  octets = 0

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

  constructor(cache: ChunkCache, owns: OwnBuffers, reader: FileReader, span: Span) {
    this.#cache = cache
    this.#owns = owns
    this.#reader = reader
    this.#span = span
  }

  /** What comes at this place, at most `most` octets of it; undefined when the file is not what it was. */
  async next(at: number, most: number, isSlow: boolean): Promise<Chunk | undefined> {
    const whole = isSlow ? undefined : this.#cache.take(this.#ask(at))
    const chunk = whole instanceof Promise ? await whole : whole
    if (chunk === undefined) return this.#read(at, most, isSlow)
    this.#prepare(at)
    const from = at % CHUNK
    const to = Math.min(from + most, chunk.bytes.length, this.#span.end - at + from)
    return { bytes: chunk.bytes.subarray(from, to), release: chunk.release }
  }

  close(): Promise<void> {
    this.#owns.octets -= this.#own?.length ?? 0
    this.#own = undefined
    return this.#reader.close()
  }

  #prepare(at: number): void {
    const next = at - (at % CHUNK) + CHUNK
    if (next < this.#span.end) this.#cache.prepare(this.#ask(next))
  }

  #ask(at: number): ChunkAsk {
    const { key, size } = this.#span
    const offset = at - (at % CHUNK)
    return {
      ...{ key, offset, length: Math.min(CHUNK, size - offset) },
      read: (into, position) => this.#reader.read(into, position),
    }
  }

  async #read(at: number, most: number, isSmall: boolean): Promise<Chunk | undefined> {
    this.#own ??= this.#owns.take(isSmall)
    const length = Math.min(most, this.#own.length, isSmall ? OWN_SIZES[1] : most, this.#span.end - at)
    const bytes = this.#own.subarray(0, length)
    return (await this.#reader.read(bytes, at)) ? { bytes, release: () => {} } : undefined
  }
}
