import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const ENTRY = z.readonly(
  z.object({
    file: z.string(),
    /** Lower-case hex. */
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    size: z.number(),
    package: z.string(),
    version: z.string(),
    suite: z.string(),
  }),
)
const MANIFEST = z.object({ files: z.array(ENTRY) })

/** Where one fetched loader came from. */
export type FirmwareEntry = z.infer<typeof ENTRY>

/** A loader out of a package, not yet written. */
export interface FetchedFile {
  readonly file: string
  readonly data: Uint8Array
  readonly package: string
  readonly version: string
  readonly suite: string
}

/** The manifest's name beside the loaders it describes. */
const MANIFEST_FILE = 'manifest.json'

/** What was fetched into a folder, by file name; empty when nothing was. Rejects when the manifest is no manifest. */
export async function readManifest(folder: string): Promise<ReadonlyMap<string, FirmwareEntry>> {
  const path = join(folder, MANIFEST_FILE)
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return undefined
    throw error
  })
  if (text === undefined) return new Map()
  const parsed = MANIFEST.safeParse(parseJson(text))
  if (!parsed.success) throw new Error(`${path} is no manifest: remove it and run firmware fetch once more`)
  return new Map(parsed.data.files.map((entry) => [entry.file, entry]))
}

/** What a fetch did to a file: `kept` has the octets and the origin that it had. */
export type Change = 'new' | 'replaced' | 'kept'

export interface Installed {
  readonly entry: FirmwareEntry
  readonly change: Change
}

/**
 * Puts loaders and their manifest into a folder, each whole or not at all: a server that is running sees the old file or
 * the new. What else is in the folder stays, but for halves that a killed call left. Resolves with the entries of these
 * files once they are on disk. One call at a time.
 */
export async function installFiles(
  folder: string,
  files: readonly FetchedFile[],
): Promise<readonly Installed[]> {
  await mkdir(folder, { recursive: true, mode: 0o750 })
  const before = await readManifest(folder)
  for (const name of await readdir(folder)) if (HALF.test(name)) await rm(join(folder, name))
  const installed: Installed[] = []
  for (const { data, ...from } of files) {
    const entry = { ...from, size: data.length, sha256: sha256Of(data) }
    const change = await changeOf(folder, before.get(from.file), entry)
    if (change !== 'kept') await writeDurably(folder, from.file, data)
    installed.push({ entry, change })
  }
  if (installed.every(({ change }) => change === 'kept')) return installed
  const entries = installed.map(({ entry }) => entry)
  const all = new Map([...before, ...entries.map((entry) => [entry.file, entry] as const)])
  const sorted = [...all.values()].sort((a, b) => (a.file < b.file ? -1 : 1))
  const text = `${JSON.stringify({ files: sorted }, undefined, 2)}\n`
  await writeDurably(folder, MANIFEST_FILE, new TextEncoder().encode(text))
  return installed
}

async function changeOf(
  folder: string,
  before: FirmwareEntry | undefined,
  entry: FirmwareEntry,
): Promise<Change> {
  const state = await checkFile(folder, entry)
  if (state === 'missing') return 'new'
  const sameOrigin = (['package', 'version', 'suite'] as const).every((key) => before?.[key] === entry[key])
  return state === 'ok' && sameOrigin ? 'kept' : 'replaced'
}

/** `changed`: not the octets that were fetched. */
export type FileState = 'ok' | 'changed' | 'missing'

/** Whether a fetched loader is still what it was. */
export async function checkFile(folder: string, entry: FirmwareEntry): Promise<FileState> {
  const data = await readFile(join(folder, entry.file)).catch((error: unknown) => {
    if (isMissing(error)) return undefined
    throw error
  })
  if (data === undefined) return 'missing'
  return sha256Of(data) === entry.sha256 ? 'ok' : 'changed'
}

/** A file that is not yet in its place: a dot, its name, a UUID. */
const HALF = /^\..+\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

async function writeDurably(folder: string, name: string, data: Uint8Array): Promise<void> {
  const temporary = join(folder, `.${name}.${randomUUID()}`)
  try {
    const file = await open(temporary, 'wx', 0o644)
    try {
      await file.writeFile(data)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, join(folder, name))
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  const directory = await open(folder, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function sha256Of(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}
