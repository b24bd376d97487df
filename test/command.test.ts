import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chownSync, globSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { VERSION } from '../src/version.ts'

const COMMAND = join(import.meta.dirname, '../bin/centra-pxe')
const work = mkdtempSync(join(tmpdir(), 'centra-command-'))
after(() => rmSync(work, { recursive: true }))

/** What is in the cache folder after `centra-pxe --version`, with these variables alone. */
function compiledWith(folder: string, environment: Readonly<Record<string, string>>): readonly string[] {
  const { stdout } = spawnSync(COMMAND, ['--version'], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...environment },
  })
  assert.equal(stdout, `${VERSION}\n`)
  return globSync('**/*', { cwd: folder })
}

test('compiled sources are kept in the cache folder, which nobody else can write', () => {
  const home = join(work, 'home')
  const folder = join(home, '.cache/centra-pxe/compiled')
  assert.ok(compiledWith(folder, { HOME: home }).length > 5)
  assert.equal(statSync(folder).mode & 0o777, 0o700)
})

test('systemd says where the cache is, and NODE_COMPILE_CACHE= that there is none', () => {
  const [home, given] = [join(work, 'none'), join(work, 'given')]
  assert.ok(compiledWith(given, { HOME: home, CACHE_DIRECTORY: given }).length > 5)
  assert.deepEqual(compiledWith(home, { HOME: home, NODE_COMPILE_CACHE: '' }), [])
})

test('what lies in the folder of somebody else is not run', {
  skip: process.getuid?.() === 0 ? false : 'needs root',
}, () => {
  const folder = join(work, 'foreign/centra-pxe/compiled')
  mkdirSync(folder, { recursive: true })
  chownSync(folder, 1, 1)
  assert.deepEqual(compiledWith(folder, { XDG_CACHE_HOME: join(work, 'foreign') }), [])
})
