import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loaderFile } from '../../test/helpers/world.ts'
import { CLIENT_ARCHES } from '../protocol/iana/arch.ts'
import { hasLoader, LOADER_NAMES, selectLoader } from './loaders.ts'

const ALL = new Map(LOADER_NAMES.map((name) => [name, loaderFile(name)]))

test('X03, X05, E10: which loader fits which client', () => {
  const table = CLIENT_ARCHES.flatMap(({ code, name }) => {
    const [rom, ipxe] = [selectLoader(name, 'rom', ALL), selectLoader(name, 'ipxe', ALL)]
    return rom.kind === 'found' && ipxe.kind === 'found'
      ? [`${code} ${name}: ${rom.file.name}, for iPXE without HTTP ${ipxe.file.name}`]
      : []
  })
  assert.deepEqual(table, [
    '0 bios-x86: undionly.kpxe, for iPXE without HTTP ipxe.pxe',
    '7 uefi-x64: snponly.efi, for iPXE without HTTP ipxe.efi',
    '9 uefi-ebc: snponly.efi, for iPXE without HTTP ipxe.efi',
  ])
})

test('every loader of the table is published, and nothing else', () => {
  assert.deepEqual([...LOADER_NAMES].sort(), ['ipxe.efi', 'ipxe.pxe', 'snponly.efi', 'undionly.kpxe'])
})

test('what is not on disk is named in the order of preference', () => {
  assert.deepEqual(selectLoader('bios-x86', 'rom', new Map()), {
    kind: 'not-on-disk',
    names: ['undionly.kpxe', 'ipxe.pxe'],
  })
  assert.deepEqual(selectLoader('s390-basic', 'rom', ALL), { kind: 'no-loader-for-arch' })
})

test('an architecture has a loader also when that is not on disk', () => {
  assert.deepEqual(
    CLIENT_ARCHES.filter(({ name }) => hasLoader(name)).map(({ code }) => code),
    [0, 7, 9],
  )
  assert.equal(hasLoader(undefined), false)
})
