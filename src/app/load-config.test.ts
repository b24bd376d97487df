import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { MemoryDisk } from '../../test/helpers/memory.ts'
import { image } from '../../test/helpers/world.ts'
import { formatProblem } from '../config/source.ts'
import { loadConfig } from './load-config.ts'

const LAB = readFileSync(join(import.meta.dirname, '../../test/fixtures/config/lab.yaml'), 'utf8')
const FILES = { '/c/images/vmlinuz': 'k', '/c/images/initrd.img': 'i' }

async function load(
  files: Readonly<Record<string, string>>,
): Promise<{ readonly ok: boolean; readonly lines: readonly string[] }> {
  const { config, problems } = await loadConfig('/c/lab.yaml', new MemoryDisk(files))
  return { ok: config !== undefined, lines: problems.map(formatProblem) }
}

test("the contract's lab.yaml with its two image files", async () => {
  assert.deepEqual(await load({ ...FILES, '/c/lab.yaml': LAB }), { ok: true, lines: [] })
})

test('every image file that is not there, at its place', async () => {
  assert.deepEqual(await load({ '/c/lab.yaml': LAB }), {
    ok: false,
    lines: [
      '/c/lab.yaml:22:13: images.debian-live.kernel: there is no readable file /c/images/vmlinuz',
      '/c/lab.yaml:23:14: images.debian-live.initrd[0]: there is no readable file /c/images/initrd.img',
    ],
  })
})

test('missing files together with the other errors, in the order of their lines', async () => {
  const text = LAB.replace('./images/vmlinuz', './images/vmlinux')
    .replace('subnet: 10.77.0.0/24', 'subnet: 10.77.0.0/33')
    .replace('  worker:\n    image: debian-live', '  worker:\n    image: debian-lve')
  assert.deepEqual(await load({ ...FILES, '/c/lab.yaml': text }), {
    ok: false,
    lines: [
      '/c/lab.yaml:12:13: networks[0].subnet: expected a subnet such as 10.77.0.0/24, got "10.77.0.0/33"',
      '/c/lab.yaml:22:13: images.debian-live.kernel: there is no readable file /c/images/vmlinux',
      '/c/lab.yaml:31:12: profiles.worker.image: there is no image debian-lve under images:, nor in the image store /c/state/images',
    ],
  })
})

test('a missing file of an included part comes after the main file, at its place', async () => {
  const { lines } = await load({
    ...FILES,
    '/c/lab.yaml': `${LAB}include: more.yaml\nextra: 1\n`,
    '/c/more.yaml': 'images:\n  rescue:\n    kernel: k\n    initrd:\n      - images/initrd.img\n      - i\n',
  })
  assert.deepEqual(lines, [
    '/c/lab.yaml:55:1: extra: there is no such key; look for a typing error, or remove it',
    '/c/more.yaml:3:13: images.rescue.kernel: there is no readable file /c/k',
    '/c/more.yaml:6:9: images.rescue.initrd[1]: there is no readable file /c/i',
  ])
})

test('firmware directories as written: without a loader they are doubtful', async () => {
  const text = LAB.replace('  stateDir:', '  firmware: [empty, ipxe, /nowhere]\n  stateDir:')
  assert.deepEqual(
    await load({ ...FILES, '/c/lab.yaml': text, '/c/empty/readme': 'x', '/c/ipxe/snponly.efi': 'x' }),
    {
      ok: true,
      lines: [
        '/c/lab.yaml:5:14: server.firmware[0]: warning: /c/empty does not exist, or has no loader: undionly.kpxe, ipxe.pxe, snponly.efi and others',
        '/c/lab.yaml:5:27: server.firmware[2]: warning: /nowhere does not exist, or has no loader: undionly.kpxe, ipxe.pxe, snponly.efi and others',
      ],
    },
  )
})

test('loaders that profiles and nodes name: doubtful when no firmware directory has them', async () => {
  const text = LAB.replace('  stateDir:', '  firmware: [ipxe, more]\n  stateDir:')
    .replace('    profile: worker', '    profile: worker\n    loader: my.efi')
    .replace(/( {2}worker:.*\n)/, '$1    loader: { uefi-x64: ipxe.efi, uefi-arm64: other.efi }\n')
  const files = { ...FILES, '/c/lab.yaml': text, '/c/ipxe/snponly.efi': 'x', '/c/more/ipxe.efi': 'x' }
  const { ok, lines } = await load(files)
  assert.equal(ok, true)
  assert.deepEqual(
    lines.map((line) => line.replace(/:\d+:\d+:/, '')),
    [
      '/c/lab.yaml profiles.worker.loader.uefi-arm64: warning: no firmware directory has other.efi: /c/ipxe, /c/more',
      '/c/lab.yaml nodes[1].loader: warning: no firmware directory has my.efi: /c/ipxe, /c/more',
    ],
  )
})

test("iPXE's archive has its own shim under the name of a distribution's: doubtful", async () => {
  const text = LAB.replace('  stateDir:', '  firmware: [sb]\n  stateDir:').replace(
    '    profile: worker',
    '    profile: worker\n    loader: snponly-shim.efi',
  )
  const files = { ...FILES, '/c/lab.yaml': text, '/c/sb/snponly-shim.efi': 'x', '/c/sb/snponly.efi': 'y' }
  assert.deepEqual((await load({ ...files, '/c/sb/shimx64.efi': 'other' })).lines, [])
  const { ok, lines } = await load({ ...files, '/c/sb/shimx64.efi': 'x' })
  assert.equal(ok, true)
  assert.deepEqual(
    lines.map((line) => line.replace(/:\d+:\d+:/, '')),
    [
      "/c/lab.yaml nodes[1].loader: warning: shimx64.efi is the same file as snponly-shim.efi, iPXE's own shim, which starts no kernel: with Secure Boot, iPXE needs the shim of the kernel's distribution in its place",
    ],
  )
})

test('an included file, or a directory of them, that cannot be read; names are not missed', async () => {
  const text = LAB.replace('profile: worker', 'profile: elsewhere').replace('timeout: 30s', 'timeout: soon')
  const files = { ...FILES, '/c/lab.yaml': `${text}include:\n  - secret.yaml\n  - denied/*\n` }
  class GuardedDisk extends MemoryDisk {
    override async readText(path: string): Promise<string> {
      if (path === '/c/secret.yaml') throw new Error(`EACCES: permission denied, open '${path}'`)
      return super.readText(path)
    }

    override async glob(pattern: string): Promise<readonly string[]> {
      if (pattern === '/c/denied/*') throw new Error("EACCES: permission denied, scandir '/c/denied'")
      return super.glob(pattern)
    }
  }
  const { config, problems } = await loadConfig(
    '/c/lab.yaml',
    new GuardedDisk({ ...files, '/c/secret.yaml': '' }),
  )
  assert.equal(config, undefined)
  assert.deepEqual(problems.map(formatProblem), [
    '/c/lab.yaml:50:12: menu.timeout: expected a duration such as 30s, 90m, 1h or 1d, got "soon"',
    "/c/lab.yaml:55:5: include[0]: /c/secret.yaml cannot be read: EACCES: permission denied, open '/c/secret.yaml'",
    "/c/lab.yaml:56:5: include[1]: /c/denied/* cannot be searched: EACCES: permission denied, scandir '/c/denied'",
  ])
})

test('an image of the image store: it is one, and where both have it, the configuration has its own', async () => {
  const disk = new MemoryDisk({
    ...FILES,
    '/c/lab.yaml': LAB.replace('  worker:\n    image: debian-live', '  worker:\n    image: noble'),
  })
  disk.stored = [image('noble'), image('debian-live')]
  const { config, problems } = await loadConfig('/c/lab.yaml', disk)
  assert.equal(config?.profiles.get('worker')?.image, 'noble')
  const store = config.server.imageStore
  assert.deepEqual(problems.map(formatProblem), [
    `/c/lab.yaml:21:3: images.debian-live: warning: the image store ${store} has an image debian-live too; this one is booted`,
  ])
})

test('an image store that cannot be read: doubtful, for whoever may not look there', async () => {
  class GuardedDisk extends MemoryDisk {
    override async storedImages(): Promise<never> {
      throw new Error('/s/catalogue.json cannot be read: EACCES')
    }
  }
  const text = LAB.replace('  worker:\n    image: debian-live', '  worker:\n    image: noble')
  const { config, problems } = await loadConfig(
    '/c/lab.yaml',
    new GuardedDisk({ ...FILES, '/c/lab.yaml': text }),
  )
  assert.ok(config !== undefined)
  assert.deepEqual(problems.map(formatProblem), [
    '/c/lab.yaml:31:12: profiles.worker.image: warning: whether there is an image noble is not known: /s/catalogue.json cannot be read: EACCES',
  ])
})

test('a main file that cannot be read', async () => {
  assert.deepEqual(await load({}), {
    ok: false,
    lines: ['/c/lab.yaml:1:1: cannot be read: ENOENT: no such file /c/lab.yaml'],
  })
})

test('included files are read once each, the main file never again; a glob without files is doubtful', async () => {
  const node = (name: string, octet: string): string =>
    `nodes:\n  - { name: ${name}, mac: "52:54:00:99:00:${octet}", profile: worker }\n`
  const { config, problems } = await loadConfig(
    '/c/lab.yaml',
    new MemoryDisk({
      ...FILES,
      '/c/lab.yaml': `${LAB}include: ["*.yaml", nodes/*.yaml, nodes/a*, none/*]\n`,
      '/c/nodes/a.yaml': node('a', '01'),
      '/c/nodes/b.yaml': node('b', '02'),
    }),
  )
  assert.deepEqual(
    config?.nodes.map(({ name }) => name),
    ['node01', 'node02', 'a', 'b'],
  )
  assert.deepEqual(problems.map(formatProblem), [
    '/c/lab.yaml:54:45: include[3]: warning: no file matches /c/none/*',
  ])
})

test('the rescue image may be missing until something names its profile', async () => {
  assert.deepEqual((await load({ ...FILES, '/c/lab.yaml': LAB })).lines, [])
  const text = LAB.replace('    profile: control-plane', '    profile: rescue')
  assert.notEqual(text, LAB)
  const { ok, lines } = await load({ ...FILES, '/c/lab.yaml': text })
  assert.equal(ok, false)
  assert.equal(lines.length, 1)
  assert.match(
    lines[0] ?? '',
    /there is no image rescue .*; centra-pxe rescue build --authorized-keys FILE makes it$/,
  )
})
