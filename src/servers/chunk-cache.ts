/** Octets of a file that are read and kept at once (measured: docs/decisions/0012-large-files.md). */
export const CHUNK = 1 << 20

/** Of the cache, what large transfers may hold at a time. */
const LARGE_SHARE = 0.75

export interface ChunkAsk {
  /** Names the content: entries of one key and offset are the same octets. */
  readonly key: string
  /** A multiple of `CHUNK`. */
  readonly offset: number
  readonly length: number
  /** Of a large transfer: a quarter of the cache is not for these to hold, since one of them may hold a chunk for long. */
  readonly isLarge: boolean
  /** Fills the buffer; false when the octets are not to be had, and nothing is kept. */
  readonly read: (into: Buffer, offset: number) => Promise<boolean>
}

/** Octets that stay as they are until they are released. */
export interface Chunk {
  readonly bytes: Buffer
  readonly release: () => void
}

export interface CacheFigures {
  readonly octets: number
  /** Of them, in use by transfers now. */
  readonly pinned: number
  readonly hits: number
  readonly misses: number
}

interface Entry {
  readonly id: string
  readonly bytes: Buffer
  users: number
  /** While it is read. */
  reading: Promise<boolean> | undefined
}

/**
 * Chunks of files in memory, shared by all transfers: what several ask for while it is read is read once. Never more than
 * `limit` octets, those in use included: where all are in use, there is no room. The least recently used goes first.
 */
export class ChunkCache {
  readonly #limit: () => number
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>()
  #octets = 0
  #pinned = 0
  #hits = 0
  #misses = 0

  constructor(limit: () => number) {
    this.#limit = limit
  }

  /** Now, and hits and misses since the start. */
  get figures(): CacheFigures {
    return { octets: this.#octets, pinned: this.#pinned, hits: this.#hits, misses: this.#misses }
  }

  /** More than half of it is in use: whoever is slow should not hold any. */
  get isScarce(): boolean {
    return this.#pinned > this.#limit() / 2
  }

  /** Whether the octets `first` to `last` of a content are here. */
  has(key: string, first: number, last: number): boolean {
    for (let offset = first - (first % CHUNK); offset <= last; offset += CHUNK) {
      const entry = this.#entries.get(idOf(key, offset))
      if (entry === undefined || entry.reading !== undefined) return false
    }
    return true
  }

  /** The chunk, or undefined: when there is no room, or the read failed. A promise only where one has to wait. */
  take(ask: ChunkAsk): Chunk | undefined | Promise<Chunk | undefined> {
    const found = this.#entries.get(idOf(ask.key, ask.offset))
    if (found === undefined) this.#misses += 1
    else this.#hits += 1
    if (ask.isLarge && (found?.users ?? 0) === 0 && this.#pinned + ask.length > LARGE_SHARE * this.#limit())
      return undefined
    const entry = found ?? this.#begin(ask)
    if (entry === undefined) return undefined
    this.#touch(entry)
    const chunk = this.#pin(entry)
    return entry.reading === undefined ? chunk : this.#whenRead(entry.reading, chunk)
  }

  /** Begins to read a chunk that will be asked for soon. */
  prepare(ask: ChunkAsk): void {
    if (!this.#entries.has(idOf(ask.key, ask.offset))) this.#begin(ask)
  }

  async #whenRead(reading: Promise<boolean>, chunk: Chunk): Promise<Chunk | undefined> {
    if (await reading) return chunk
    chunk.release()
    return undefined
  }

  #pin(entry: Entry): Chunk {
    if (entry.users === 0) this.#pinned += entry.bytes.length
    entry.users += 1
    let isHeld = true
    return {
      bytes: entry.bytes,
      release: () => {
        if (!isHeld) return
        isHeld = false
        entry.users -= 1
        if (entry.users === 0) this.#pinned -= entry.bytes.length
      },
    }
  }

  #begin({ key, offset, length, read }: ChunkAsk): Entry | undefined {
    const bytes = this.#room(length)
    if (bytes === undefined) return undefined
    const entry: Entry = { id: idOf(key, offset), bytes, users: 0, reading: undefined }
    this.#entries.set(entry.id, entry)
    this.#octets += length
    entry.reading = read(bytes, offset)
      .catch(() => false)
      .then((isRead) => {
        entry.reading = undefined
        if (!isRead) this.#drop(entry)
        return isRead
      })
    return entry
  }

  /** A buffer to read into: that of the last entry that had to go where it fits, since new memory costs page faults. */
  #room(length: number): Buffer | undefined {
    let gone: Entry | undefined
    while (this.#octets + length > this.#limit()) {
      gone = this.#oldest()
      if (gone === undefined) return undefined
      this.#drop(gone)
    }
    return gone?.bytes.length === length ? gone.bytes : Buffer.allocUnsafeSlow(length)
  }

  #oldest(): Entry | undefined {
    for (const entry of this.#entries.values())
      if (entry.users === 0 && entry.reading === undefined) return entry
    return undefined
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.id)
    this.#octets -= entry.bytes.length
  }

  #touch(entry: Entry): void {
    this.#entries.delete(entry.id)
    this.#entries.set(entry.id, entry)
  }
}

function idOf(key: string, offset: number): string {
  return `${key}@${offset}`
}
