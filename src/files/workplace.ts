import { randomUUID } from 'node:crypto'
import { chmod, mkdir, readdir, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { formatBytes } from '../lib/text.ts'
import { ImageStoreError, isMissing, type StorePlace } from './image-catalogue.ts'
import { type Lock, tryLock, withLock } from './lock.ts'

/** A folder below `incoming/` for what is being added. Whoever dies leaves it without its lock, and others remove it. */
export interface Workplace {
  readonly folder: string
  /** Octets that must stay free on the disk: leases need room to be written. */
  readonly reserve: number
  /** Lets go of the folder, and removes it unless somebody shall go on with it later. */
  close(keep?: 'keep'): Promise<void>
}

/** Milliseconds that a command waits for another one that changes the catalogue. */
export const LOCK_WAIT_MS = 30_000
/** Octets. */
export const DISK_RESERVE = 64 << 20
/** Milliseconds for which the beginning of a download that was given up is kept. */
const PART_LIFE_MS = 7 * 86_400_000
const LOCK = 'lock'
/** The beginning of a download. */
export const PART = 'part'
const DOWNLOAD = 'download-'

/** A new workplace; the ones that dead processes left go away. Makes the store where there is none. */
export async function openWorkplace(store: StorePlace, reserve: number): Promise<Workplace> {
  return takeFolder(store, randomUUID(), reserve)
}

/** The workplace of the download of this content, with what an earlier try left. Rejects while another one has it. */
export async function openDownload(store: StorePlace, sha256: string, reserve: number): Promise<Workplace> {
  return takeFolder(store, `${DOWNLOAD}${sha256}`, reserve)
}

async function takeFolder(store: StorePlace, name: string, reserve: number): Promise<Workplace> {
  await mkdir(dirname(store.folder), { recursive: true, mode: 0o750 })
  // The server may run as another user than this command, whatever umask that has.
  for (const folder of [store.folder, store.files, store.incoming])
    if ((await mkdir(folder, { recursive: true })) !== undefined) await chmod(folder, 0o755)
  const folder = join(store.incoming, name)
  const lock = await withLock(store.lock, LOCK_WAIT_MS, async () => {
    await sweepIncoming(store, { except: name })
    await mkdir(folder, { recursive: true, mode: 0o755 })
    return tryLock(join(folder, LOCK))
  })
  if (lock === undefined) throw new ImageStoreError('another command is downloading this file now')
  return { folder, reserve, close: (keep) => leave(folder, lock, keep) }
}

async function leave(folder: string, lock: Lock, keep: 'keep' | undefined): Promise<void> {
  // Removed while it is locked: nobody else can take it for a dead one's meanwhile. Whoever tries puts a new lock file into
  // it once the old one is gone, so it may take more than one try.
  if (keep === undefined) await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 10 })
  lock.release()
}

interface Sweep {
  readonly except?: string
  /** Also beginnings of downloads that somebody may want to go on with. */
  readonly parts?: boolean
}

/** Removes what nobody works on any more; resolves with the octets that gave. The store's lock is to be held. */
export async function sweepIncoming({ incoming }: StorePlace, { except, parts }: Sweep): Promise<number> {
  let freed = 0
  for (const name of await readdir(incoming)) {
    const folder = join(incoming, name)
    if (name === except || (name.startsWith(DOWNLOAD) && parts !== true && (await isYoung(folder)))) continue
    const lock = await lockOf(folder)
    if (lock === undefined) continue
    freed += await octetsIn(folder)
    await leave(folder, lock, undefined)
  }
  return freed
}

/** undefined while somebody works there, and when its owner has just removed it. */
async function lockOf(folder: string): Promise<Lock | undefined> {
  try {
    return tryLock(join(folder, LOCK))
  } catch (error) {
    const isThere = await stat(folder).then(
      () => true,
      (why: unknown) => !isMissing(why),
    )
    if (isThere) throw error
    return undefined
  }
}

async function isYoung(folder: string): Promise<boolean> {
  const { mtimeMs } = await stat(join(folder, PART)).catch(() => ({ mtimeMs: 0 }))
  return Date.now() - mtimeMs < PART_LIFE_MS
}

async function octetsIn(folder: string): Promise<number> {
  let sum = 0
  const names = await readdir(folder).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })
  for (const name of names) sum += await sizeOf(join(folder, name))
  return sum
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isMissing(error)) return 0
    throw error
  }
}

/** Rejects when so many octets more would leave less than the reserve. */
export async function requireRoom({ folder, reserve }: Workplace, octets: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (free >= octets + reserve) return
  throw new ImageStoreError(
    `there is not enough room: ${formatBytes(octets)} are needed, ${formatBytes(free)} are free at ${folder}, ` +
      `of which ${formatBytes(reserve)} are kept for leases; centra-pxe image gc removes old versions`,
  )
}
