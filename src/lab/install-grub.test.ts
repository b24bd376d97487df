import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withPartitionTable } from './install-grub.ts'

test('the boot sector: boot code, one active EFI system partition from 1 MiB on, the signature', () => {
  const sector = Buffer.from(withPartitionTable(new Uint8Array(512).fill(0xaa)))
  assert.equal(sector.length, 512)
  assert.ok(sector.subarray(0, 440).every((byte) => byte === 0xaa))
  assert.equal(sector.toString('hex', 446, 462), '80feffffeffeffff0008000000000200')
  assert.ok(sector.subarray(462, 510).every((byte) => byte === 0))
  assert.equal(sector.toString('hex', 510), '55aa')
})
