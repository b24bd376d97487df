import { createHash } from 'node:crypto'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatBytes } from '../lib/text.ts'
import { getUrl, shownUrl } from './http-get.ts'
import { ImageStoreError, reasonOf, type StorePlace } from './image-catalogue.ts'
import { chunksOf, type FileSource, type StagedFile, type StageProgress } from './stage-file.ts'
import { openDownload, PART, requireRoom, type Workplace } from './workplace.ts'

export interface Download {
  readonly url: URL
  /** What the file must be; lower-case hex. */
  readonly sha256: string
  /** Also from addresses of private networks and of this machine. */
  readonly allowPrivate: boolean
  /** Octets. */
  readonly maxSize: number
  /** Milliseconds before a second try, the next one waits twice as long. */
  readonly pauseMs?: number
}

/** Tries in a row that bring not an octet. */
const TRIES = 5
const PAUSE_MS = 1000
/** Milliseconds for all tries together. */
const TIME_LIMIT_MS = 6 * 3_600_000
/** Octets between two looks at the room on the disk, where nobody knows how much comes. */
const ROOM_STEP = 64 << 20

/**
 * A file of a web server. A connection that is cut is made again from where it ended, by this command or by the same one
 * later; the hash of the whole decides, and what is something else goes away.
 */
export function urlSource(store: StorePlace, wanted: Download): FileSource {
  const name = basename(wanted.url.pathname)
  return {
    name,
    from: shownUrl(wanted.url),
    stage: async (work, observe) => {
      const place = await openDownload(store, wanted.sha256, work.reserve)
      let keep: 'keep' | undefined
      try {
        const part = join(place.folder, PART)
        const size = await fetchPart(wanted, part, { place, name, observe }).catch((error: unknown) => {
          if (!(error instanceof ImageStoreError) && isPassing(error)) keep = 'keep'
          throw error instanceof ImageStoreError ? error : giveUp(wanted, error)
        })
        const path = join(work.folder, `file-${name}`)
        await rename(part, path)
        return { name, path, size, sha256: wanted.sha256 }
      } finally {
        await place.close(keep)
      }
    },
  }
}

function giveUp({ url }: Download, error: unknown): Error {
  if (error instanceof Error && !isPassing(error)) return error
  const message = `${shownUrl(url)} cannot be fetched: ${reasonOf(error)}; the same command goes on where it ended`
  return new ImageStoreError(message, { cause: error })
}

interface Fetching {
  readonly place: Workplace
  readonly name: string
  readonly observe: (progress: StageProgress) => void
}

/** Brings the part to its end; resolves with its size once its hash is right and it is on disk. */
async function fetchPart(wanted: Download, part: string, fetching: Fetching): Promise<number> {
  const signal = AbortSignal.timeout(TIME_LIMIT_MS)
  let resumed = (await sizeOf(part)) > 0
  for (let fruitless = 0; ; ) {
    const before = await sizeOf(part)
    resumed ||= before > 0
    try {
      await fetchOnce(wanted, { part, before, signal }, fetching)
      const size = await sizeOf(part)
      if ((await hashOf(part, size)) === wanted.sha256) return size
      // Somebody else's beginning: once more, from the first octet.
      await rm(part, { force: true })
      if (!resumed) throw wrongHash(wanted, size)
      resumed = false
      fruitless += 1
    } catch (error) {
      if (error instanceof ImageStoreError || !isPassing(error)) throw error
      fruitless = (await sizeOf(part)) > before ? 0 : fruitless + 1
      if (fruitless >= TRIES) throw error
    }
    if (fruitless >= TRIES) throw new Error('what comes is another file each time')
    await sleep((wanted.pauseMs ?? PAUSE_MS) * 2 ** fruitless, undefined, { signal })
  }
}

function wrongHash({ url, sha256 }: Download, size: number): ImageStoreError {
  return new ImageStoreError(
    `${shownUrl(url)} is not what was asked for: its ${formatBytes(size)} have another SHA-256 than ${sha256}`,
  )
}

/** A disk that is full stays full. */
function isPassing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code !== 'ENOSPC' && code !== 'EIO' && code !== 'EACCES'
}

interface Once {
  readonly part: string
  /** The octets that are there. */
  readonly before: number
  readonly signal: AbortSignal
}

/** One connection. Resolves when the server says that this was the end. */
async function fetchOnce(wanted: Download, once: Once, fetching: Fetching): Promise<void> {
  const { url, allowPrivate } = wanted
  const { part, before, signal } = once
  const response = await getUrl(url, { allowPrivate, from: before, signal })
  try {
    const { statusCode = 0 } = response
    // Nothing after these octets: they are all, or the beginning of something else. The hash tells.
    if (statusCode === 416 && before > 0) return
    if (statusCode !== 200 && statusCode !== 206) throw refusedStatus(url, statusCode)
    if ((response.headers['content-encoding'] ?? 'identity') !== 'identity')
      throw new ImageStoreError(`${shownUrl(url)} comes compressed, though it was asked for as it is`)
    const begin = statusCode === 206 && startOf(response) === before ? before : 0
    if (statusCode === 206 && begin === 0 && before > 0) throw new Error('the server sends another range')
    const file = await open(part, begin === 0 ? 'w' : 'r+', 0o644)
    try {
      await writeBody(response, file, { begin, wanted, fetching })
      await file.sync()
    } finally {
      await file.close()
    }
  } finally {
    response.destroy()
  }
}

/** 5xx, 408 and 429 may pass; another status is the answer. */
function refusedStatus(url: URL, status: number): Error {
  const message = `${shownUrl(url)} answers ${status}`
  return status >= 500 || status === 408 || status === 429 ? new Error(message) : new ImageStoreError(message)
}

function startOf({ headers }: IncomingMessage): number | undefined {
  const [, digits] = /^bytes ([0-9]+)-[0-9]+\/(?:[0-9]+|\*)$/.exec(headers['content-range'] ?? '') ?? []
  return digits === undefined ? undefined : Number(digits)
}

interface Body {
  readonly begin: number
  readonly wanted: Download
  readonly fetching: Fetching
}

async function writeBody(
  response: IncomingMessage,
  file: FileHandle,
  { begin, wanted, fetching }: Body,
): Promise<void> {
  const { place, name, observe } = fetching
  const length = response.headers['content-length']
  const total = length === undefined ? undefined : begin + Number(length)
  const requireSize = (size: number): void => {
    if (size > wanted.maxSize)
      throw new ImageStoreError(
        `${shownUrl(wanted.url)} is larger than ${formatBytes(wanted.maxSize)}: see --max-size`,
      )
  }
  requireSize(total ?? 0)
  await requireRoom(place, (total ?? begin + ROOM_STEP) - begin)
  let done = begin
  let looked = begin
  for await (const chunk of response) {
    const bytes = Buffer.from(chunk)
    requireSize(done + bytes.length)
    for (let at = 0; at < bytes.length; )
      at += (await file.write(bytes, at, bytes.length - at, done + at)).bytesWritten
    done += bytes.length
    observe({ name, done, ...(total === undefined ? {} : { total }) })
    if (done - looked < ROOM_STEP) continue
    looked = done
    await requireRoom(place, ROOM_STEP)
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}

async function hashOf(path: string, size: number): Promise<StagedFile['sha256']> {
  const hash = createHash('sha256')
  const file = await open(path, 'r')
  try {
    for await (const chunk of chunksOf(file, 0, size)) hash.update(chunk)
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}
