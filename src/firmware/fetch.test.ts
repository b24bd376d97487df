import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { ipxeFiles, signedFiles, takeFiles } from './fetch.ts'
import { processorOf } from './processor.ts'

const folder = mkdtempSync(join(tmpdir(), 'centra-packages-test-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function put(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

test('of the wanted files those that the packages have, links followed, under the names they are published by', async () => {
  put('usr/lib/ipxe/ipxe-amd64.efi', 'iPXE')
  symlinkSync('ipxe-amd64.efi', join(folder, 'usr/lib/ipxe/ipxe.efi'))
  put('usr/lib/shim/shimx64.efi.signed', 'shim')
  put('usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed', 'GRUB')
  const versions = new Map([
    ['ipxe', '2.0'],
    ['shim-signed', '1.51'],
    ['grub-efi-amd64-signed', '2.06'],
  ])
  const wanted = [...ipxeFiles(['ipxe.efi', 'ipxe-arm64.efi']), ...(signedFiles('amd64') ?? [])]
  const taken = await takeFiles({ folder, versions }, wanted, 'sid')
  assert.deepEqual(
    taken.map((one) => [one.file, Buffer.from(one.data).toString(), one.package, one.version, one.suite]),
    [
      ['ipxe.efi', 'iPXE', 'ipxe', '2.0', 'sid'],
      ['shimx64.efi', 'shim', 'shim-signed', '1.51', 'sid'],
      ['grubx64.efi', 'GRUB', 'grub-efi-amd64-signed', '2.06', 'sid'],
    ],
  )
})

test('signed loaders by architecture', () => {
  assert.deepEqual(
    signedFiles('arm64')?.map(({ package: name, path, file }) => `${name} ${path} ${file}`),
    [
      'shim-signed usr/lib/shim/shimaa64.efi.signed shimaa64.efi',
      'grub-efi-arm64-signed usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed grubaa64.efi',
    ],
  )
  assert.equal(signedFiles('riscv64'), undefined)
})

test('the processor of an EFI program is that of its PE header; anything else has none', () => {
  const program = (machine: number, header = 128): Uint8Array => {
    const data = new Uint8Array(256)
    const view = new DataView(data.buffer)
    view.setUint16(0, 0x4d5a)
    view.setUint32(60, header, true)
    if (header < 250) view.setUint32(header, 0x50450000)
    if (header < 250) view.setUint16(header + 4, machine, true)
    return data
  }
  for (const [machine, processor] of [
    [0x014c, 'ia32'],
    [0x01c2, 'arm32'],
    [0x5032, 'riscv32'],
    [0x5064, 'riscv64'],
    [0x6264, 'loong64'],
    [0x8664, 'x64'],
    [0xaa64, 'arm64'],
    [0x0200, undefined],
  ] as const)
    assert.equal(processorOf(program(machine)), processor)
  assert.equal(processorOf(program(0x8664, 0xfffffff0)), undefined)
  assert.equal(processorOf(program(0x8664).subarray(0, 130)), undefined)
  assert.equal(processorOf(new Uint8Array(300)), undefined)
  assert.equal(processorOf(new Uint8Array()), undefined)
})
