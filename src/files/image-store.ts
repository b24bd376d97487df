import { chmod, lstat, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageCatalogue, StoredImage, StoredVersion } from '../model/image-store.ts'
import { syncFolder } from './durable.ts'
import {
  currentVersion,
  ImageStoreError,
  namedHashes,
  readCatalogue,
  type StorePlace,
  storeOf,
  versionId,
  writeCatalogue,
} from './image-catalogue.ts'
import { withLock } from './lock.ts'
import type { FileSource, StagedFile, StageProgress } from './stage-file.ts'
import { DISK_RESERVE, LOCK_WAIT_MS, openWorkplace, sweepIncoming } from './workplace.ts'

export interface NewVersion {
  readonly name: string
  /** The kernel, then the initrds in their order. */
  readonly sources: readonly FileSource[]
  readonly cmdline: readonly string[]
}

/** The moments of {@link addImage} after which a crash finds something else on disk. */
export type AddStep = 'staged' | 'locked' | 'moved' | 'files-synced' | 'committed'

interface AddOptions {
  readonly observe?: (progress: StageProgress) => void
  /** Called after each step; what it throws ends the work there. */
  readonly onStep?: (step: AddStep) => void
  /** Octets that must stay free on the disk. */
  readonly reserve?: number
}

/** `isNew`: false when this content is the current version already. */
export interface Added {
  readonly version: StoredVersion
  readonly isNew: boolean
}

/**
 * Makes files the current version of an image: into a workplace, hashed, synced; then, under the lock, to their places
 * and into the catalogue. Whatever fails or kills it, and whenever: until the catalogue is replaced the old version is
 * the current one, afterwards the new one is whole. Rejects with an ImageStoreError or what the file system says.
 */
export async function addImage(folder: string, wanted: NewVersion, options: AddOptions = {}): Promise<Added> {
  const { observe = () => {}, onStep = () => {}, reserve = DISK_RESERVE } = options
  const store = storeOf(folder)
  requireDistinct(wanted.sources)
  const work = await openWorkplace(store, reserve)
  try {
    const staged: StagedFile[] = []
    for (const source of wanted.sources) staged.push(await source.stage(work, observe))
    onStep('staged')
    return await withLock(store.lock, LOCK_WAIT_MS, () => {
      onStep('locked')
      return publish(store, staged, { wanted, onStep })
    })
  } finally {
    await work.close()
  }
}

/** Loaders tell the files of an image apart by name. */
function requireDistinct(sources: readonly FileSource[]): void {
  const names = sources.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined) throw new ImageStoreError(`two files of this image would be named ${twice}`)
}

interface Publishing {
  readonly wanted: NewVersion
  readonly onStep: (step: AddStep) => void
}

async function publish(
  store: StorePlace,
  staged: readonly StagedFile[],
  { wanted, onStep }: Publishing,
): Promise<Added> {
  const before = await readCatalogue(store)
  const version = versionOf(staged, wanted)
  const image = before.get(wanted.name)
  const isNew = image === undefined || currentVersion(image)?.id !== version.id
  try {
    for (const { path, sha256 } of staged) {
      // Also where it lies there already: that copy may have rotted.
      await chmod(path, 0o444)
      await rename(path, join(store.files, sha256))
      onStep('moved')
    }
    await syncFolder(store.files)
    onStep('files-synced')
    // Without a new version as well: a server that missed a file that was mended looks again.
    await writeCatalogue(store, isNew ? withVersion(before, wanted.name, version) : before)
  } catch (error) {
    const now = await readCatalogue(store).catch(() => undefined)
    if (now !== undefined) await removeUnnamed(store, now)
    throw error
  }
  onStep('committed')
  return { version: isNew ? version : (image.versions.at(-1) ?? version), isNew }
}

function versionOf(staged: readonly StagedFile[], { sources, cmdline }: NewVersion): StoredVersion {
  const [kernel, ...initrds] = staged.map(({ name, size, sha256 }) => ({ name, size, sha256 }))
  if (kernel === undefined) throw new ImageStoreError('an image needs a kernel')
  const content = { kernel, initrds, cmdline }
  return {
    id: versionId(content),
    added: new Date().toISOString(),
    ...content,
    from: sources.map(({ from }) => from),
  }
}

/** Content that was a version before becomes the newest one again. */
function withVersion(before: ImageCatalogue, name: string, version: StoredVersion): ImageCatalogue {
  const older = (before.get(name)?.versions ?? []).filter(({ id }) => id !== version.id)
  return new Map([...before, [name, { name, versions: [...older, version] }]])
}

/** Removes the files that the catalogue does not name; resolves with the octets that gave. The lock is to be held. */
async function removeUnnamed(store: StorePlace, images: ImageCatalogue): Promise<number> {
  const named = namedHashes(images)
  let freed = 0
  for (const name of await readdir(store.files)) {
    if (named.has(name)) continue
    const path = join(store.files, name)
    freed += (await lstat(path)).size
    await rm(path, { recursive: true, force: true })
  }
  return freed
}

/** Takes an image out of service: no script names it any more. Its files stay for machines that boot, until `gc`. */
export async function removeImage(folder: string, name: string): Promise<void> {
  const store = storeOf(folder)
  await changeCatalogue(store, (before) => {
    const image = before.get(name)
    if (image === undefined || image.removed !== undefined)
      throw new ImageStoreError(`the image store has no image ${name}`)
    return new Map([...before, [name, { ...image, removed: new Date().toISOString() }]])
  })
}

export interface Collected {
  readonly versions: readonly { readonly name: string; readonly version: StoredVersion }[]
  /** Octets. */
  readonly freed: number
}

interface CollectOptions {
  /** Says what to remove and stays. */
  readonly dryRun?: boolean
}

/** Removes the versions that `keeps` does not keep, never a current one, and the leftovers of dead commands. */
export async function collectImages(
  folder: string,
  keeps: (image: StoredImage, version: StoredVersion) => boolean,
  { dryRun = false }: CollectOptions = {},
): Promise<Collected> {
  const store = storeOf(folder)
  return inStore(store, async () => {
    const before = await readCatalogue(store)
    const stays = (image: StoredImage, version: StoredVersion): boolean =>
      version === currentVersion(image) || keeps(image, version)
    const versions = [...before.values()].flatMap((image) =>
      image.versions
        .filter((version) => !stays(image, version))
        .map((version) => ({ name: image.name, version })),
    )
    if (dryRun) return { versions, freed: 0 }
    const after = new Map(
      [...before.values()].flatMap((image) => {
        const left = image.versions.filter((version) => stays(image, version))
        return left.length === 0 ? [] : [[image.name, { ...image, versions: left }] as const]
      }),
    )
    const leftovers = (await sweepIncoming(store, { parts: true })) + (await removeUnnamed(store, before))
    const early = versions.length > 0 ? await shrinkCatalogue(store, after) : 0
    return { versions, freed: leftovers + early + (await removeUnnamed(store, after)) }
  })
}

/**
 * Replaces the catalogue by one with less in it. On a full disk the files have to go first, which gives the octets that
 * this resolves with: a crash in between leaves versions without files, which the server does not serve and the next gc removes.
 */
async function shrinkCatalogue(store: StorePlace, after: ImageCatalogue): Promise<number> {
  try {
    await writeCatalogue(store, after)
    return 0
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
    const freed = await removeUnnamed(store, after)
    await writeCatalogue(store, after)
    return freed
  }
}

async function changeCatalogue(
  store: StorePlace,
  change: (before: ImageCatalogue) => ImageCatalogue,
): Promise<void> {
  await inStore(store, async () => writeCatalogue(store, change(await readCatalogue(store))))
}

/** Under the lock of a store that is there. */
async function inStore<T>(store: StorePlace, work: () => Promise<T>): Promise<T> {
  await stat(store.incoming).catch(() => {
    throw new ImageStoreError(`there is no image store at ${store.folder}; centra-pxe image add makes it`)
  })
  return withLock(store.lock, LOCK_WAIT_MS, work)
}
