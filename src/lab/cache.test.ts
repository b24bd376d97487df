import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { cacheFolder, withLock, writeAtomically } from './cache.ts'

const folder = mkdtempSync(join(tmpdir(), 'centra-cache-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

test('the cache folder follows XDG; a relative XDG_CACHE_HOME does not count', () => {
  assert.equal(cacheFolder({ XDG_CACHE_HOME: '/x/cache', HOME: '/h' }), '/x/cache/centra-pxe')
  assert.equal(cacheFolder({ XDG_CACHE_HOME: 'cache', HOME: '/h' }), '/h/.cache/centra-pxe')
  assert.equal(cacheFolder({ HOME: '/h' }), '/h/.cache/centra-pxe')
})

test('an atomic write makes folders, replaces, and leaves nothing else behind', () => {
  const path = join(folder, 'a', 'b', 'file')
  writeAtomically(path, 'one')
  writeAtomically(path, 'two')
  assert.equal(readFileSync(path, 'utf8'), 'two')
  assert.deepEqual(readdirSync(join(folder, 'a', 'b')), ['file'])
  assert.throws(() => writeAtomically(join(folder, 'a'), 'a folder is in the way'))
  assert.deepEqual(readdirSync(folder), ['a'])
})

test('the lock lets one in at a time, also after a failure', async () => {
  const path = join(folder, 'lock')
  let inside = 0
  let most = 0
  const work = async (): Promise<void> => {
    inside += 1
    most = Math.max(most, inside)
    await new Promise((resolve) => setImmediate(resolve))
    inside -= 1
    throw new Error('work failed')
  }
  const outcomes = await Promise.allSettled([
    withLock(path, work),
    withLock(path, work),
    withLock(path, work),
  ])
  assert.equal(most, 1)
  for (const outcome of outcomes)
    assert.match(outcome.status === 'rejected' ? String(outcome.reason) : '', /work failed/)
})

test('another process is waited for, and its death frees the lock', async () => {
  const path = join(folder, 'lock-of-another')
  const holder = `import { withLock } from ${JSON.stringify(join(import.meta.dirname, 'cache.ts'))}
    await withLock(${JSON.stringify(path)}, () => new Promise(() => { console.log('locked'); setInterval(() => {}, 1e6) }))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', holder], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await once(child.stdout, 'data')
  await assert.rejects(
    withLock(path, async () => {}, { timeout: 1 }),
    /locked/,
  )
  let waited = false
  const onWait = (): void => {
    waited = true
    child.kill('SIGKILL')
  }
  assert.equal(await withLock(path, async () => 'mine', { onWait }), 'mine')
  assert.equal(waited, true)
})
