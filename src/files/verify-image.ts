import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { StoredFile } from '../model/image-store.ts'
import { isMissing, type StorePlace } from './image-catalogue.ts'
import { chunksOf, type StageProgress } from './stage-file.ts'

/** `changed`: not the octets that were added. `link`: no regular file, and never served. */
export type StoredFileState = 'ok' | 'changed' | 'missing' | 'link'

/** Whether a file of the store is what its hash says. */
export async function verifyFile(
  { files }: StorePlace,
  { name, size, sha256 }: StoredFile,
  observe: (progress: StageProgress) => void,
): Promise<StoredFileState> {
  const path = join(files, sha256)
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: unknown) => {
      if (isMissing(error)) return 'missing' as const
      if (error instanceof Error && 'code' in error && error.code === 'ELOOP') return 'link' as const
      throw error
    },
  )
  if (typeof file === 'string') return file
  try {
    const stats = await file.stat()
    if (!stats.isFile()) return 'link'
    if (stats.size !== size) return 'changed'
    const hash = createHash('sha256')
    let done = 0
    for await (const chunk of chunksOf(file, 0, size)) {
      hash.update(chunk)
      done += chunk.length
      observe({ name, done, total: size })
    }
    return hash.digest('hex') === sha256 ? 'ok' : 'changed'
  } finally {
    await file.close()
  }
}
