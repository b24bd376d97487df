import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { ImageCatalogue, StoredFile, StoredImage, StoredVersion } from '../model/image-store.ts'
import { FILE_NAME, NAME } from '../model/names.ts'
import { kernelArgumentProblem } from '../protocol/ipxe/words.ts'
import { writeDurably } from './durable.ts'

/**
 * The image store: a folder with `files/SHA256`, and one catalogue that names what is served.
 * A file in `files/` that the catalogue does not name does not exist for machines; replacing the catalogue is the one
 * moment at which anything changes for them.
 */
export interface StorePlace {
  readonly folder: string
  readonly catalogue: string
  /** Held while catalogue and files change. */
  readonly lock: string
  readonly files: string
  /** What is being added, a folder for each. */
  readonly incoming: string
}

/** The paths of a store in this folder; nothing is read or made. */
export function storeOf(folder: string): StorePlace {
  return {
    folder,
    catalogue: join(folder, 'catalogue.json'),
    lock: join(folder, 'lock'),
    files: join(folder, 'files'),
    incoming: join(folder, 'incoming'),
  }
}

/** A sentence for the person at the terminal: the store refuses, or cannot do something. */
export class ImageStoreError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ImageStoreError'
  }
}

const FILE = z.strictObject({
  name: z.string().regex(FILE_NAME),
  size: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})
const VERSION = z
  .strictObject({
    id: z.string().regex(/^[0-9a-f]{12}$/),
    added: z.iso.datetime(),
    kernel: FILE,
    initrds: z.array(FILE),
    cmdline: z.array(z.string().refine((text) => kernelArgumentProblem(text) === undefined)),
    from: z.array(z.string()),
  })
  .refine(
    ({ kernel, initrds }) => new Set([kernel, ...initrds].map(({ name }) => name)).size > initrds.length,
  )
const IMAGE = z.strictObject({
  name: z.string().regex(NAME).max(63),
  versions: z.array(VERSION).min(1),
  removed: z.iso.datetime().optional(),
})
const CATALOGUE = z.strictObject({ format: z.literal(1), images: z.array(IMAGE) })

/** Octets; some hundred versions of some hundred images. */
const CATALOGUE_LIMIT = 64 << 20

/** What the store has; nothing where there is no store. Rejects when the catalogue cannot be read or is none. */
export async function readCatalogue({ catalogue: path }: StorePlace): Promise<ImageCatalogue> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return undefined
    throw new ImageStoreError(`${path} cannot be read: ${reasonOf(error)}`, { cause: error })
  })
  if (text === undefined) return new Map()
  const parsed = text.length > CATALOGUE_LIMIT ? undefined : CATALOGUE.safeParse(parseJson(text))
  if (parsed?.success !== true)
    throw new ImageStoreError(
      `${path} is no catalogue of this version of Centra PXE: restore a copy, or move it away and add the images again`,
    )
  return new Map(
    parsed.data.images.map(({ removed, ...image }) => [
      image.name,
      { ...image, ...(removed === undefined ? {} : { removed }) },
    ]),
  )
}

/** Replaces the catalogue, whole or not at all; on disk when it resolves. The lock is to be held. */
export async function writeCatalogue({ catalogue }: StorePlace, images: ImageCatalogue): Promise<void> {
  const sorted = [...images.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  await writeDurably(catalogue, `${JSON.stringify({ format: 1, images: sorted }, undefined, 1)}\n`)
}

/** Names content, not time: the same files and arguments have the same version. */
export function versionId({
  kernel,
  initrds,
  cmdline,
}: Omit<StoredVersion, 'id' | 'added' | 'from'>): string {
  const parts = [[kernel, ...initrds].map(({ name, size, sha256 }) => [name, size, sha256]), cmdline]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12)
}

/** Kernel first, then the initrds in the order in which they are loaded. */
export function filesOf({ kernel, initrds }: StoredVersion): readonly StoredFile[] {
  return [kernel, ...initrds]
}

/** The hashes of everything that the catalogue names. */
export function namedHashes(images: ImageCatalogue): ReadonlySet<string> {
  const files = [...images.values()].flatMap(({ versions }) => versions.flatMap(filesOf))
  return new Set(files.map(({ sha256 }) => sha256))
}

/** The version that machines get; none once the image was removed. */
export function currentVersion({ versions, removed }: StoredImage): StoredVersion | undefined {
  return removed === undefined ? versions.at(-1) : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Whether a failed call found no file at the path, nor a folder on the way to it: absence, not a fault of the disk. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}

/** The message of what was thrown, for a sentence that names the file itself. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
