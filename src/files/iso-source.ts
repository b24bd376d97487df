import { type FileHandle, open } from 'node:fs/promises'
import { posix, resolve } from 'node:path'
import {
  DESCRIPTOR_SECTOR,
  decodeDirectory,
  decodeSystemUse,
  decodeVolume,
  type Extent,
  type IsoEntry,
  SECTOR,
} from '../protocol/iso9660/volume.ts'
import { ImageStoreError } from './image-catalogue.ts'
import {
  chunksOf,
  type FileSource,
  openPlainFile,
  type StagedFile,
  type StageProgress,
  stageOctets,
} from './stage-file.ts'
import { requireRoom, type Workplace } from './workplace.ts'

/** Octets of one directory. */
const DIRECTORY_LIMIT = 4 << 20
/** Octets in which a system use area goes on; one sector holds it (SUSP §5.1). */
const MORE_LIMIT = SECTOR

/** Opens the image, or brings it before. */
type OpenIso = (
  work: Workplace,
  observe: (progress: StageProgress) => void,
) => Promise<{ readonly file: FileHandle; readonly size: number }>

/** Files inside an ISO image that is a file of this machine. */
export function isoFileSources(path: string, inside: readonly string[]): readonly FileSource[] {
  return sourcesIn({ from: resolve(path), open: () => openPlainFile(path) }, inside)
}

/** Files inside an ISO image that is brought from elsewhere, once. */
export function broughtIsoSources(iso: FileSource, inside: readonly string[]): readonly FileSource[] {
  let brought: Promise<StagedFile> | undefined
  const bring: OpenIso = async (work, observe) => {
    brought ??= iso.stage(work, observe)
    const { path, size } = await brought
    return { file: await open(path, 'r'), size }
  }
  return sourcesIn({ from: iso.from, open: bring }, inside)
}

interface Origin {
  readonly from: string
  readonly open: OpenIso
}

function sourcesIn({ from, open: openIso }: Origin, inside: readonly string[]): readonly FileSource[] {
  return inside.map((path) => {
    const name = posix.basename(path)
    return {
      name,
      from: `${from}:${posix.join('/', path)}`,
      stage: async (work, observe) => {
        const { file, size } = await openIso(work, observe)
        try {
          const { offset, length } = await findFile({ file, size, from }, path)
          await requireRoom(work, length)
          return await stageOctets(
            work,
            { name, total: length, chunks: chunksOf(file, offset, length) },
            observe,
          )
        } finally {
          await file.close()
        }
      },
    }
  })
}

interface Iso {
  readonly file: FileHandle
  /** Octets. */
  readonly size: number
  /** For messages. */
  readonly from: string
}

async function findFile(iso: Iso, path: string): Promise<Extent> {
  const volume = decodeVolume(await read(iso, { offset: DESCRIPTOR_SECTOR * SECTOR, length: SECTOR }))
  if (!volume.ok) throw new ImageStoreError(`${iso.from} ${volume.error}`)
  const steps = posix.join('/', path).split('/').filter(Boolean)
  let extent = volume.value
  for (const [i, step] of steps.entries()) {
    const isLast = i === steps.length - 1
    const entry = await findEntry(iso, extent, step)
    const shown = `/${steps.slice(0, i + 1).join('/')}`
    if (entry === undefined) throw new ImageStoreError(`${iso.from} has no ${shown}`)
    if (entry.kind !== (isLast ? 'file' : 'directory'))
      throw new ImageStoreError(`${shown} in ${iso.from} is no ${isLast ? 'plain file' : 'directory'}`)
    extent = entry.extent
  }
  requireInside(iso, extent)
  return extent
}

/** By its Rock Ridge name; an image without those has names without case. */
async function findEntry(iso: Iso, directory: Extent, name: string): Promise<IsoEntry | undefined> {
  if (directory.length > DIRECTORY_LIMIT) throw new ImageStoreError(`${iso.from} has a directory without end`)
  for (const entry of decodeDirectory(await read(iso, directory))) {
    const whole = await withRest(iso, entry)
    if (whole.name === name || whole.name === name.toLowerCase()) return whole
  }
  return undefined
}

/** A long name or a link's target may go on elsewhere. */
async function withRest(iso: Iso, entry: IsoEntry): Promise<IsoEntry> {
  if (entry.more === undefined || entry.more.extent.length > MORE_LIMIT) return entry
  const { extent, begun } = entry.more
  const { name, isLink } = decodeSystemUse(await read(iso, extent))
  return {
    ...entry,
    name: name === undefined ? entry.name : `${begun}${name}`,
    kind: isLink ? 'other' : entry.kind,
  }
}

async function read(iso: Iso, { offset, length }: Extent): Promise<Uint8Array> {
  requireInside(iso, { offset, length })
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await iso.file.read(buffer, 0, length, offset)
  return buffer.subarray(0, bytesRead)
}

function requireInside({ size, from }: Iso, { offset, length }: Extent): void {
  if (offset + length > size)
    throw new ImageStoreError(`${from} is shorter than it says, or no ISO 9660 image`)
}
