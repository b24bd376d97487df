import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, readlink } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { StoredFile } from '../model/image-store.ts'
import { ImageStoreError, reasonOf } from './image-catalogue.ts'
import { requireRoom, type Workplace } from './workplace.ts'

/** A file that lies whole in a workplace, on disk, and is what its hash says. */
export interface StagedFile extends StoredFile {
  readonly path: string
}

/** How far one file of several is; octets. */
export interface StageProgress {
  readonly name: string
  readonly done: number
  /** Absent while it is not known. */
  readonly total?: number
}

/** Where a file of an image comes from. */
export interface FileSource {
  /** Under which machines get it. */
  readonly name: string
  /** For people. */
  readonly from: string
  /** Brings it into the workplace. Rejects with a sentence. */
  stage(work: Workplace, observe: (progress: StageProgress) => void): Promise<StagedFile>
}

/** Octets read at once. */
const CHUNK = 1 << 20

/** Roots below which a symbolic link may lead: whoever can write there is trusted with the machine anyway. */
const LINK_ROOTS = ['/nix/store'] as const

/** A file of this machine. */
export function fileSource(path: string, linkRoots: readonly string[] = LINK_ROOTS): FileSource {
  const name = basename(path)
  return {
    name,
    from: resolve(path),
    stage: async (work, observe) => {
      const { file, size } = await openPlainFile(path, linkRoots)
      try {
        await requireRoom(work, size)
        return await stageOctets(work, { name, total: size, chunks: chunksOf(file, 0, size) }, observe)
      } finally {
        await file.close()
      }
    },
  }
}

/**
 * Opens a regular file that is where its path says: what was opened is asked for its own path, so that no link can be
 * put in between. Links are followed into the roots alone.
 */
export async function openPlainFile(
  path: string,
  linkRoots: readonly string[] = LINK_ROOTS,
): Promise<{ readonly file: FileHandle; readonly size: number }> {
  const wanted = resolve(path)
  // A pipe that nobody writes to would be waited for without end.
  const file = await open(wanted, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw new ImageStoreError(`${wanted} cannot be read: ${reasonOf(error)}`, { cause: error })
  })
  try {
    const found = await readlink(`/proc/self/fd/${file.fd}`)
    if (found !== wanted && !linkRoots.some((root) => found.startsWith(join(root, '/'))))
      throw new ImageStoreError(`${wanted} leads through a symbolic link to ${found}: name that file itself`)
    const stats = await file.stat()
    if (!stats.isFile()) throw new ImageStoreError(`${wanted} is no regular file`)
    return { file, size: stats.size }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** `length` octets from `first` on. Throws when the file has become shorter. */
export async function* chunksOf(file: FileHandle, first: number, length: number): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < length; ) {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK, length - done))
    const { bytesRead } = await file.read(buffer, 0, buffer.length, first + done)
    if (bytesRead === 0) throw new ImageStoreError('a file became shorter while it was read')
    done += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

interface Octets {
  readonly name: string
  readonly total?: number
  readonly chunks: AsyncIterable<Uint8Array>
}

/** Writes, hashes and syncs. */
export async function stageOctets(
  work: Workplace,
  { name, total, chunks }: Octets,
  observe: (progress: StageProgress) => void,
): Promise<StagedFile> {
  const path = join(work.folder, `file-${name}`)
  const hash = createHash('sha256')
  const file = await open(path, 'wx', 0o644)
  let done = 0
  try {
    for await (const chunk of chunks) {
      hash.update(chunk)
      await file.writeFile(chunk)
      done += chunk.length
      observe({ name, done, ...(total === undefined ? {} : { total }) })
    }
    if (done === 0) throw new ImageStoreError(`${name} is empty`)
    await file.sync()
  } finally {
    await file.close()
  }
  return { name, path, size: done, sha256: hash.digest('hex') }
}
