import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { LocalDisk } from '../../src/files/disk.ts'
import { filesOf, readCatalogue, storeOf } from '../../src/files/image-catalogue.ts'
import {
  type Added,
  type AddStep,
  addImage,
  collectImages,
  removeImage,
} from '../../src/files/image-store.ts'
import { tryLock } from '../../src/files/lock.ts'
import { fileSource } from '../../src/files/stage-file.ts'
import { verifyFile } from '../../src/files/verify-image.ts'
import { imageFiles } from '../../src/model/image.ts'
import type { Image } from '../../src/model/world.ts'
import { sha256 } from '../helpers/server.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** Sources in `src/`, the store in `images/`. */
function newPlace(): { readonly dir: string; readonly folder: string } {
  const dir = mkdtempSync(join(tmpdir(), 'centra-images-'))
  folders.push(dir)
  mkdirSync(join(dir, 'src'))
  return { dir, folder: join(dir, 'images') }
}

type Place = ReturnType<typeof newPlace>

interface AddTest {
  readonly cmdline?: readonly string[]
  readonly onStep?: (step: AddStep) => void
}

/** An image whose kernel and initrd have this text in them. */
function add({ dir, folder }: Place, text: string, { cmdline = [], onStep }: AddTest = {}): Promise<Added> {
  const paths = ['vmlinuz', 'initrd.img'].map((name) => join(dir, 'src', name))
  for (const path of paths) writeFileSync(path, `${path} ${text}`)
  const sources = paths.map((path) => fileSource(path))
  const options = { reserve: 0, ...(onStep === undefined ? {} : { onStep }) }
  return addImage(folder, { name: 'debian', sources, cmdline }, options)
}

/** Everything that machines could be given is whole; nothing else lies in the store. Resolves with the current id. */
async function check(folder: string, leftovers = 0): Promise<string | undefined> {
  const store = storeOf(folder)
  const catalogue = await readCatalogue(store)
  const files = [...catalogue.values()].flatMap(({ versions }) => versions.flatMap(filesOf))
  for (const file of files) assert.equal(await verifyFile(store, file, () => {}), 'ok')
  const named = new Set(files.map((file) => file.sha256))
  assert.equal(
    readdirSync(store.files).filter((name) => !named.has(name)).length,
    0,
    'no file without a name',
  )
  assert.equal(readdirSync(store.incoming).length, leftovers, 'nothing is left in incoming')
  return catalogue.get('debian')?.versions.at(-1)?.id
}

test('versions: the newest is current, the same once more changes nothing, older content comes back', async () => {
  const place = newPlace()
  const first = await add(place, 'one', { cmdline: ['quiet'] })
  assert.equal(first.isNew, true)
  assert.deepEqual((await add(place, 'one', { cmdline: ['quiet'] })).isNew, false)
  const second = await add(place, 'two', { cmdline: ['quiet'] })
  const third = await add(place, 'two', { cmdline: ['quiet', 'debug'] })
  assert.equal(new Set([first, second, third].map(({ version }) => version.id)).size, 3)
  assert.deepEqual(third.version.kernel, second.version.kernel, 'files are shared')
  assert.equal(readdirSync(storeOf(place.folder).files).length, 4)
  assert.equal((await add(place, 'one', { cmdline: ['quiet'] })).version.id, first.version.id)
  assert.equal(await check(place.folder), first.version.id)
  const versions = (await readCatalogue(storeOf(place.folder))).get('debian')?.versions ?? []
  assert.deepEqual(
    versions.map(({ id }) => id),
    [second, third, first].map(({ version }) => version.id),
  )
})

test('files lie under their hash, as the server may read them and nobody may write them', async () => {
  const place = newPlace()
  const umask = process.umask(0o077)
  const { version } = await add(place, 'one').finally(() => process.umask(umask))
  const bytes = readFileSync(join(place.dir, 'src/vmlinuz'))
  assert.deepEqual({ ...version.kernel }, { name: 'vmlinuz', size: bytes.length, sha256: sha256(bytes) })
  const path = join(storeOf(place.folder).files, version.kernel.sha256)
  assert.ok(readFileSync(path).equals(bytes))
  const modeOf = (file: string): number => statSync(file).mode & 0o777
  assert.equal(modeOf(path), 0o444)
  const { folder, files, catalogue } = storeOf(place.folder)
  assert.deepEqual([folder, files, catalogue].map(modeOf), [0o755, 0o755, 0o644])
  assert.deepEqual(version.from, [join(place.dir, 'src/vmlinuz'), join(place.dir, 'src/initrd.img')])
})

for (const failing of ['staged', 'locked', 'moved', 'files-synced', 'committed'] as const)
  test(`a failure after the step "${failing}": the old version or the new one, and nothing left over`, async () => {
    const place = newPlace()
    const old = await add(place, 'old')
    const onStep = (step: AddStep): void => {
      if (step === failing) throw new Error('injected')
    }
    await assert.rejects(add(place, 'new', { onStep }), /injected/)
    const current = await check(place.folder)
    assert.equal(current === old.version.id, failing !== 'committed')
    await add(place, 'new')
    assert.notEqual(await check(place.folder), old.version.id)
  })

test('what the file system refuses: the old version stays', async () => {
  const place = newPlace()
  const old = await add(place, 'old')
  const store = storeOf(place.folder)
  const onStep = (step: AddStep): void => {
    if (step !== 'files-synced') return
    // The catalogue cannot be replaced by a file while it is a folder.
    renameSync(store.catalogue, `${store.catalogue}.kept`)
    mkdirSync(store.catalogue)
  }
  await assert.rejects(add(place, 'new', { onStep }))
  rmSync(store.catalogue, { recursive: true })
  renameSync(`${store.catalogue}.kept`, store.catalogue)
  await collectImages(place.folder, () => true)
  assert.equal(await check(place.folder), old.version.id)
  assert.deepEqual(readdirSync(place.folder).sort(), ['catalogue.json', 'files', 'incoming', 'lock'])
})

test('what a dead command left goes with the next one; what a living one holds stays', async () => {
  const place = newPlace()
  await add(place, 'one')
  const { incoming } = storeOf(place.folder)
  mkdirSync(join(incoming, 'dead'))
  writeFileSync(join(incoming, 'dead/file-vmlinuz'), 'x')
  mkdirSync(join(incoming, 'alive'))
  const lock = tryLock(join(incoming, 'alive/lock'))
  assert.ok(lock !== undefined)
  await add(place, 'two')
  assert.deepEqual(readdirSync(incoming), ['alive'])
  lock.release()
  await collectImages(place.folder, () => true)
  assert.deepEqual(readdirSync(incoming), [])
})

test('several commands at once: every version is whole', async () => {
  const place = newPlace()
  const paths = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => join(place.dir, 'src', name))
  for (const path of paths) writeFileSync(path, path)
  await Promise.all(
    paths.map((path, i) =>
      addImage(place.folder, { name: `i${i}`, sources: [fileSource(path)], cmdline: [] }, { reserve: 0 }),
    ),
  )
  assert.deepEqual(
    [...(await readCatalogue(storeOf(place.folder))).keys()],
    paths.map((_, i) => `i${i}`),
  )
  await check(place.folder)
})

test('sources: links, pipes, folders and files of one name are refused; a link into an allowed root is followed', async () => {
  const place = newPlace()
  const at = (name: string): string => join(place.dir, name)
  const addOf = (...paths: readonly string[]): Promise<Added> =>
    addImage(
      place.folder,
      { name: 'x', sources: paths.map((path) => fileSource(path, [at('nix')])), cmdline: [] },
      { reserve: 0 },
    )
  for (const folder of ['nix', 'nix/hash', 'elsewhere', 'nixish']) mkdirSync(at(folder))
  for (const file of ['nix/hash/bzImage', 'elsewhere/secret', 'nixish/k', 'empty'])
    writeFileSync(at(file), file === 'empty' ? '' : file)
  symlinkSync(at('elsewhere/secret'), at('link'))
  symlinkSync(at('elsewhere'), at('folder-link'))
  symlinkSync(at('nixish/k'), at('nixish-link'))
  symlinkSync('nix/hash', at('result'))
  execFileSync('mkfifo', [at('pipe')])
  for (const [path, why] of [
    ['link', /leads through a symbolic link to .*elsewhere\/secret: name that file itself/],
    ['folder-link/secret', /leads through a symbolic link to .*elsewhere\/secret/],
    ['nixish-link', /leads through a symbolic link/],
    ['pipe', /no regular file/],
    ['nix', /no regular file/],
    ['none', /cannot be read: ENOENT/],
    ['empty', /empty is empty/],
  ] as const)
    await assert.rejects(addOf(at(path)), why, path)
  await assert.rejects(
    addOf(at('nixish/k'), at('nix/../nixish/k')),
    /two files of this image would be named k/,
  )
  const { version } = await addOf(at('result/bzImage'))
  assert.equal(version.kernel.sha256, sha256(readFileSync(at('nix/hash/bzImage'))))
  assert.equal(existsSync(at('images/files')), true)
  assert.equal(readdirSync(storeOf(place.folder).files).length, 1)
})

test('room for leases is kept free', async () => {
  const place = newPlace()
  const path = join(place.dir, 'src/k')
  writeFileSync(path, 'kernel')
  await assert.rejects(
    addImage(
      place.folder,
      { name: 'x', sources: [fileSource(path)], cmdline: [] },
      { reserve: Number.MAX_SAFE_INTEGER },
    ),
    /^ImageStoreError: there is not enough room: 6 B are needed, .* are kept for leases; centra-pxe image gc/,
  )
})

function hashes(image: Image | undefined): readonly string[] {
  return image === undefined ? [] : imageFiles(image).map((file) => file.sha256)
}

test('the server sees each change, old files too, and neither links nor files of another size', async () => {
  const place = newPlace()
  const disk = new LocalDisk()
  const store = storeOf(place.folder)
  assert.equal((await disk.storedImages(place.folder)).current.size, 0)
  const { version: first } = await add(place, 'one', { cmdline: ['quiet'] })
  const seen = (await disk.storedImages(place.folder)).current.get('debian')
  assert.deepEqual(
    [hashes(seen), seen?.cmdline, seen?.cite],
    [filesOf(first).map(({ sha256 }) => sha256), ['quiet'], `image store, debian ${first.id}`],
  )
  const { version: second } = await add(place, 'two!')
  const after = await disk.storedImages(place.folder)
  assert.equal(hashes(after.current.get('debian'))[0], second.kernel.sha256)
  assert.deepEqual(
    after.files.get('debian')?.map((file) => file.sha256),
    [...filesOf(first), ...filesOf(second)].map((file) => file.sha256),
  )
  const kernel = join(store.files, second.kernel.sha256)
  renameSync(kernel, join(place.dir, 'away'))
  symlinkSync(join(place.dir, 'away'), kernel)
  assert.equal((await new LocalDisk().storedImages(place.folder)).current.size, 0, 'a link is no file')
  assert.equal(await verifyFile(store, second.kernel, () => {}), 'link')
  rmSync(kernel)
  assert.equal(await verifyFile(store, second.kernel, () => {}), 'missing')
  writeFileSync(kernel, 'short')
  assert.equal((await new LocalDisk().storedImages(place.folder)).current.size, 0, 'another size')
  assert.equal(await verifyFile(store, second.kernel, () => {}), 'changed')
  const missed = new LocalDisk()
  assert.equal((await missed.storedImages(place.folder)).current.size, 0)
  await add(place, 'two!')
  assert.equal((await missed.storedImages(place.folder)).current.size, 1, 'added again, it is mended')
  await removeImage(place.folder, 'debian')
  const removed = await disk.storedImages(place.folder)
  assert.deepEqual([removed.current.size, removed.files.get('debian')?.length], [0, 4])
  await assert.rejects(removeImage(place.folder, 'debian'), /has no image debian/)
})

test('a catalogue that is none: refused by name, and nothing is removed for its sake', async () => {
  const place = newPlace()
  await add(place, 'one')
  const { catalogue, files } = storeOf(place.folder)
  const good = readFileSync(catalogue, 'utf8')
  for (const bad of [
    '',
    '{}',
    good.slice(0, -5),
    good.replace('"format": 1', '"format": 2'),
    good.replace('"name": "vmlinuz"', '"name": "../../etc/shadow"'),
    good.replace(/"sha256": "[0-9a-f]{64}"/, '"sha256": "../../../etc/shadow"'),
    good.replace('"name": "vmlinuz"', '"name": "initrd.img"'),
    good.replace('"cmdline": []', '"cmdline": ["a\\n b"]'),
    good.replace('"name": "debian"', '"name": "__proto__"'),
  ]) {
    assert.notEqual(bad, good)
    writeFileSync(catalogue, bad)
    await assert.rejects(new LocalDisk().storedImages(place.folder), /catalogue\.json is no catalogue/, bad)
    await assert.rejects(add(place, 'two'), /catalogue\.json is no catalogue/)
    await assert.rejects(
      collectImages(place.folder, () => false),
      /catalogue\.json is no catalogue/,
    )
    assert.equal(readdirSync(files).length >= 2, true)
  }
  writeFileSync(catalogue, good)
  await add(place, 'two')
  await collectImages(place.folder, () => true)
  await check(place.folder)
})

test('gc: what is not kept goes, never the current version, with the files that nobody else has', async () => {
  const place = newPlace()
  const first = await add(place, 'one')
  const second = await add(place, 'two')
  const third = await add(place, 'two', { cmdline: ['quiet'] })
  const dry = await collectImages(place.folder, () => false, { dryRun: true })
  assert.deepEqual(
    dry.versions.map(({ version }) => version.id),
    [first, second].map(({ version }) => version.id),
  )
  const freed = filesOf(first.version).reduce((sum, { size }) => sum + size, 0)
  assert.equal((await collectImages(place.folder, () => false)).freed, freed)
  assert.equal(await check(place.folder), third.version.id)
  await removeImage(place.folder, 'debian')
  await collectImages(place.folder, () => false)
  assert.deepEqual([...(await readCatalogue(storeOf(place.folder)))], [])
  assert.equal(await check(place.folder), undefined)
})
