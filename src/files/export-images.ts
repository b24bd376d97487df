import { createHash, randomUUID } from 'node:crypto'
import { link, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ImageFile } from '../model/world.ts'
import { syncFolder } from './durable.ts'
import { ImageStoreError, isMissing } from './image-catalogue.ts'
import { chunksOf, openPlainFile } from './stage-file.ts'

/** A file and the image that it is of. */
export interface ExportedFile {
  readonly image: string
  readonly file: ImageFile
}

export interface ExportOutcome {
  readonly linked: number
  readonly copied: number
  /** There before. */
  readonly kept: number
  /** Versions, as `NAME/SHA256`, that were taken away. */
  readonly pruned: readonly string[]
}

/**
 * Puts files where their addresses say, `FOLDER/images/NAME/SHA256/FILE`: whoever serves FOLDER serves them. Those of the
 * image store are hard links where the file system allows, others are copied and compared with their hash. A file appears
 * whole or not at all, and is never changed: whatever ends this, it can be begun again. With `prune` whatever else is below
 * `FOLDER/images/NAME` goes, last of all. Rejects with a sentence.
 */
export async function exportImages(
  folder: string,
  files: readonly ExportedFile[],
  { prune }: { readonly prune: boolean },
): Promise<ExportOutcome> {
  const outcome = { linked: 0, copied: 0, kept: 0 }
  const wanted = new Set<string>()
  for (const { image, file } of files) {
    const version = `${image}/${file.sha256}`
    wanted.add(version)
    const target = join(folder, 'images', version, file.name)
    outcome[await place(file, target)] += 1
  }
  return { ...outcome, pruned: prune ? await pruneAll(join(folder, 'images'), wanted) : [] }
}

async function place(file: ImageFile, target: string): Promise<'linked' | 'copied' | 'kept'> {
  const there = await lstat(target).catch(ifMissing)
  if (there?.isFile() === true && there.size === file.size) return 'kept'
  const parent = dirname(target)
  await mkdir(parent, { recursive: true })
  const temporary = join(parent, `.${randomUUID()}`)
  try {
    const how = file.stored === true ? await linkOrCopy(file, temporary) : await copy(file, temporary)
    await rename(temporary, target)
    await syncFolder(parent)
    return how
  } finally {
    await rm(temporary, { force: true })
  }
}

/** A link to a file that the store never changes; elsewhere (EXDEV), or where links are refused, a copy. */
async function linkOrCopy(file: ImageFile, to: string): Promise<'linked' | 'copied'> {
  return link(file.path, to).then(
    () => 'linked',
    () => copy(file, to),
  )
}

async function copy({ path, name, size, sha256 }: ImageFile, to: string): Promise<'copied'> {
  const { file } = await openPlainFile(path, ['/'])
  try {
    const target = await open(to, 'wx', 0o644)
    try {
      await target.chmod(0o644)
      const hash = createHash('sha256')
      for await (const chunk of chunksOf(file, 0, size)) {
        hash.update(chunk)
        await target.writeFile(chunk)
      }
      if (hash.digest('hex') !== sha256)
        throw new ImageStoreError(`${path} changed while it was read (${name}): export once more`)
      await target.sync()
    } finally {
      await target.close()
    }
  } finally {
    await file.close()
  }
  return 'copied'
}

/** Only folders that have the form of ours go. */
async function pruneAll(images: string, wanted: ReadonlySet<string>): Promise<readonly string[]> {
  const pruned: string[] = []
  for (const image of await readdir(images).catch(() => []))
    for (const sha256 of await readdir(join(images, image)).catch(() => [])) {
      if (!/^[0-9a-f]{64}$/.test(sha256) || wanted.has(`${image}/${sha256}`)) continue
      await rm(join(images, image, sha256), { recursive: true, force: true })
      pruned.push(`${image}/${sha256}`)
    }
  return pruned
}

function ifMissing(error: unknown): undefined {
  if (isMissing(error)) return undefined
  throw error
}
