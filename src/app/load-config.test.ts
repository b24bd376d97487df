import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { MemoryDisk } from '../../test/helpers/memory.ts'
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

test('every image file that is not there', async () => {
  assert.deepEqual(await load({ '/c/lab.yaml': LAB }), {
    ok: false,
    lines: [
      '/c/lab.yaml:21:3: images.debian-live.kernel: there is no readable file /c/images/vmlinuz',
      '/c/lab.yaml:21:3: images.debian-live.initrd[0]: there is no readable file /c/images/initrd.img',
    ],
  })
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
    '/c/lab.yaml:1:1: warning: include: no file matches /c/none/*',
  ])
})
