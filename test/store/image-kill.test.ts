import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { filesOf, readCatalogue, storeOf } from '../../src/files/image-catalogue.ts'
import { type AddStep, collectImages } from '../../src/files/image-store.ts'
import { verifyFile } from '../../src/files/verify-image.ts'
import { runs } from '../helpers/counts.ts'
import { CENTRA_PXE, centra, eventually, sha256 } from '../helpers/server.ts'

const dir = mkdtempSync(join(tmpdir(), 'centra-kill-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const stateDir = join(dir, 'state')
const kernel = join(dir, 'vmlinuz')
const initrd = join(dir, 'initrd.img')
const files = ['--kernel', kernel, '--initrd', initrd]

/** The hash of the kernel that machines get now; every file of every version is whole, or the test fails. */
async function current(): Promise<string | undefined> {
  const store = storeOf(join(stateDir, 'images'))
  const { versions = [] } = (await readCatalogue(store)).get('debian') ?? {}
  for (const file of versions.flatMap(filesOf)) assert.equal(await verifyFile(store, file, () => {}), 'ok')
  return versions.at(-1)?.kernel.sha256
}

/** Another kernel and initrd to add; resolves with the kernel's hash. */
function newFiles(): string {
  const bytes = randomBytes(2_000_000)
  writeFileSync(kernel, bytes)
  writeFileSync(initrd, randomBytes(8_000_000))
  return sha256(bytes)
}

test('kill -9 at any moment of image add: the old version or the new one, whole; the next one cleans up', async () => {
  let old: string | undefined = newFiles()
  const begun = performance.now()
  assert.equal((await centra('image', 'add', 'debian', '--state-dir', stateDir, ...files)).code, 0)
  // How long one takes here and now: the moments lie anywhere in it, and some after it.
  const usual = performance.now() - begun
  const outcomes = { old: 0, new: 0 }
  for (let life = 0; life < runs(12, 200); life += 1) {
    const next = newFiles()
    const child = spawn(CENTRA_PXE, ['image', 'add', 'debian', '--state-dir', stateDir, ...files], {
      stdio: 'ignore',
    })
    const ended = once(child, 'exit')
    await Promise.race([ended, sleep(Math.random() * usual * 1.2)])
    child.kill('SIGKILL')
    await ended
    const now = await current()
    assert.ok(now === old || now === next, `life ${life}: neither the old version nor the new one`)
    outcomes[now === next ? 'new' : 'old'] += 1
    old = now
    // Old versions would make every look longer.
    if (life % 10 === 9) await collectImages(join(stateDir, 'images'), () => false)
  }
  const last = newFiles()
  assert.equal((await centra('image', 'add', 'debian', '--state-dir', stateDir, ...files)).code, 0)
  assert.equal(await current(), last)
  assert.equal((await centra('image', 'verify', '--state-dir', stateDir)).code, 0)
  assert.deepEqual(readdirSync(join(stateDir, 'images/incoming')), [])
  console.log(`${JSON.stringify(outcomes)} after a kill`)
})

test('kill -9 in the middle of a download: the same command goes on from there', async () => {
  const bytes = randomBytes(4_000_000)
  const ranges: string[] = []
  const server = createServer(({ headers: { range } }, response) => {
    ranges.push(range ?? 'none')
    const first = Number(/^bytes=([0-9]+)-$/.exec(range ?? '')?.[1] ?? 0)
    const length = bytes.length - first
    const part = { 'Content-Range': `bytes ${first}-${bytes.length - 1}/${bytes.length}` }
    response.writeHead(first === 0 ? 200 : 206, { 'Content-Length': length, ...(first === 0 ? {} : part) })
    // The first time the rest never comes.
    if (first === 0) response.write(bytes.subarray(0, 1_500_000))
    else response.end(bytes.subarray(first))
  }).listen(0, '127.0.0.1')
  after(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/linux`
  const flags = ['--state-dir', stateDir, '--url', url, '--sha256', sha256(bytes), '--allow-private']
  const child = spawn(CENTRA_PXE, ['image', 'add', 'web', ...flags], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  const part = join(stateDir, 'images/incoming', `download-${sha256(bytes)}`, 'part')
  await eventually(
    'what came is on disk',
    () => (existsSync(part) && statSync(part).size === 1_500_000) || undefined,
  )
  child.kill('SIGKILL')
  await ended
  assert.equal((await centra('image', 'add', 'web', ...flags)).code, 0)
  assert.deepEqual(ranges, ['none', 'bytes=1500000-'])
  const { stdout } = await centra('image', 'show', 'web', '--state-dir', stateDir, '--json')
  assert.equal(JSON.parse(stdout).versions[0].kernel.sha256, sha256(bytes))
  assert.deepEqual(readdirSync(join(stateDir, 'images/incoming')), [])
})

const MODULE = join(import.meta.dirname, '../../src/files')

for (const step of ['staged', 'locked', 'moved', 'files-synced', 'committed'] satisfies readonly AddStep[])
  test(`kill -9 right after the step "${step}"`, async () => {
    const old = newFiles()
    assert.equal((await centra('image', 'add', 'debian', '--state-dir', stateDir, ...files)).code, 0)
    const next = newFiles()
    const program = `
      import { addImage } from '${MODULE}/image-store.ts'
      import { fileSource } from '${MODULE}/stage-file.ts'
      const sources = ${JSON.stringify([kernel, initrd])}.map((path) => fileSource(path))
      const onStep = (step) => { if (step === '${step}') process.kill(process.pid, 'SIGKILL') }
      await addImage('${stateDir}/images', { name: 'debian', sources, cmdline: [] }, { onStep })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' })
    const [code, signal] = await once(child, 'exit')
    assert.deepEqual([code, signal], [null, 'SIGKILL'])
    assert.equal(await current(), step === 'committed' ? next : old)
    assert.equal((await centra('image', 'gc', '--state-dir', stateDir)).code, 0)
    assert.deepEqual(readdirSync(join(stateDir, 'images/incoming')), [])
    assert.equal(await current(), step === 'committed' ? next : old)
  })
