import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { type DiskSize, ensureDisk, parseDiskSize } from './disk-image.ts'
import { findProgram } from './packages.ts'

const skip = findProgram('qemu-img') === undefined && 'no qemu-img'
const folder = mkdtempSync(join(tmpdir(), 'centra-disk-'))
after(() => rmSync(folder, { recursive: true, force: true }))

for (const text of ['67108864', '512M', '4G', '1T']) {
  test(`${text} is the size of a disk`, () => {
    assert.equal(parseDiskSize(text), text)
  })
}

for (const text of [
  '',
  '0',
  '0G',
  'G',
  '-4G',
  '4g',
  '4 G',
  '4G\n',
  '4.5G',
  '4GB',
  '4K',
  '4G,backing_file=/etc/passwd',
]) {
  test(`${JSON.stringify(text)} is no size`, () => {
    assert.equal(parseDiskSize(text), undefined)
  })
}

test('a disk is made once and never touched again', { skip }, async () => {
  const path = join(folder, 'disks', 'node01.qcow2')
  const lines: string[] = []
  const say = (line: string): number => lines.push(line)
  await ensureDisk(path, size('96M'), say)
  const info = JSON.parse(execFileSync('qemu-img', ['info', '--output=json', path], { encoding: 'utf8' }))
  assert.deepEqual([info.format, info['virtual-size']], ['qcow2', 96 * 1024 * 1024])
  assert.deepEqual(readdirSync(dirname(path)), ['node01.qcow2'])

  writeFileSync(path, 'something of somebody')
  await ensureDisk(path, size('4G'), say)
  assert.equal(readFileSync(path, 'utf8'), 'something of somebody')
  assert.deepEqual(lines, [`disk ${path} is made: 96M, empty`, `disk ${path} is kept as it is`])
})

test('a size that qemu-img refuses leaves no file', { skip }, async () => {
  const path = join(folder, 'huge.qcow2')
  await assert.rejects(ensureDisk(path, size('999999999T')), /qemu-img/)
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('huge')),
    [],
  )
})

function size(text: string): DiskSize {
  const parsed = parseDiskSize(text)
  assert.ok(parsed !== undefined)
  return parsed
}
