import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { storeOf } from '../../src/files/image-catalogue.ts'
import { addImage } from '../../src/files/image-store.ts'
import { broughtIsoSources, isoFileSources } from '../../src/files/iso-source.ts'
import { fileSource } from '../../src/files/stage-file.ts'
import { peerEnvironment, unpackPeer } from '../helpers/debian-peer.ts'
import { sha256 } from '../helpers/server.ts'

const xorriso = await unpackPeer('xorriso')
const skip = 'why' in xorriso ? `xorriso: ${xorriso.why}` : false
const dir = mkdtempSync(join(tmpdir(), 'centra-iso-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const LONG = `${'a'.repeat(200)}.img`
const FILES = {
  'install.amd/vmlinuz': randomBytes(700_001),
  'install.amd/initrd.gz': randomBytes(3_000_017),
  [`install.amd/${LONG}`]: randomBytes(5000),
  'Casper/Initrd-6.1+x': randomBytes(4096),
}

/** Made by xorriso out of FILES and a link; `flags` as for mkisofs. */
function makeIso(name: string, ...flags: readonly string[]): string {
  assert.ok('tree' in xorriso)
  const tree = join(dir, `${name}-tree`)
  for (const [path, bytes] of Object.entries(FILES)) {
    mkdirSync(join(tree, path, '..'), { recursive: true })
    writeFileSync(join(tree, path), bytes)
  }
  // A directory of several sectors.
  for (let i = 0; i < 200; i += 1) writeFileSync(join(tree, 'install.amd', `pad${i}`), 'x')
  symlinkSync('vmlinuz', join(tree, 'install.amd/link'))
  const iso = join(dir, `${name}.iso`)
  const program = join(xorriso.tree, 'usr/bin/xorriso')
  const [key = '', value = ''] = peerEnvironment(xorriso.tree).split(/=(.*)/)
  execFileSync(program, ['-as', 'mkisofs', ...flags, '-o', iso, tree], {
    stdio: 'pipe',
    env: { ...process.env, [key]: value },
  })
  return iso
}

let stores = 0

/** Adds these files of an image; resolves with their hashes. */
async function add(iso: string, inside: readonly string[], isBrought = false): Promise<readonly string[]> {
  stores += 1
  const folder = join(dir, `store${stores}`)
  const sources = isBrought ? broughtIsoSources(fileSource(iso), inside) : isoFileSources(iso, inside)
  try {
    const { version } = await addImage(folder, { name: 'x', sources, cmdline: [] }, { reserve: 0 })
    const files = [version.kernel, ...version.initrds]
    for (const file of files)
      assert.equal(sha256(readFileSync(join(storeOf(folder).files, file.sha256))), file.sha256)
    assert.equal(readdirSync(storeOf(folder).files).length, files.length, 'the image itself is not kept')
    return files.map((file) => file.sha256)
  } finally {
    assert.deepEqual(readdirSync(storeOf(folder).incoming), [])
  }
}

test('kernel and initrd out of an ISO image as xorriso makes it, with Rock Ridge', { skip }, async () => {
  const iso = makeIso('rock', '-R')
  const inside = Object.keys(FILES)
  const hashes = Object.values(FILES).map(sha256)
  assert.deepEqual(await add(iso, inside), hashes)
  assert.deepEqual(
    await add(
      iso,
      inside.map((path) => `/${path}`),
      true,
    ),
    hashes,
  )
  for (const [path, why] of [
    ['install.amd/none', /rock\.iso has no \/install\.amd\/none/],
    ['none/vmlinuz', /has no \/none/],
    ['install.amd', /\/install\.amd in .* is no plain file/],
    ['install.amd/vmlinuz/x', /\/install\.amd\/vmlinuz in .* is no directory/],
    ['install.amd/link', /is no plain file/],
    ['../../etc/shadow', /has no \/etc/],
  ] as const)
    await assert.rejects(add(iso, [path]), why, path)
})

test('an ISO image without Rock Ridge: names without case', { skip }, async () => {
  const iso = makeIso('plain', '-iso-level', '2', '--norock')
  assert.deepEqual(await add(iso, ['INSTALL.AMD/VMLINUZ', 'Install.amd/INITRD.GZ']), [
    sha256(FILES['install.amd/vmlinuz']),
    sha256(FILES['install.amd/initrd.gz']),
  ])
})

test('one that is cut short, and one that is none', { skip }, async () => {
  const iso = makeIso('short', '-R')
  truncateSync(iso, 400_000)
  await assert.rejects(add(iso, ['install.amd/initrd.gz']), /is shorter than it says/)
  writeFileSync(iso, randomBytes(100_000))
  await assert.rejects(add(iso, ['install.amd/initrd.gz']), /is no ISO 9660 image/)
  writeFileSync(iso, 'x')
  await assert.rejects(add(iso, ['install.amd/initrd.gz']), /is shorter than it says, or no ISO 9660 image/)
})
