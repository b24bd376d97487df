import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { fileIdentity } from '../lib/file-identity.ts'
import { liesAt } from './file-octets.ts'

export interface PublishedFile {
  readonly path: string
  /** In octets. */
  readonly size: number
  /** Of the file whose content is meant (`lib/file-identity.ts`); absent: only the size is known. */
  readonly identity?: string
  readonly noLinks?: true
}

/** Reads one published file, as long as it is the one that was published: opened at the first need. */
export class FileReader {
  readonly #file: PublishedFile
  #handle: Promise<FileHandle | undefined> | undefined
  #reading: Promise<boolean> = Promise.resolve(true)

  constructor(file: PublishedFile) {
    this.#file = file
  }

  /** False when there is another file now, or none. */
  async open(): Promise<boolean> {
    return (await this.#opened()) !== undefined
  }

  /** Open until `close`; undefined when the file is not what it was. */
  async descriptor(): Promise<number | undefined> {
    return (await this.#opened())?.fd
  }

  /** Fills the buffer from this place of the file; false when the file is not what it was, also since it was read. */
  read(into: Uint8Array, position: number): Promise<boolean> {
    const reading = this.#read(into, position)
    this.#reading = Promise.allSettled([this.#reading, reading]).then(() => true)
    return reading
  }

  /** After the reads that are under way: others may wait for them too. */
  async close(): Promise<void> {
    await this.#reading
    await (await this.#handle)?.close()
  }

  async #read(into: Uint8Array, position: number): Promise<boolean> {
    const handle = await this.#opened()
    if (handle === undefined) return false
    for (let done = 0; done < into.length; ) {
      const { bytesRead } = await handle.read(into, done, into.length - done, position + done)
      if (bytesRead === 0) return false
      done += bytesRead
    }
    return this.#isUnchanged(handle)
  }

  #opened(): Promise<FileHandle | undefined> {
    this.#handle ??= this.#open()
    return this.#handle
  }

  async #open(): Promise<FileHandle | undefined> {
    const { path, noLinks } = this.#file
    const flags = constants.O_RDONLY | (noLinks === true ? constants.O_NOFOLLOW : 0)
    const handle = await open(path, flags).catch(() => undefined)
    if (handle === undefined) return undefined
    const isThere = noLinks !== true || (await liesAt(handle, path))
    if (isThere && (await this.#isUnchanged(handle))) return handle
    await handle.close()
    return undefined
  }

  async #isUnchanged(handle: FileHandle): Promise<boolean> {
    const { size, identity } = this.#file
    const stats = await handle.stat({ bigint: true })
    return Number(stats.size) === size && (identity === undefined || fileIdentity(stats) === identity)
  }
}
