import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A package as apt would download it now. */
export interface DebianPackage {
  readonly name: string
  readonly version: string
  readonly architecture: string
}

/** One paragraph of a control file: `Version`, `Depends`, ... */
export type ControlFields = ReadonlyMap<string, string>

const run = promisify(execFile)

/** Arguments that every apt command gets: which apt state is meant. The machine's own needs none. */
export type AptState = readonly string[]

const MACHINES_OWN: AptState = []

/** What apt knows of these packages, in the versions it would download; rejects when it does not know one of them. */
export async function showPackages(
  names: readonly string[],
  state: AptState = MACHINES_OWN,
): Promise<ReadonlyMap<string, ControlFields>> {
  const stdout = await aptCache([...state, 'show', '--no-all-versions', '--', ...names])
  const found = new Map<string, ControlFields>()
  for (const paragraph of stdout.split(/\n\n+/).filter((text) => text !== '')) {
    const fields = parseControl(paragraph)
    found.set(fields.get('Package') ?? '', fields)
  }
  const unknown = names.filter((name) => !found.has(name))
  if (unknown.length > 0) throw new Error(`apt does not know ${unknown.join(' ')}`)
  return found
}

/** apt-cache fails when it does not know one of several packages, and shows the others all the same. */
async function aptCache(args: readonly string[]): Promise<string> {
  try {
    return (await run('apt-cache', args)).stdout
  } catch (error) {
    if (error instanceof Error && 'stdout' in error && typeof error.stdout === 'string') return error.stdout
    throw error
  }
}

/** A package in the version that its control fields name. */
export function packageOf(fields: ControlFields): DebianPackage {
  const field = (key: string): string => fields.get(key) ?? ''
  return { name: field('Package'), version: field('Version'), architecture: field('Architecture') }
}

/** Rejects with apt's reason. */
export async function refreshPackageLists(state: AptState = MACHINES_OWN): Promise<void> {
  try {
    await run('apt-get', [...state, '-q', 'update'])
  } catch (error) {
    throw new Error(`apt-get update failed: ${aptReason(error)}`, { cause: error })
  }
}

export interface PackageFolders {
  /** Where downloaded packages are kept; those that are not wanted any more are removed. */
  readonly archive: string
  /** An empty folder for what is unpacked. */
  readonly work: string
}

/** Unpacks packages, uninstalled, into one tree and returns its folder. Rejects with apt's reason when it cannot download. */
export async function unpackPackages(
  packages: readonly DebianPackage[],
  { archive, work }: PackageFolders,
  state: AptState = MACHINES_OWN,
): Promise<string> {
  mkdirSync(archive, { recursive: true })
  const present = new Set(readdirSync(archive))
  await download(
    packages.filter((one) => !present.has(archiveName(one))),
    work,
    state,
  )
  for (const file of readdirSync(work).filter((name) => name.endsWith('.deb')))
    renameSync(join(work, file), join(archive, file))
  const wanted = new Set(packages.map((one) => archiveName(one)))
  for (const file of present) if (!wanted.has(file)) rmSync(join(archive, file))
  const tree = join(work, 'tree')
  for (const file of wanted) await run('dpkg-deb', ['-x', join(archive, file), tree])
  return tree
}

/** The name `apt-get download` gives a file: the version's colon would end up in a path otherwise. */
export function archiveName({ name, version, architecture }: DebianPackage): string {
  return `${name}_${version.replaceAll(':', '%3a')}_${architecture}.deb`
}

async function download(packages: readonly DebianPackage[], folder: string, state: AptState): Promise<void> {
  if (packages.length === 0) return
  const specs = packages.map((one) => `${one.name}=${one.version}`)
  // Root's apt would drop to a user that may not write into our folder.
  const args = [...state, '-q', '-o', 'APT::Sandbox::User=root', 'download', ...specs]
  try {
    await run('apt-get', args, { cwd: folder })
  } catch (error) {
    throw new Error(`apt-get cannot download ${specs.join(' ')}: ${aptReason(error)}`, { cause: error })
  }
}

/** The first file that apt could not fetch, with why; else its last line that begins with `E:`. */
function aptReason(error: unknown): string {
  const lines = error instanceof Error ? error.message.split('\n') : []
  const failed = lines.find((line) => /^[EW]: Failed to fetch/.test(line))
  return (failed ?? lines.findLast((line) => line.startsWith('E:')))?.slice(3).trim() ?? 'no reason given'
}

/** Single-line fields of the first paragraph (deb822); continuation lines are left out. */
export function parseControl(text: string): ControlFields {
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) {
    if (line === '') break
    const [, key, value] = /^([!-9;-~]+):[ \t]*(.*)$/.exec(line) ?? []
    if (key !== undefined && value !== undefined) fields.set(key, value)
  }
  return fields
}
