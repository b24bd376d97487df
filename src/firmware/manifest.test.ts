import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { checkFile, type FetchedFile, installFiles, readManifest } from './manifest.ts'

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
  const [entry] = await installFiles(folder, [fetched('b.efi', 'new b', '2.0')])
  assert.deepEqual(entry, {
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
  const [a, b] = await installFiles(folder, [fetched('a.efi', 'a'), fetched('b.efi', 'b')])
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
