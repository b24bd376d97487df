/** A small Debian mirror for the installer: some packages of the machine's own mirror, with an index of its own, unsigned. */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { cacheFolder, withLock } from '../../src/lab/cache.ts'
import { paragraphOf } from './installer-parts.ts'

const SUITE = 'bookworm'

/** A paragraph of an index. */
interface Indexed {
  readonly name: string
  readonly fields: ReadonlyMap<string, string>
  readonly text: string
}

interface MirrorWishes {
  /** Of the installer; what they need comes along. */
  readonly udebs: readonly string[]
  /** Udebs that the installer has already. */
  readonly present: ReadonlySet<string>
  /** Of the system that is installed; what they need comes along. Those of the suite's priority `required` are always there. */
  readonly debs: readonly string[]
  /** Udebs of our own. */
  readonly own: readonly string[]
}

/** The folder to serve as `/debian`, or a sentence why there is none. Downloads what the cache lacks. */
export async function debianMirror(
  wishes: MirrorWishes,
): Promise<
  | { readonly folder: string; readonly packages: number; readonly absent: readonly string[] }
  | { readonly why: string }
> {
  const home = path.join(cacheFolder(), 'peers', 'mirror')
  try {
    return await withLock(path.join(home, 'lock'), async () => {
      const state = aptState(home)
      if (!existsSync(path.join(home, 'lists', 'lock'))) apt(state, 'update')
      const [udebs, debs] = [index(state, 'debian-installer'), index(state, 'binary')]
      const wantedUdebs = closure(wishes.udebs, udebs, wishes.present)
      const required = [...debs.values()].filter(({ fields }) => fields.get('Priority') === 'required')
      const roots = wishes.debs.length === 0 ? [] : [...required.map(({ name }) => name), ...wishes.debs]
      const wantedDebs = closure(roots, debs, new Set())
      const folder = path.join(home, 'debian')
      rmSync(folder, { recursive: true, force: true })
      download(home, state, [...wantedUdebs, ...wantedDebs])
      const isThere = (one: Indexed): boolean => existsSync(path.join(home, 'archive', fileOf(one)))
      const lists = {
        'debian-installer/binary-amd64': wantedUdebs.filter(isThere),
        'binary-amd64': wantedDebs.filter(isThere),
      }
      publish(home, folder, lists, wishes.own)
      const absent = [...wantedUdebs, ...wantedDebs].filter((one) => !isThere(one)).map(({ name }) => name)
      return { folder, packages: Object.values(lists).flat().length, absent }
    })
  } catch (error) {
    return { why: error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error) }
  }
}

/** The machine's apt with lists of its own, which name the installer's packages too. */
function aptState(home: string): readonly string[] {
  for (const folder of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(path.join(home, folder), { recursive: true })
  const sources = execFileSync(
    'apt-get',
    ['indextargets', '--format', '$(SITE)|$(REPO_URI)|$(SUITE)|$(CODENAME)', 'Created-By: Packages'],
    {
      encoding: 'utf8',
    },
  )
  const [, uri] =
    sources
      .split('\n')
      .map((line) => line.split('|'))
      .find(([, repo = '', , codename]) => codename === SUITE && /\/debian\/?$/.test(repo)) ?? []
  if (uri === undefined) throw new Error(`apt has no mirror of Debian ${SUITE}`)
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
  writeFileSync(
    path.join(home, 'sources.list'),
    `deb [target=Packages signed-by=${keyring}] ${uri} ${SUITE} main main/debian-installer\n`,
  )
  const settings = {
    'Dir::Etc::sourcelist': path.join(home, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': path.join(home, 'lists'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': path.join(home, 'cache'),
    'APT::Sandbox::User': 'root',
  }
  return Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`])
}

function apt(state: readonly string[], ...args: readonly string[]): void {
  execFileSync('apt-get', ['-q', ...state, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    maxBuffer: 1 << 26,
  })
}

function index(state: readonly string[], kind: 'debian-installer' | 'binary'): ReadonlyMap<string, Indexed> {
  const list = execFileSync(
    'apt-get',
    [...state, 'indextargets', '--format', '$(FILENAME)', 'Created-By: Packages'],
    { encoding: 'utf8' },
  )
  const file = list
    .split('\n')
    .find((name) => name.includes('debian-installer') === (kind === 'debian-installer') && name !== '')
  if (file === undefined) throw new Error(`apt has no list of ${kind}`)
  const text = execFileSync('/usr/lib/apt/apt-helper', ['cat-file', file], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  const paragraphs = text.split(/\n\n+/).filter((one) => one !== '')
  return new Map(
    paragraphs.map((one) => {
      const fields = new Map(
        [...one.matchAll(/^([A-Za-z0-9-]+): (.*)$/gm)].map(([, key = '', value = '']) => [key, value]),
      )
      return [fields.get('Package') ?? '', { name: fields.get('Package') ?? '', fields, text: one }]
    }),
  )
}

/** The packages and all they depend on; of alternatives the first, of a virtual package the last that provides it, if none is there. */
function closure(
  roots: readonly string[],
  all: ReadonlyMap<string, Indexed>,
  present: ReadonlySet<string>,
): readonly Indexed[] {
  const providers = new Map<string, string[]>()
  for (const { name, fields } of all.values())
    for (const provided of names(fields.get('Provides')))
      providers.set(provided, [...(providers.get(provided) ?? []), name])
  const isThere = (name: string): boolean => present.has(name) || found.has(name) || roots.includes(name)
  const found = new Map<string, Indexed>()
  let wanted = roots
  while (wanted.length > 0) {
    const next: string[] = []
    for (const root of wanted) {
      if (present.has(root)) continue
      const provided = providers.get(root) ?? []
      if (!all.has(root) && provided.some(isThere)) continue
      const one = all.get(root) ?? all.get(provided.at(-1) ?? '')
      if (one === undefined || found.has(one.name) || present.has(one.name)) continue
      found.set(one.name, one)
      next.push(...names(one.fields.get('Pre-Depends')), ...names(one.fields.get('Depends')))
    }
    wanted = next
  }
  return [...found.values()]
}

function names(list = ''): readonly string[] {
  return list.split(',').flatMap((text) => /^\s*([a-z0-9][a-z0-9+.-]+)/.exec(text)?.[1] ?? [])
}

function download(home: string, state: readonly string[], packages: readonly Indexed[]): void {
  const archive = path.join(home, 'archive')
  mkdirSync(archive, { recursive: true })
  const work = path.join(home, 'work')
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work)
  const missing = packages.filter((one) => !existsSync(path.join(archive, fileOf(one))))
  for (let at = 0; at < missing.length; at += 100) {
    const specs = missing.slice(at, at + 100).map(({ name, fields }) => `${name}=${fields.get('Version')}`)
    // What the mirror does not have is not in ours either.
    spawnSync('apt-get', ['-q', ...state, 'download', ...specs], { cwd: work, stdio: 'ignore' })
  }
  for (const file of readdirSync(work))
    renameSync(path.join(work, file), path.join(archive, file.replaceAll('%3a', ':')))
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function fileOf({ name, fields }: Indexed): string {
  const extension = (fields.get('Filename') ?? '').endsWith('.udeb') ? 'udeb' : 'deb'
  return `${name}_${fields.get('Version')}_${fields.get('Architecture')}.${extension}`
}

function publish(
  home: string,
  folder: string,
  lists: Readonly<Record<string, readonly Indexed[]>>,
  own: readonly string[],
): void {
  const dists = path.join(folder, 'dists', SUITE)
  const sums: string[] = []
  for (const [name, packages] of Object.entries(lists)) {
    for (const one of packages) {
      const file = path.join(folder, one.fields.get('Filename') ?? '')
      mkdirSync(path.dirname(file), { recursive: true })
      copyFileSync(path.join(home, 'archive', fileOf(one)), file)
    }
    const ours = name.startsWith('debian-installer') ? own : []
    const paragraphs = [
      ...packages.map((one) => one.text),
      ...ours.map((udeb) => paragraphOf(udeb, sha256(readFileSync(udeb)))),
    ]
    for (const udeb of ours) copyFileSync(udeb, path.join(folder, 'pool', path.basename(udeb)))
    const text = Buffer.from(paragraphs.map((one) => `${one.trimEnd()}\n\n`).join(''))
    for (const [suffix, bytes] of [
      ['', text],
      ['.gz', gzipSync(text)],
    ] as const) {
      const file = `main/${name}/Packages${suffix}`
      mkdirSync(path.dirname(path.join(dists, file)), { recursive: true })
      writeFileSync(path.join(dists, file), bytes)
      // choose-mirror looks whether the architecture is there.
      writeFileSync(
        path.join(dists, 'main', name, 'Release'),
        `Archive: stable\nOrigin: Debian\nLabel: Debian\nComponent: main\nArchitecture: amd64\n`,
      )
      sums.push(` ${sha256(bytes)} ${bytes.length} ${file}`)
    }
  }
  const head = [
    'Origin: Debian',
    'Label: Debian',
    'Suite: stable',
    `Codename: ${SUITE}`,
    'Architectures: amd64',
    'Components: main',
  ]
  const date = `Date: ${new Date().toUTCString().replace('GMT', 'UTC')}`
  writeFileSync(path.join(dists, 'Release'), `${[...head, date, 'SHA256:', ...sums].join('\n')}\n`)
}
