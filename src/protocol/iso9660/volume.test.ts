import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeDirectory, decodeSystemUse, decodeVolume, SECTOR } from './volume.ts'

function ascii(text: string): readonly number[] {
  return [...Buffer.from(text, 'latin1')]
}

function both(value: number): readonly number[] {
  const little = [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24]
  return [...little, ...little.toReversed()]
}

/** A directory record (ECMA-119 §9.1). */
function record(
  name: string,
  [sector, length]: readonly [number, number],
  flags: number,
  system: readonly number[] = [],
): readonly number[] {
  const body = [0, ...both(sector), ...both(length), 0, 0, 0, 0, 0, 0, 0, flags, 0, 0, 0, 0, 0, 0]
  const named = [...body.slice(0, 31), name.length, ...ascii(name), ...(name.length % 2 === 0 ? [0] : [])]
  const all = [...named, ...system]
  return [all.length + 1, ...all]
}

function nm(name: string, flags = 0): readonly number[] {
  return [...ascii('NM'), name.length + 5, 1, flags, ...ascii(name)]
}

test('the root directory of the primary volume descriptor; anything else is no image', () => {
  const sector = new Uint8Array(SECTOR)
  sector.set([1, ...ascii('CD001'), 1])
  sector.set([0, 8, 8, 0], 128)
  sector.set(record('\0', [20, 4096], 2), 156)
  assert.deepEqual(decodeVolume(sector), { ok: true, value: { offset: 20 * SECTOR, length: 4096 } })
  assert.equal(decodeVolume(sector.subarray(0, SECTOR - 1)).ok, false)
  assert.equal(decodeVolume(sector.with(0, 2)).ok, false)
  assert.equal(decodeVolume(sector.with(5, 0x32)).ok, false)
  assert.equal(decodeVolume(sector.with(129, 4)).ok, false)
})

test('entries: names of ISO 9660 and of Rock Ridge, directories, links, what goes on elsewhere', () => {
  const entries = decodeDirectory(
    Uint8Array.from([
      ...record('\0', [20, 2048], 2),
      ...record('INITRD.GZ;1', [30, 7], 0),
      ...record('NOEXT.;1', [31, 8], 0),
      ...record('INSTALL_', [32, 2048], 2, nm('install.amd')),
      ...record('LINK.;1', [33, 0], 0, [...nm('link'), ...ascii('SL'), 5, 1, 0]),
      ...record('LONG.;1', [34, 9], 0, [
        ...nm('begin-', 1),
        ...ascii('CE'),
        28,
        1,
        ...both(40),
        ...both(100),
        ...both(21),
      ]),
      ...record('PARTS.;1', [35, 9], 0x80),
    ]),
  )
  assert.deepEqual(
    entries.map(({ name, kind }) => [name, kind]),
    [
      ['\0', 'directory'],
      ['initrd.gz', 'file'],
      ['noext', 'file'],
      ['install.amd', 'directory'],
      ['link', 'other'],
      ['begin-', 'file'],
      ['parts', 'other'],
    ],
  )
  assert.deepEqual(entries[1]?.extent, { offset: 30 * SECTOR, length: 7 })
  assert.deepEqual(entries[5]?.more, { extent: { offset: 40 * SECTOR + 100, length: 21 }, begun: 'begin-' })
})

test('any octets: entries or none, never an exception, never without end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3 * SECTOR }), (bytes) => {
      assert.ok(decodeDirectory(bytes).length <= bytes.length)
      decodeVolume(bytes)
      decodeSystemUse(bytes)
    }),
    { seed: 5, numRuns: 2000 },
  )
})
