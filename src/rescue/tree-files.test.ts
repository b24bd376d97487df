import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { readElfNeeds } from './elf.ts'
import { moduleIndex } from './module-index.ts'
import { librariesOf } from './packages.ts'
import { toolFiles } from './tree-files.ts'

/** An ELF-64 file that asks for an interpreter and libraries, and has nothing else. */
function elf(libraries: readonly string[], interpreter?: string): Uint8Array {
  const strings = Buffer.from(`\0${[...libraries, interpreter ?? ''].join('\0')}\0`, 'latin1')
  const [headers, base] = [3, 0x10000]
  const stringsAt = 64 + headers * 56
  const dynamicAt = stringsAt + strings.length
  const dynamic = Buffer.alloc((libraries.length + 2) * 16)
  const entries = [...libraries.map((name) => [1, strings.indexOf(`\0${name}\0`) + 1]), [5, base + stringsAt]]
  for (const [i, [tag = 0, value = 0]] of entries.entries()) {
    dynamic.writeBigUInt64LE(BigInt(tag), i * 16)
    dynamic.writeBigUInt64LE(BigInt(value), i * 16 + 8)
  }
  const head = Buffer.alloc(stringsAt)
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1])
  head.writeBigUInt64LE(64n, 0x20)
  head.writeUInt16LE(56, 0x36)
  head.writeUInt16LE(headers, 0x38)
  const interpAt = stringsAt + strings.length - 1 - (interpreter ?? '').length
  const rows = [
    [1, 0, base, dynamicAt],
    [2, dynamicAt, base + dynamicAt, dynamic.length],
    [interpreter === undefined ? 0 : 3, interpAt, base + interpAt, 1],
  ]
  for (const [i, [type = 0, offset = 0, address = 0, size = 0]] of rows.entries()) {
    const at = 64 + i * 56
    head.writeUInt32LE(type, at)
    for (const [k, value] of [offset, address].entries()) head.writeBigUInt64LE(BigInt(value), at + 8 + k * 8)
    head.writeBigUInt64LE(BigInt(size), at + 32)
  }
  return Buffer.concat([head, strings, dynamic])
}

test('an ELF file says its interpreter and its libraries; a script says nothing', () => {
  assert.deepEqual(readElfNeeds(elf(['libc.so.6', 'libz.so.1'], '/lib64/ld-linux.so.2')), {
    interpreter: '/lib64/ld-linux.so.2',
    libraries: ['libc.so.6', 'libz.so.1'],
  })
  assert.deepEqual(readElfNeeds(elf([])), { libraries: [] })
  assert.equal(readElfNeeds(Buffer.from('#!/bin/sh\n'.repeat(20))), undefined)
})

function treeWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const tree = mkdtempSync(join(tmpdir(), 'centra-tree-'))
  for (const [path, data] of Object.entries({ 'lib/libgcc_s.so.1': elf([]), ...files })) {
    mkdirSync(dirname(join(tree, path)), { recursive: true })
    writeFileSync(join(tree, path), data)
  }
  return tree
}

test('programs come with the libraries that they need, and those that these need', () => {
  const tree = treeWith({
    'usr/sbin/fdisk': elf(['libfdisk.so.1'], '/lib64/ld-linux.so.2'),
    'lib/x86_64-linux-gnu/libfdisk.so.1': elf(['libc.so.6']),
    'usr/lib/x86_64-linux-gnu/libc.so.6': elf([]),
    'lib/ld-linux.so.2': elf([]),
    'usr/lib/openssh/helper': 'x',
  })
  const tool = { package: 'fdisk', programs: ['fdisk'], files: ['/usr/lib/openssh/helper'] }
  const entries = toolFiles(tree, [{ ...tool, links: { cfdisk: 'fdisk' } }])
  assert.deepEqual(entries.map(({ path }) => path).sort(), [
    ...['bin/cfdisk', 'bin/fdisk', 'lib/ld-linux.so.2', 'lib/libc.so.6', 'lib/libfdisk.so.1'],
    ...['lib/libgcc_s.so.1', 'lib/openssh/helper'],
  ])
})

test('what is missing is told with who wants it', () => {
  const tool = { package: 'fdisk', programs: ['fdisk'] }
  assert.throws(() => toolFiles(treeWith({}), [tool]), /^Error: fdisk, which fdisk needs, is in none/)
  const tree = treeWith({ 'bin/fdisk': elf(['libx.so.1']) })
  assert.throws(() => toolFiles(tree, [tool]), /^Error: libx\.so\.1, which bin\/fdisk needs, is in none/)
})

test("a link out of the tree is refused: its end is this machine's", () => {
  const tree = treeWith({ 'bin/true': '' })
  symlinkSync('/bin/sh', join(tree, 'bin', 'sh'))
  assert.throws(() => toolFiles(tree, [{ package: 'dash', programs: ['sh'] }]), /sh of dash is a link out/)
})

test('of what a package depends on, libraries count, and the first of alternatives', () => {
  const fields = new Map([
    ['Pre-Depends', 'libc6 (>= 2.36)'],
    ['Depends', 'libaio1, libsystemd0 | libelogind0 (>= 1), lsb-base, dmsetup (>> 2)'],
  ])
  assert.deepEqual(librariesOf(fields), ['libc6', 'libaio1', 'libsystemd0'])
  assert.deepEqual(librariesOf(new Map()), [])
})

test("modprobe's index: what a module needs, loaded last first; others count as built in", () => {
  const module = (name: string, depends: string[], aliases: string[] = []) => ({
    ...{ name, depends, aliases },
    softDepends: [],
  })
  const index = moduleIndex([
    module('virtio', ['virtio_ring']),
    module('virtio_ring', []),
    module('virtio_net', ['failover', 'virtio', 'absent'], ['virtio:d00000001v*']),
    module('failover', ['virtio_net']),
  ])
  assert.deepEqual(index.dep.split('\n'), [
    'virtio.ko: virtio_ring.ko',
    'virtio_ring.ko:',
    'virtio_net.ko: virtio.ko virtio_ring.ko failover.ko',
    'failover.ko: virtio_net.ko virtio.ko virtio_ring.ko',
    '',
  ])
  assert.equal(index.alias, 'alias virtio:d00000001v* virtio_net\n')
})
