import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loaderFile } from '../../test/helpers/world.ts'
import { CLIENT_ARCHES } from '../protocol/iana/arch.ts'
import {
  archesOfLoader,
  LOADER_NAMES,
  type LoaderWish,
  overrideFor,
  publishedNames,
  selectLoader,
} from './loaders.ts'

const ALL = new Map(LOADER_NAMES.map((name) => [name, loaderFile(name)]))

function chosen(wish: LoaderWish, ...onDisk: readonly string[]): string {
  const files = onDisk.length === 0 ? ALL : new Map(onDisk.map((name) => [name, loaderFile(name)]))
  const choice = selectLoader(wish, files)
  return choice.kind === 'found' ? choice.file.name : choice.kind
}

test('X03, X04, X05, X07, E10: which loader fits which client, of the whole IANA table', () => {
  const table = CLIENT_ARCHES.map(({ code, name: arch }) => {
    const [rom, ipxe] = [chosen({ arch, stage: 'rom' }), chosen({ arch, stage: 'ipxe' })]
    return rom === ipxe ? `${code} ${arch}: ${rom}` : `${code} ${arch}: ${rom}, for iPXE without HTTP ${ipxe}`
  })
  assert.deepEqual(table, [
    '0 bios-x86: undionly.kpxe, for iPXE without HTTP ipxe.pxe',
    '1 nec-pc98: no-loader-for-arch',
    '2 itanium: no-loader-for-arch',
    '3 dec-alpha: no-loader-for-arch',
    '4 arc-x86: no-loader-for-arch',
    '5 intel-lean: undionly.kpxe, for iPXE without HTTP ipxe.pxe',
    '6 uefi-ia32: snponly-i386.efi, for iPXE without HTTP ipxe-i386.efi',
    '7 uefi-x64: snponly.efi, for iPXE without HTTP ipxe.efi',
    '8 uefi-xscale: no-loader-for-arch',
    '9 uefi-ebc: snponly.efi, for iPXE without HTTP ipxe.efi',
    '10 uefi-arm32: snponly-arm32.efi, for iPXE without HTTP ipxe-arm32.efi',
    '11 uefi-arm64: snponly-arm64.efi, for iPXE without HTTP ipxe-arm64.efi',
    '12 ppc-openfirmware: no-loader-for-arch',
    '13 ppc-epapr: no-loader-for-arch',
    '14 ppc-opal: no-loader-for-arch',
    '15 uefi-ia32-http: snponly-i386.efi, for iPXE without HTTP ipxe-i386.efi',
    '16 uefi-x64-http: snponly.efi, for iPXE without HTTP ipxe.efi',
    '17 uefi-ebc-http: snponly.efi, for iPXE without HTTP ipxe.efi',
    '18 uefi-arm32-http: snponly-arm32.efi, for iPXE without HTTP ipxe-arm32.efi',
    '19 uefi-arm64-http: snponly-arm64.efi, for iPXE without HTTP ipxe-arm64.efi',
    '20 bios-x86-http: undionly.kpxe, for iPXE without HTTP ipxe.pxe',
    '21 uboot-arm32: no-loader-for-arch',
    '22 uboot-arm64: no-loader-for-arch',
    '23 uboot-arm32-http: no-loader-for-arch',
    '24 uboot-arm64-http: no-loader-for-arch',
    '25 uefi-riscv32: snponly-riscv32.efi, for iPXE without HTTP ipxe-riscv32.efi',
    '26 uefi-riscv32-http: snponly-riscv32.efi, for iPXE without HTTP ipxe-riscv32.efi',
    '27 uefi-riscv64: snponly-riscv64.efi, for iPXE without HTTP ipxe-riscv64.efi',
    '28 uefi-riscv64-http: snponly-riscv64.efi, for iPXE without HTTP ipxe-riscv64.efi',
    '29 uefi-riscv128: no-loader-for-arch',
    '30 uefi-riscv128-http: no-loader-for-arch',
    '31 s390-basic: no-loader-for-arch',
    '32 s390-extended: no-loader-for-arch',
    '33 uefi-mips32: no-loader-for-arch',
    '34 uefi-mips64: no-loader-for-arch',
    '35 uefi-sunway32: no-loader-for-arch',
    '36 uefi-sunway64: no-loader-for-arch',
    '37 uefi-loong32: no-loader-for-arch',
    '38 uefi-loong32-http: no-loader-for-arch',
    '39 uefi-loong64: snponly-loong64.efi, for iPXE without HTTP ipxe-loong64.efi',
    '40 uefi-loong64-http: snponly-loong64.efi, for iPXE without HTTP ipxe-loong64.efi',
    '41 arm-rpiboot: no-loader-for-arch',
  ])
})

test('no name stands for two processors, and every name of the table is published', () => {
  assert.equal(new Set(LOADER_NAMES).size, LOADER_NAMES.length)
  const published = publishedNames(['my.efi', { onie: 'onie-installer' }])
  for (const name of [...LOADER_NAMES, 'config.txt', 'my.efi', 'onie-installer'])
    assert.ok(published.includes(name), name)
  assert.ok(!publishedNames([]).includes('my.efi'))
  // What the shim of iPXE's project derives from its own name (ipxe/shim, automatic_next_path).
  const shims = ['intel-shim.efi', 'e1000-arm64-shimaa64.efi', 'shimx64.efi']
  const started = publishedNames(shims).filter((name) => /^(intel|e1000-arm64)\.efi$/.test(name))
  assert.deepEqual(started.sort(), ['e1000-arm64.efi', 'intel.efi'])
  assert.deepEqual(archesOfLoader('ipxe-riscv64.efi'), ['uefi-riscv64', 'uefi-riscv64-http'])
  assert.deepEqual(archesOfLoader('config.txt'), [])
})

test('the first name that is on disk is taken; none is named in order, with where one gets it', () => {
  const x64 = { arch: 'uefi-x64', stage: 'rom' } as const
  assert.equal(chosen(x64, 'ipxe-amd64.efi', 'undionly.kpxe'), 'ipxe-amd64.efi')
  assert.deepEqual(selectLoader({ arch: 'uefi-arm64', stage: 'rom' }, new Map()), {
    kind: 'not-on-disk',
    names: ['snponly-arm64.efi', 'ipxe-arm64.efi'],
    source: '`centra-pxe firmware fetch --suite sid` brings it',
  })
})

describe('E11: after a loop the other kind of loader is taken, and its own again when there is no other', () => {
  for (const [avoid, onDisk, expected] of [
    ['snponly.efi', ['snponly.efi', 'snponly-amd64.efi', 'ipxe.efi'], 'ipxe.efi'],
    ['ipxe.efi', ['snponly.efi', 'ipxe.efi'], 'snponly.efi'],
    ['snponly.efi', ['snponly.efi', 'snponly-amd64.efi'], 'snponly-amd64.efi'],
    ['snponly.efi', ['snponly.efi'], 'snponly.efi'],
    ['undionly.kpxe', ['snponly.efi', 'ipxe.efi'], 'snponly.efi'],
  ] as const)
    test(`${avoid} of ${onDisk.join(', ')}`, () =>
      assert.equal(chosen({ arch: 'uefi-x64', stage: 'rom', avoid }, ...onDisk), expected))
})

describe('which file an override names', () => {
  const rom = (arch: LoaderWish['arch']): LoaderWish => ({ arch, stage: 'rom' })
  for (const [name, override, wish, expected] of [
    ['for the architecture it runs on', 'ipxe.efi', rom('uefi-x64'), 'ipxe.efi'],
    ['for its HTTP form too', 'ipxe.efi', rom('uefi-x64-http'), 'ipxe.efi'],
    ['not for another', 'ipxe.efi', rom('bios-x86'), undefined],
    ['not for another processor', 'ipxe-arm64.efi', rom('uefi-x64'), undefined],
    ['a UEFI program of any name', 'my.efi', rom('uefi-arm64'), 'my.efi'],
    ['a UEFI program on BIOS', 'my.efi', rom('bios-x86'), undefined],
    ['a BIOS program on UEFI', 'pxelinux.0', rom('uefi-x64'), undefined],
    ['a BIOS program', 'pxelinux.0', rom('bios-x86'), 'pxelinux.0'],
    ['any other name counts everywhere', 'boot.scr', rom('uboot-arm64'), 'boot.scr'],
    ['by architecture', { 'uefi-x64': 'ipxe.efi' }, rom('uefi-x64'), 'ipxe.efi'],
    ['by the main name of the architecture', { 'uefi-x64': 'ipxe.efi' }, rom('uefi-ebc-http'), 'ipxe.efi'],
    [
      'the nearer name wins',
      { 'uefi-x64': 'a.efi', 'uefi-x64-http': 'b.efi' },
      rom('uefi-x64-http'),
      'b.efi',
    ],
    [
      'X03: architecture 8, where it is enabled',
      { 'uefi-xscale': 'ipxe.efi' },
      rom('uefi-xscale'),
      'ipxe.efi',
    ],
    ['another architecture', { 'uefi-x64': 'ipxe.efi' }, rom('bios-x86'), undefined],
    [
      'E10: undionly has no UNDI below an iPXE',
      'undionly.kpxe',
      { arch: 'bios-x86', stage: 'ipxe' },
      undefined,
    ],
  ] as const)
    test(name, () => assert.equal(overrideFor(override, wish), expected))
})
