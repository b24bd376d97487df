import { OldestFirst } from '../lib/oldest-first.ts'
import { FileOctets, openStored, type StoredFile } from './file-octets.ts'
import type { TftpContent } from './tftp-exchange.ts'

/** Octets: files that are kept in memory, each and together. Loaders have a megabyte, kernels ten. */
const KEPT_FILE = 16 * 1024 * 1024
const KEPT = 32 * 1024 * 1024

/** The files that are read over TFTP: a rack of machines asks for the same few within seconds. */
export class TftpFiles {
  readonly #kept = new OldestFirst<string, { readonly size: number; readonly content: Promise<Uint8Array> }>()
  #keptOctets = 0

  /** A file's octets, from memory where they are. Rejects with a sentence where the file is not what it was. */
  async open(file: StoredFile): Promise<TftpContent> {
    const { path, size, revision } = file
    if (revision === undefined || size > KEPT_FILE) return new FileOctets(await openStored(file), size)
    const key = `${revision} ${size} ${path}`
    const kept = this.#kept.get(key)
    if (kept !== undefined) return kept.content
    const content = readStored(file)
    this.#keep(key, size, content)
    content.catch(() => this.#forget(key))
    return content
  }

  #keep(key: string, size: number, content: Promise<Uint8Array>): void {
    this.#kept.set(key, { size, content })
    this.#keptOctets += size
    for (const [oldest] of this.#kept) {
      if (this.#keptOctets <= KEPT) break
      this.#forget(oldest)
    }
  }

  #forget(key: string): void {
    const kept = this.#kept.get(key)
    if (kept === undefined) return
    this.#kept.delete(key)
    this.#keptOctets -= kept.size
  }
}

async function readStored(stored: StoredFile): Promise<Uint8Array> {
  const file = await openStored(stored)
  try {
    const content = await file.readFile()
    if (content.length !== stored.size) throw new Error(`${stored.path} changed on disk`)
    return content
  } finally {
    await file.close()
  }
}
