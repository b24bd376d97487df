import { constants } from 'node:fs'
import { type FileHandle, open, readlink } from 'node:fs/promises'
import type { TftpContent } from './tftp-exchange.ts'

/** Octets read at once. */
const CHUNK = 64 * 1024

/** A published file on disk. */
export interface StoredFile {
  readonly path: string
  /** Octets. */
  readonly size: number
  /** Changes whenever the file does; absent: nobody can tell. */
  readonly revision?: string
  /** `path` leads through no symbolic link, and none is followed to it. */
  readonly noLinks?: boolean
}

/** Opens a file that is as it was described; rejects with a sentence otherwise. */
export async function openStored({ path, size, noLinks }: StoredFile): Promise<FileHandle> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (noLinks === true ? constants.O_NOFOLLOW : 0)
  const file = await open(path, flags)
  try {
    const now = await file.stat()
    const isThere = noLinks !== true || (await liesAt(file, path))
    if (!isThere || !now.isFile() || now.size !== size) throw new Error(`${path} changed on disk`)
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

/** No folder on the way was exchanged for a link: what was opened is asked for its own path. */
export async function liesAt(file: FileHandle, path: string): Promise<boolean> {
  const found = await readlink(`/proc/self/fd/${file.fd}`)
  return found === path || found === `${path} (deleted)`
}

/** A file too large to keep: the pieces around what is being sent, and the next one ahead of it. */
export class FileOctets implements TftpContent {
  readonly length: number
  readonly #file: FileHandle
  readonly #chunks = new Map<number, Uint8Array>()
  readonly #reading = new Set<number>()
  #told: (error?: Error) => void = () => {}
  #isClosed = false

  /** The file is closed with this. */
  constructor(file: FileHandle, length: number) {
    this.#file = file
    this.length = length
  }

  has(start: number, end: number): boolean {
    if (start >= this.length) return true
    const [first, last] = [Math.floor(start / CHUNK), Math.floor((end - 1) / CHUNK)]
    for (const chunk of this.#chunks.keys()) if (chunk < first) this.#chunks.delete(chunk)
    let hasAll = true
    for (let chunk = first; chunk <= last; chunk += 1) {
      if (this.#chunks.has(chunk)) continue
      hasAll = false
      this.#read(chunk)
    }
    this.#read(last + 1)
    return hasAll
  }

  /** Of what `has` said that it is there. */
  subarray(start: number, end: number): Uint8Array {
    const chunk = Math.floor(start / CHUNK)
    const from = start - chunk * CHUNK
    const whole = this.#chunks.get(chunk) ?? new Uint8Array()
    if (from + end - start <= whole.length) return whole.subarray(from, from + end - start)
    const head = whole.subarray(from)
    return head.length === 0 || end === start
      ? head
      : Buffer.concat([head, this.subarray((chunk + 1) * CHUNK, end)])
  }

  follow(told: (error?: Error) => void): void {
    this.#told = told
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#chunks.clear()
    // A read under way ends first.
    void this.#file.close().catch(() => {})
  }

  #read(chunk: number): void {
    const at = chunk * CHUNK
    const length = Math.min(CHUNK, this.length - at)
    if (this.#isClosed || length <= 0 || this.#chunks.has(chunk) || this.#reading.has(chunk)) return
    this.#reading.add(chunk)
    void this.#readWhole(new Uint8Array(length), at).then(
      (bytes) => {
        this.#reading.delete(chunk)
        if (this.#isClosed) return
        this.#chunks.set(chunk, bytes)
        this.#told()
      },
      (error: Error) => {
        if (!this.#isClosed) this.#told(error)
      },
    )
  }

  async #readWhole(bytes: Uint8Array, at: number): Promise<Uint8Array> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await this.#file.read(bytes, done, bytes.length - done, at + done)
      if (bytesRead === 0) throw new Error('the file changed on disk')
      done += bytesRead
    }
    return bytes
  }
}
