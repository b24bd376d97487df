import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { checkFile, type FetchedFile, installFiles, readManifest } from './manifest.ts'

const noStrace = spawnSync('strace', ['-V']).error !== undefined && 'strace is not installed'
const root = mkdtempSync(join(tmpdir(), 'centra-firmware-test-'))
after(() => rmSync(root, { recursive: true, force: true }))

let folders = 0
function newFolder(): string {
  folders += 1
  return join(root, `state${folders}`, 'firmware')
}

function fetched(file: string, text: string, version = '1.0'): FetchedFile {
  return { file, data: Buffer.from(text), package: 'ipxe', version, suite: 'sid' }
}

test('loaders come with package, version, suite and checksum; what was there before stays', async () => {
  const folder = newFolder()
  await installFiles(folder, [fetched('b.efi', 'old b'), fetched('a.efi', 'a')])
  writeFileSync(join(folder, 'own.efi'), 'own')
  const [installed] = await installFiles(folder, [fetched('b.efi', 'new b', '2.0')])
  assert.equal(installed?.change, 'replaced')
  assert.deepEqual(installed.entry, {
    ...{ file: 'b.efi', package: 'ipxe', version: '2.0', suite: 'sid', size: 5 },
    // printf 'new b' | sha256sum
    sha256: 'edb4e7dcf53a28bf272c6a678749c3d97e77f7d3f87bd23cb13004ad50fbef65',
  })
  const manifest = await readManifest(folder)
  assert.deepEqual(
    [...manifest.values()].map(({ file, version }) => [file, version]),
    [
      ['a.efi', '1.0'],
      ['b.efi', '2.0'],
    ],
  )
  assert.deepEqual(readdirSync(folder).sort(), ['a.efi', 'b.efi', 'manifest.json', 'own.efi'])
  assert.equal(readFileSync(join(folder, 'b.efi'), 'utf8'), 'new b')
})

test('a reader of the old file keeps the old one: files are replaced, never written over', async () => {
  const folder = newFolder()
  await installFiles(folder, [fetched('a.efi', 'old')])
  const before = statSync(join(folder, 'a.efi')).ino
  await installFiles(folder, [fetched('a.efi', 'new')])
  assert.notEqual(statSync(join(folder, 'a.efi')).ino, before)
})

test('a checksum that fits no more, and a file that is gone', async () => {
  const folder = newFolder()
  const installed = await installFiles(folder, [fetched('a.efi', 'a'), fetched('b.efi', 'b')])
  const [a, b] = installed.map(({ entry }) => entry)
  assert.ok(a !== undefined && b !== undefined)
  assert.deepEqual([await checkFile(folder, a), await checkFile(folder, b)], ['ok', 'ok'])
  writeFileSync(join(folder, 'a.efi'), 'A')
  rmSync(join(folder, 'b.efi'))
  assert.deepEqual([await checkFile(folder, a), await checkFile(folder, b)], ['changed', 'missing'])
})

test('no manifest is an empty one; nonsense is refused with what to do, and nothing is written over it', async () => {
  const folder = newFolder()
  assert.equal((await readManifest(folder)).size, 0)
  await installFiles(folder, [fetched('a.efi', 'a')])
  for (const text of ['', '{', '[]', '{"files":[{"file":"a.efi"}]}']) {
    writeFileSync(join(folder, 'manifest.json'), text)
    await assert.rejects(readManifest(folder), /manifest\.json is no manifest: remove it/)
    await assert.rejects(installFiles(folder, [fetched('b.efi', 'b')]), /is no manifest/)
  }
  assert.deepEqual(readdirSync(folder).sort(), ['a.efi', 'manifest.json'])
})

test('a file that cannot be put in place leaves no halves', async () => {
  const folder = newFolder()
  await installFiles(folder, [fetched('a.efi', 'a')])
  mkdirSync(join(folder, 'b.efi'))
  await assert.rejects(installFiles(folder, [fetched('b.efi', 'b')]), /EISDIR|ENOTEMPTY|EEXIST/)
  assert.deepEqual(readdirSync(folder).sort(), ['a.efi', 'b.efi', 'manifest.json'])
  assert.deepEqual([...(await readManifest(folder)).keys()], ['a.efi'])
})

test('what is there already is kept; what was changed, lost or has another origin is not', async () => {
  const folder = newFolder()
  const changes = async (...files: readonly FetchedFile[]): Promise<readonly string[]> =>
    (await installFiles(folder, files)).map(({ change }) => change)
  const [a, b] = [fetched('a.efi', 'a'), fetched('b.efi', 'b')]
  assert.deepEqual(await changes(a, b), ['new', 'new'])
  const before = ['a.efi', 'manifest.json'].map((name) => statSync(join(folder, name)).ino)
  assert.deepEqual(await changes(a, b), ['kept', 'kept'])
  assert.deepEqual(
    ['a.efi', 'manifest.json'].map((name) => statSync(join(folder, name)).ino),
    before,
  )
  writeFileSync(join(folder, 'a.efi'), 'A')
  rmSync(join(folder, 'b.efi'))
  assert.deepEqual(await changes(a, b), ['replaced', 'new'])
  assert.deepEqual(await changes(fetched('a.efi', 'a', '2.0'), b), ['replaced', 'kept'])
  assert.equal((await readManifest(folder)).get('a.efi')?.version, '2.0')
})

test('a call that was killed at any file: the next one mends all and leaves no halves', {
  skip: noStrace,
}, async () => {
  const program = `
    import { installFiles } from ${JSON.stringify(join(import.meta.dirname, 'manifest.ts'))}
    const file = (name) => ({ file: name, data: new TextEncoder().encode('new ' + name), package: 'ipxe', version: '2.0', suite: 'sid' })
    await installFiles(process.argv[1], ['a.efi', 'b.efi'].map(file))`
  // The renames: a.efi, b.efi, the manifest.
  for (const nth of [1, 2, 3]) {
    const folder = newFolder()
    await installFiles(folder, [fetched('a.efi', 'old a'), fetched('b.efi', 'old b')])
    const inject = ['-f', '-qq', '-e', 'trace=rename', '-e', `inject=rename:signal=KILL:when=${nth}`]
    const node = [process.execPath, '--input-type=module', '-e', program, folder]
    // strace counts by thread, and Node renames in a pool of them.
    const env = { ...process.env, UV_THREADPOOL_SIZE: '1' }
    const killed = spawnSync('strace', [...inject, ...node], { encoding: 'utf8', env })
    assert.equal(killed.signal ?? killed.status, 'SIGKILL', killed.stderr)
    assert.match(readFileSync(join(folder, 'a.efi'), 'utf8'), /^(old a|new a\.efi)$/)
    assert.match(readFileSync(join(folder, 'b.efi'), 'utf8'), /^(old b|new b\.efi)$/)
    await installFiles(folder, [fetched('a.efi', 'a'), fetched('b.efi', 'b')])
    assert.deepEqual(readdirSync(folder).sort(), ['a.efi', 'b.efi', 'manifest.json'])
    for (const entry of (await readManifest(folder)).values())
      assert.equal(await checkFile(folder, entry), 'ok', `killed at rename ${nth}`)
  }
})
