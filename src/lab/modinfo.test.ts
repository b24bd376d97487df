import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadOrder, type ModuleInfo, readModuleInfo } from './modinfo.ts'

test('reads name, depends and the modules of softdep=pre', () => {
  const file = elfWithModinfo([
    'license=GPL',
    'softdep=pre: crypto-crc32c libcrc32c post: zram',
    'depends=jbd2,mbcache,t10-pi',
    'name=ext4',
    'alias=fs-ext4',
    'alias=ext3',
  ])
  assert.deepEqual(readModuleInfo(file), {
    name: 'ext4',
    depends: ['jbd2', 'mbcache', 't10_pi'],
    softDepends: ['crypto_crc32c', 'libcrc32c'],
    aliases: ['fs-ext4', 'ext3'],
  })
})

test('a module that depends on nothing', () => {
  assert.deepEqual(readModuleInfo(elfWithModinfo(['depends=', 'name=llc'])), {
    name: 'llc',
    depends: [],
    softDepends: [],
    aliases: [],
  })
})

test('bytes that are no module throw', () => {
  assert.throws(() => readModuleInfo(new Uint8Array(100)), /ELF/)
  assert.throws(() => readModuleInfo(elfWithModinfo(['license=GPL'])), /name/)
})

const module = (name: string, depends: string[] = [], softDepends: string[] = []): [string, ModuleInfo] => [
  name,
  { name, depends, softDepends, aliases: [] },
]

test('each module comes after what it needs, once; unknown names are left out', () => {
  const modules = new Map([
    module('virtio_net', ['virtio_ring', 'virtio', 'net_failover']),
    module('net_failover', ['failover']),
    module('failover'),
    module('virtio', ['virtio_ring']),
    module('virtio_ring'),
    module('ext4', ['jbd2'], ['crypto_crc32c', 'libcrc32c']),
    module('libcrc32c'),
    module('jbd2'),
  ])
  assert.deepEqual(
    loadOrder(['virtio-net', 'virtio_ring', 'af_packet', 'ext4'], (name) => modules.get(name)),
    ['virtio_ring', 'virtio', 'failover', 'net_failover', 'virtio_net', 'libcrc32c', 'jbd2', 'ext4'],
  )
})

test('a circle of dependencies ends', () => {
  const modules = new Map([module('a', ['b']), module('b', ['a'])])
  assert.deepEqual(
    loadOrder(['a'], (name) => modules.get(name)),
    ['b', 'a'],
  )
})

/** The smallest ELF-64 file with two sections: the section names and `.modinfo`. */
function elfWithModinfo(strings: readonly string[]): Uint8Array {
  const names = Buffer.from('\0.modinfo\0')
  const info = Buffer.from(`${strings.join('\0')}\0`)
  const header = Buffer.alloc(64)
  header.writeUInt32BE(0x7f454c46, 0)
  header.set([2, 1, 1], 4)
  header.writeBigUInt64LE(BigInt(64 + names.length + info.length), 0x28)
  header.writeUInt16LE(64, 0x3a)
  header.writeUInt16LE(2, 0x3c)
  header.writeUInt16LE(0, 0x3e)
  const section = (name: number, at: number, size: number): Buffer => {
    const out = Buffer.alloc(64)
    out.writeUInt32LE(name, 0)
    out.writeBigUInt64LE(BigInt(at), 24)
    out.writeBigUInt64LE(BigInt(size), 32)
    return out
  }
  const sections = [section(0, 64, names.length), section(1, 64 + names.length, info.length)]
  return Buffer.concat([header, names, info, ...sections])
}
