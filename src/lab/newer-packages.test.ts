import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { type NewerPackages, type NewerPackagesOptions, unpackNewer } from './newer-packages.ts'
import { missingPackages } from './packages.ts'

const missing = missingPackages('lab').filter((name) => ['apt', 'dpkg'].includes(name))
const skip = missing.length > 0 && `missing: ${missing.join(' ')}`
const root = mkdtempSync(join(tmpdir(), 'centra-newer-'))
// apt's three tries with growing pauses are not what is tested here.
writeFileSync(join(root, 'apt.conf'), 'Acquire::Retries "0";\n')
process.env['APT_CONFIG'] = join(root, 'apt.conf')
after(() => rmSync(root, { recursive: true, force: true }))

/** A Debian mirror in a folder, with packages built for the test. */
class LocalMirror {
  readonly folder = mkdtempSync(join(root, 'mirror-'))
  #packages = new Map<string, string>()

  /** Puts a package of one file, `/usr/share/NAME`, in the place of an older version of it. */
  publish(name: string, version: string): void {
    const pool = join(this.folder, 'pool')
    mkdirSync(pool, { recursive: true })
    for (const file of readdirSync(pool).filter((one) => one.startsWith(`${name}_`))) rmSync(join(pool, file))
    const tree = mkdtempSync(join(root, 'tree-'))
    const control = `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: for a test\n`
    write(join(tree, 'DEBIAN', 'control'), control)
    write(join(tree, 'usr', 'share', name), `${name} ${version}\n`)
    const file = `pool/${name}_${version}_all.deb`
    execFileSync('dpkg-deb', ['--build', '--root-owner-group', tree, join(this.folder, file)])
    const data = readFileSync(join(this.folder, file))
    this.#packages.set(name, `${control}Filename: ${file}\nSize: ${data.length}\nSHA256: ${sha256(data)}\n`)
    this.#writeIndexes()
  }

  #writeIndexes(): void {
    const index = [...this.#packages.values()].join('\n')
    const suite = join(this.folder, 'dists', 'sid')
    write(join(suite, 'main', 'binary-amd64', 'Packages'), index)
    const row = ` ${sha256(index)} ${index.length} main/binary-amd64/Packages`
    const head = 'Origin: Test\nSuite: sid\nCodename: sid\nArchitectures: amd64\nComponents: main'
    write(join(suite, 'Release'), `${head}\nDate: ${new Date().toUTCString()}\nSHA256:\n${row}\n`)
  }
}

interface Fetched extends NewerPackages {
  readonly said: readonly string[]
}

async function fetched(
  mirror: LocalMirror,
  packages: readonly string[],
  options: Partial<NewerPackagesOptions> = {},
): Promise<Fetched> {
  const said: string[] = []
  const result = await unpackNewer({
    suite: 'sid',
    architecture: 'amd64',
    packages,
    folder: join(mirror.folder, 'cache'),
    mirror: { uri: `file:${mirror.folder}`, options: ['trusted=yes'] },
    onProgress: (line) => said.push(line),
    ...options,
  })
  return { ...result, said }
}

test('a package of the suite lies in the cache, and the second call asks nobody', { skip }, async () => {
  const mirror = new LocalMirror()
  mirror.publish('one', '1.0')
  mirror.publish('two', '2:2.5')
  const own = ownAptState()
  const first = await fetched(mirror, ['two', 'one'])
  assert.deepEqual(Object.fromEntries(first.versions), { one: '1.0', two: '2:2.5' })
  assert.equal(contentOf(first, 'two'), 'two 2:2.5\n')
  assert.deepEqual(first.said, ['fetching the package lists of Debian sid', 'unpacking one 1.0, two 2:2.5'])
  const manifest = JSON.parse(readFileSync(join(dirname(first.folder), 'manifest.json'), 'utf8'))
  assert.equal(
    manifest.packages[0].sha256,
    sha256(readFileSync(join(mirror.folder, 'pool', 'one_1.0_all.deb'))),
  )
  rmSync(join(mirror.folder, 'pool'), { recursive: true })
  const second = await fetched(mirror, ['one', 'two'])
  assert.deepEqual(second, { ...first, said: [] })
  assert.deepEqual(ownAptState(), own)
})

test('when the mirror has replaced a package, the lists are refreshed and it is tried once more', {
  skip,
}, async () => {
  const mirror = new LocalMirror()
  mirror.publish('one', '1.0')
  mirror.publish('two', '1.0')
  await fetched(mirror, ['one'])
  mirror.publish('two', '1.1')
  const two = await fetched(mirror, ['two'])
  assert.equal(contentOf(two, 'two'), 'two 1.1\n')
  assert.equal(two.said.filter((line) => line === 'fetching the package lists of Debian sid').length, 1)
})

test('lists older than a day are refreshed; without the mirror they serve on', { skip }, async () => {
  const mirror = new LocalMirror()
  mirror.publish('one', '1.0')
  await fetched(mirror, ['one'])
  mirror.publish('one', '1.1')
  assert.equal((await fetched(mirror, ['one'])).versions.get('one'), '1.0')
  ageLists(mirror)
  assert.equal((await fetched(mirror, ['one'])).versions.get('one'), '1.1')
  ageLists(mirror)
  rmSync(join(mirror.folder, 'dists'), { recursive: true })
  const offline = await fetched(mirror, ['one'])
  assert.equal(contentOf(offline, 'one'), 'one 1.1\n')
  assert.match(offline.said.join('\n'), /the lists of an earlier day are used/)
})

test('lists of another mirror do not count', { skip }, async () => {
  const mirror = new LocalMirror()
  mirror.publish('one', '1.0')
  const other = new LocalMirror()
  other.publish('one', '9.0')
  const folder = join(root, 'shared-cache')
  assert.equal((await fetched(mirror, ['one'], { folder })).versions.get('one'), '1.0')
  assert.equal((await fetched(other, ['one'], { folder })).versions.get('one'), '9.0')
})

test('a mirror without a signature is refused, with what to do', { skip }, async () => {
  const mirror = new LocalMirror()
  mirror.publish('one', '1.0')
  const unsigned = { mirror: { uri: `file:${mirror.folder}`, options: [] } }
  await assert.rejects(fetched(mirror, ['one'], unsigned), /is not signed.*upgrade it$/s)
})

test('a mirror that nobody reaches is named as the reason', { skip }, async () => {
  // Port 9 of loopback (discard) has no listener. apt-get update alone would only warn and exit with 0.
  const unreachable = { mirror: { uri: 'http://127.0.0.1:9/debian', options: ['trusted=yes'] } }
  await assert.rejects(
    fetched(new LocalMirror(), ['one'], unreachable),
    /^Error: apt-get update failed: Failed to fetch http:.*; check that this machine reaches its Debian mirror$/s,
  )
})

test('an altered package is refused', { skip }, async () => {
  const mirror = new LocalMirror()
  mirror.publish('one', '1.0')
  const file = join(mirror.folder, 'pool', 'one_1.0_all.deb')
  const data = readFileSync(file)
  data[data.length - 1] = 1 ^ (data.at(-1) ?? 0)
  writeFileSync(file, data)
  await assert.rejects(fetched(mirror, ['one']), /cannot download one=1\.0: .*[Hh]ash/s)
})

test('a package that the suite lacks is named', { skip }, async () => {
  const mirror = new LocalMirror()
  mirror.publish('one', '1.0')
  const message = 'Debian sid, main, amd64: apt does not know nosuch; check the names and the architecture'
  await assert.rejects(fetched(mirror, ['one', 'nosuch']), { message })
  await assert.rejects(fetched(mirror, ['nosuch']), { message })
})

function ageLists(mirror: LocalMirror): void {
  const twoDaysAgo = new Date(Date.now() - 48 * 60 * 60_000)
  utimesSync(join(mirror.folder, 'cache', 'sid-amd64', 'refreshed'), twoDaysAgo, twoDaysAgo)
}

function contentOf({ folder }: NewerPackages, name: string): string {
  return readFileSync(join(folder, 'usr', 'share', name), 'utf8')
}

/** What the machine's own apt knows and keeps. */
function ownAptState(): readonly string[] {
  return ['/var/lib/apt/lists', '/var/cache/apt', '/var/cache/apt/archives'].flatMap((folder) =>
    readdirSync(folder),
  )
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}
