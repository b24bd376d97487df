import { lstat, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { linuxVariants } from '../model/image.ts'
import {
  type ImageCatalogue,
  NO_STORED_IMAGES,
  type StoredFile,
  type StoredImage,
  type StoredImages,
} from '../model/image-store.ts'
import type { Image, ImageFile } from '../model/world.ts'
import {
  currentVersion,
  filesOf,
  isMissing,
  readCatalogue,
  type StorePlace,
  storeOf,
} from './image-catalogue.ts'

/** The image store as the server sees it: read again whenever the catalogue was replaced. */
export class StoredImagesReader {
  readonly #store: StorePlace
  #identity: string | undefined
  #found: Promise<StoredImages> = Promise.resolve(NO_STORED_IMAGES)

  constructor(store: StorePlace) {
    this.#store = store
  }

  /** Rejects while the catalogue cannot be read, with a sentence that names it. */
  async read(): Promise<StoredImages> {
    const identity = await identityOf(this.#store.catalogue)
    if (identity !== this.#identity) {
      this.#identity = identity
      this.#found = identity === undefined ? Promise.resolve(NO_STORED_IMAGES) : readStore(this.#store)
      // What could not be read may be readable a moment later.
      this.#found.catch(() => {
        this.#identity = undefined
      })
    }
    return this.#found
  }
}

/** Every change makes a new file: another inode, or another time in nanoseconds. */
async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return [dev, ino, size, mtimeNs, ctimeNs].join(':')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

async function readStore(store: StorePlace): Promise<StoredImages> {
  const catalogue = await readCatalogue(store)
  const present = await presentFiles(store, catalogue)
  const images = [...catalogue.values()]
  return {
    current: new Map(
      images.flatMap((image) => {
        const current = currentImage(image, present)
        return current === undefined ? [] : [[image.name, current] as const]
      }),
    ),
    files: new Map(
      images.map(({ name, versions }) => [
        name,
        versions.flatMap(filesOf).flatMap((file) => imageFile(file, present) ?? []),
      ]),
    ),
  }
}

/**
 * The paths of the files that are there, by hash: regular files of the right size; a link is none. The store may lie
 * behind a link of the operator's, so the paths are those behind it.
 */
async function presentFiles(
  { folder: store }: StorePlace,
  catalogue: ImageCatalogue,
): Promise<ReadonlyMap<string, string>> {
  const files = [...catalogue.values()].flatMap(({ versions }) => versions.flatMap(filesOf))
  const wanted = new Map(files.map((file) => [file.sha256, file]))
  const { files: folder } = storeOf(await realpath(store).catch(() => store))
  const found = await Promise.all(
    [...wanted.values()].map(async ({ sha256, size }) => {
      const path = join(folder, sha256)
      const stats = await lstat(path).catch(() => undefined)
      return stats?.isFile() === true && stats.size === size ? [[sha256, path] as const] : []
    }),
  )
  return new Map(found.flat())
}

/** One with a file missing is left out, as an image of the configuration is. */
function currentImage(image: StoredImage, present: ReadonlyMap<string, string>): Image | undefined {
  const version = currentVersion(image)
  if (version === undefined) return undefined
  const [kernel, ...initrds] = filesOf(version).flatMap((file) => imageFile(file, present) ?? [])
  if (kernel === undefined || initrds.length < version.initrds.length) return undefined
  const { cmdline, id } = version
  return {
    ...{ name: image.name, variants: linuxVariants(kernel, initrds), cmdline },
    cite: `image store, ${image.name} ${id}`,
  }
}

function imageFile(
  { name, size, sha256 }: StoredFile,
  present: ReadonlyMap<string, string>,
): ImageFile | undefined {
  const path = present.get(sha256)
  return path === undefined ? undefined : { name, path, size, sha256, stored: true }
}
