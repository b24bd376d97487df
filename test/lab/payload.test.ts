import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { missingPackages } from '../../src/lab/packages.ts'
import { buildPayload, type Payload } from '../../src/lab/payload.ts'

const missing = missingPackages('lab').filter((name) => ['apt', 'dpkg', 'xz-utils'].includes(name))
const skip = missing.length > 0 && `missing: ${missing.join(' ')}`
const folder = mkdtempSync(join(tmpdir(), 'centra-payload-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('the same packages give the same bytes, and the manifest tells the truth', { skip }, async () => {
  const first = await buildPayload({ folder })
  const firstInitrd = readFileSync(first.initrd)
  assert.deepEqual(first.manifest.sha256, {
    vmlinuz: hashOf(first.kernel),
    'initrd.img': hashOf(first.initrd),
  })
  assert.deepEqual(await buildPayload({ folder, onProgress: refuse }), first)

  rmSync(dirname(first.initrd), { recursive: true })
  const again: Payload = await buildPayload({ folder })
  assert.deepEqual(again, first)
  assert.ok(readFileSync(again.initrd).equals(firstInitrd))
})

test('the initrd holds what /init loads', { skip }, async () => {
  const { initrd, manifest } = await buildPayload({ folder })
  const text = gunzipSync(readFileSync(initrd)).toString('latin1')
  for (const name of ['virtio_net', 'e1000', 'virtio_blk', 'ext4', 'vfat', 'nls_cp437', 'nls_ascii'])
    assert.ok(manifest.modules.includes(name) && text.includes(`\0lib/modules/${name}.ko\0`.slice(1)), name)
  for (const name of ['install.sh', 'boot/boot.img', 'boot/core.img', 'boot/BOOTX64.EFI'])
    assert.ok(text.includes(`\0lib/${name}\0`.slice(1)), name)
  assert.ok(manifest.modules.indexOf('virtio') < manifest.modules.indexOf('virtio_net'))
})

function refuse(line: string): void {
  assert.fail(`a second call must find the cached payload, but it says: ${line}`)
}

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
