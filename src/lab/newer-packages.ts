import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { cacheFolder, withLock, writeAtomically } from './cache.ts'
import {
  type AptState,
  type ControlFields,
  packageOf,
  refreshPackageLists,
  showPackages,
  unpackPackages,
} from './debian-packages.ts'

/**
 * Packages of Debian suites newer than the machine's own, unpacked in the cache: nothing is installed, and the
 * machine's apt keeps its state. apt checks them as it checks its own: signed index, hashes of the packages.
 */
export interface NewerPackages {
  /** Absolute path of the tree: a file of a package, `/usr/lib/ipxe/snponly.efi`, lies below it. */
  readonly folder: string
  /** The version unpacked, by package name. */
  readonly versions: ReadonlyMap<string, string>
}

export interface NewerPackagesOptions {
  readonly suite: 'trixie' | 'sid'
  readonly packages: readonly string[]
  /** Default: the machine's own, as apt names it. */
  readonly architecture?: 'amd64' | 'arm64'
  readonly onProgress?: (line: string) => void
  /** Default: `newer/` in Centra PXE's cache folder. */
  readonly folder?: string
  /** Default: the mirror that the machine's own apt uses for Debian, held to the machine's Debian keys. */
  readonly mirror?: Mirror
}

/** A Debian mirror as a line of sources.list(5) would name it. */
export interface Mirror {
  readonly uri: string
  /** `signed-by=...` for instance; none: apt's own trusted keys. */
  readonly options: readonly string[]
}

const MANIFEST = z.readonly(
  z.object({
    suite: z.string(),
    packages: z.array(
      z.object({
        name: z.string(),
        version: z.string(),
        architecture: z.string(),
        /** Hex SHA-256 of the package file, which apt compared. */
        sha256: z.string(),
      }),
    ),
  }),
)
type Manifest = z.infer<typeof MANIFEST>

const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const LISTS_STALE_MS = 24 * 60 * 60_000

const run = promisify(execFile)

/**
 * The packages in the versions that the suite has now, from the cache when it has them. The suite's package lists
 * are refreshed once a day, and when a download fails; without a network, lists and trees of earlier days serve.
 * Rejects with apt's reason and what to do: no Debian mirror, unknown keys, unknown package, no network.
 */
export async function unpackNewer(options: NewerPackagesOptions): Promise<NewerPackages> {
  const architecture = options.architecture ?? (await ownArchitecture())
  const home = join(options.folder ?? join(cacheFolder(), 'newer'), `${options.suite}-${architecture}`)
  const say = options.onProgress ?? ((): void => {})
  const work = async (): Promise<NewerPackages> => {
    const mirror = options.mirror ?? (await ownMirror())
    const state = makeState(home, architecture)
    const lists: Lists = { home, suite: options.suite, architecture, state, say }
    writeSources(lists, mirror)
    return (await readyLists(lists)) === 'kept'
      ? unpackOrRefresh(lists, options.packages)
      : unpackCurrent(lists, options.packages)
  }
  const onWait = (): void => say(`waiting for another process that unpacks packages of ${options.suite}`)
  return withLock(join(home, 'lock'), work, { onWait })
}

/** The private apt state of one suite and architecture. */
interface Lists {
  readonly home: string
  readonly suite: string
  readonly architecture: string
  readonly state: AptState
  readonly say: (line: string) => void
}

/** `kept`: of an earlier call, and the mirror may meanwhile have replaced what they name. */
async function readyLists(lists: Lists): Promise<'kept' | 'fetched'> {
  const age = ageMs(stampOf(lists))
  if (age !== undefined && age < LISTS_STALE_MS) return 'kept'
  try {
    await refresh(lists)
    return 'fetched'
  } catch (error) {
    if (age === undefined) throw error
    lists.say(`${reasonOf(error)}; the lists of an earlier day are used`)
    return 'kept'
  }
}

async function unpackOrRefresh(lists: Lists, names: readonly string[]): Promise<NewerPackages> {
  try {
    return await unpackCurrent(lists, names)
  } catch (error) {
    lists.say(reasonOf(error))
    await refresh(lists)
    return unpackCurrent(lists, names)
  }
}

async function refresh(lists: Lists): Promise<void> {
  lists.say(`fetching the package lists of Debian ${lists.suite}`)
  try {
    await refreshPackageLists(lists.state)
  } catch (error) {
    throw new Error(`${reasonOf(error)}${adviceFor(error)}`, { cause: error })
  }
  writeAtomically(stampOf(lists), '')
}

async function unpackCurrent(lists: Lists, names: readonly string[]): Promise<NewerPackages> {
  const manifest = manifestOf(lists.suite, await shown(lists, names))
  const home = join(lists.home, keyOf(manifest))
  if (isWhole(home)) return packagesIn(home, manifest)
  const work = mkdtempSync(join(lists.home, 'unpack-'))
  try {
    lists.say(`unpacking ${manifest.packages.map((one) => `${one.name} ${one.version}`).join(', ')}`)
    const folders = { archive: join(work, 'archive'), work: join(work, 'files') }
    mkdirSync(folders.work)
    const tree = await unpackPackages(manifest.packages, folders, lists.state)
    rmSync(home, { recursive: true, force: true })
    mkdirSync(home, { recursive: true })
    renameSync(tree, join(home, 'tree'))
    // Written last: its presence says that the tree is whole.
    writeAtomically(join(home, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
    return packagesIn(home, manifest)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

async function shown(lists: Lists, names: readonly string[]): Promise<ReadonlyMap<string, ControlFields>> {
  try {
    return await showPackages(names, lists.state)
  } catch (error) {
    const where = `Debian ${lists.suite}, main, ${lists.architecture}`
    throw new Error(`${where}: ${reasonOf(error)}; check the names and the architecture`, { cause: error })
  }
}

function manifestOf(suite: string, found: ReadonlyMap<string, ControlFields>): Manifest {
  const packages = [...found.values()].map((fields) => ({
    ...packageOf(fields),
    sha256: fields.get('SHA256') ?? '',
  }))
  return { suite, packages: packages.sort((a, b) => (a.name < b.name ? -1 : 1)) }
}

function keyOf(manifest: Manifest): string {
  return createHash('sha256').update(JSON.stringify(manifest)).digest('hex').slice(0, 16)
}

function isWhole(home: string): boolean {
  const path = join(home, 'manifest.json')
  return existsSync(path) && MANIFEST.safeParse(JSON.parse(readFileSync(path, 'utf8'))).success
}

function packagesIn(home: string, manifest: Manifest): NewerPackages {
  const versions = new Map(manifest.packages.map(({ name, version }) => [name, version]))
  return { folder: join(home, 'tree'), versions }
}

/**
 * Makes the private state and returns the arguments that choose it. The machine's apt configuration stays in force
 * (proxies, credentials), but not its pins, its architectures, its release and its hooks.
 */
function makeState(home: string, architecture: string): AptState {
  const apt = join(home, 'apt')
  for (const folder of ['state/lists/partial', 'cache/archives/partial'])
    mkdirSync(join(apt, folder), { recursive: true })
  writeFileSync(join(apt, 'status'), '')
  const settings: Readonly<Record<string, string>> = {
    'Dir::State': join(apt, 'state'),
    'Dir::State::Lists': 'lists',
    'Dir::State::Status': join(apt, 'status'),
    'Dir::State::Extended_States': join(apt, 'extended-states'),
    'Dir::Cache': join(apt, 'cache'),
    'Dir::Cache::Archives': 'archives',
    'Dir::Cache::PkgCache': 'pkgcache.bin',
    'Dir::Cache::SrcPkgCache': 'srcpkgcache.bin',
    'Dir::Etc::SourceList': join(apt, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    'APT::Architecture': architecture,
    'APT::Default-Release': '',
    // Without it, apt-get says nothing by its exit code when it keeps old lists in the place of those it cannot get.
    'APT::Update::Error-Mode': 'any',
    // Root's apt would drop to a user that may not write into our folder.
    'APT::Sandbox::User': 'root',
  }
  const cleared = ['APT::Architectures', 'APT::Update::Pre-Invoke', 'APT::Update::Post-Invoke']
  const lines = [
    ...[...cleared, 'APT::Update::Post-Invoke-Success'].map((name) => `#clear ${name};`),
    ...Object.entries(settings).map(([name, value]) => `${name} "${value}";`),
  ]
  const configuration = join(apt, 'apt.conf')
  writeAtomically(configuration, `${lines.join('\n')}\n`)
  return ['-c', configuration]
}

function writeSources({ home, suite }: Lists, { uri, options }: Mirror): void {
  // No index but the packages: no translations, contents, icons.
  const line = `deb [${['target=Packages', ...options].join(' ')}] ${uri} ${suite} main\n`
  writeAtomically(join(home, 'apt', 'sources.list'), line)
}

function stampOf({ home }: Lists): string {
  return join(home, 'refreshed')
}

function ageMs(stamp: string): number | undefined {
  const written = statSync(stamp, { throwIfNoEntry: false })
  return written === undefined ? undefined : Math.max(0, Date.now() - written.mtimeMs)
}

async function ownArchitecture(): Promise<string> {
  const { stdout } = await run('dpkg', ['--print-architecture'])
  return stdout.trim()
}

/** The mirror from which the machine gets Debian itself, not its security updates, which lie elsewhere. */
async function ownMirror(): Promise<Mirror> {
  const format = '$(LABEL)\t$(REPO_URI)'
  const { stdout } = await run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])
  const rows = stdout.split('\n').map((line) => line.split('\t'))
  // Without lists (a new container), apt knows no labels: every mirror has Debian in a folder of that name.
  const labelled = rows.find(([label]) => label === 'Debian')
  const named = rows.find(([, uri = '']) => uri.endsWith('/debian/'))
  const uri = (labelled ?? named)?.[1]
  if (uri === undefined)
    throw new Error(
      "this machine's apt has no Debian mirror: add one to its sources, then run apt-get update",
    )
  return { uri, options: existsSync(DEBIAN_KEYRING) ? [`signed-by=${DEBIAN_KEYRING}`] : [] }
}

function adviceFor(error: unknown): string {
  return /NO_PUBKEY|not signed|no longer signed|couldn't be verified|Missing key/i.test(reasonOf(error))
    ? '; newer keys come with the package debian-archive-keyring: upgrade it'
    : '; check that this machine reaches its Debian mirror'
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
