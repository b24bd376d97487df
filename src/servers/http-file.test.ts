import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  appendFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { fileIdentity } from '../lib/file-identity.ts'
import type { HttpAnswer, Pace } from '../model/http.ts'
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from '../model/http-limits.ts'
import { FileSender } from './file-sender.ts'
import { type HttpServer, serveHttp } from './http.ts'

type FileAnswer = Extract<HttpAnswer, { kind: 'file' }>

const folder = mkdtempSync(path.join(tmpdir(), 'centra-file-'))
const closers: HttpServer[] = []
after(async () => {
  for (const server of closers) await server.close(0)
  rmSync(folder, { recursive: true, force: true })
})
const patience = { timeout: 60_000 }

interface Scene {
  readonly sender: FileSender
  readonly url: string
  readonly content: Buffer
  readonly file: string
  readonly reasons: string[]
  /** What is published from now on. */
  readonly publish: (parts?: Partial<FileAnswer>) => void
}

async function scene(octets: number, limits: Partial<HttpLimits> = {}, mayCopy = true): Promise<Scene> {
  const file = path.join(folder, randomBytes(4).toString('hex'))
  const content = randomBytes(octets)
  writeFileSync(file, content)
  const sender = new FileSender(() => ({ ...DEFAULT_HTTP_LIMITS, ...limits }), { mayCopy })
  const reasons: string[] = []
  const answerNow = (parts: Partial<FileAnswer> = {}): FileAnswer => ({
    ...{ kind: 'file', path: file, size: octets, etag: `"${path.basename(file)}"`, headers: {} },
    identity: fileIdentity(statSync(file, { bigint: true })),
    observe: (news) => {
      if (news.kind === 'failed') reasons.push(news.reason)
    },
    ...parts,
  })
  let answer = answerNow()
  const server = await serveHttp({
    ...{ host: '127.0.0.1', port: 0, sender },
    handle: async () => answer,
    onFault: (error) => assert.fail(String(error)),
  })
  closers.push(server)
  const url = `http://127.0.0.1:${server.port}/`
  return { sender, url, content, file, reasons, publish: (parts) => (answer = answerNow(parts)) }
}

async function load(
  url: string,
  range?: string,
): Promise<{ readonly status: number; readonly body: Buffer }> {
  const response = await fetch(url, range === undefined ? {} : { headers: { Range: `bytes=${range}` } })
  return { status: response.status, body: Buffer.from(await response.arrayBuffer()) }
}

for (const [name, cache, mayCopy] of [
  ['with a cache', 2 ** 28, false],
  ['larger than the cache', 2 ** 23, false],
  ['without a cache', 0, false],
  ['that the kernel sends', 2 ** 28, true],
  ['that the kernel sends, without a cache', 0, true],
] as const)
  test(`a file ${name} arrives whole, and in ranges across chunks`, patience, async () => {
    const { sender, url, content } = await scene(20_000_003, { cache }, mayCopy)
    const whole = await Promise.all([load(url), load(url), load(url)])
    assert.ok(whole.every(({ status, body }) => status === 200 && body.equals(content)))
    for (const [first, last] of [
      [0, 0],
      [1_048_575, 1_048_576],
      [3_000_000, 9_999_999],
      [20_000_000, 20_000_002],
    ] as const) {
      const { status, body } = await load(url, `${first}-${last}`)
      assert.equal(status, 206)
      assert.ok(body.equals(content.subarray(first, last + 1)), `${first}-${last}`)
    }
    const { cache: used, own, slots, copied } = sender.figures
    assert.equal(copied > 3 * 15_000_000, mayCopy)
    assert.ok(used.octets <= cache, `${used.octets}`)
    assert.deepEqual([used.pinned, own, slots.taken], [0, 0, 0])
  })

test('forty at the same time cost one read of the file', patience, async () => {
  const { sender, url, content } = await scene(8 << 20, {}, false)
  const all = await Promise.all(Array.from({ length: 40 }, () => load(url)))
  assert.ok(all.every(({ body }) => body.equals(content)))
  assert.ok(sender.figures.cache.misses <= 8, 'each MiB once')
  assert.equal(sender.figures.cache.octets, 8 << 20)
})

test(
  'a file that is written over or replaced is never sent under the old tag; what is in memory still is',
  patience,
  async () => {
    const { url, content, file, publish } = await scene(3_000_000)
    assert.equal((await load(url, '0-99')).status, 206)
    const other = Buffer.from(content).fill(7)
    writeFileSync(file, other)
    const head = await load(url, '0-99')
    assert.deepEqual([head.status, head.body.equals(content.subarray(0, 100))], [206, true])
    const unread = await scene(3_000_000)
    writeFileSync(unread.file, other)
    assert.equal((await load(unread.url)).status, 503, 'the same size, the same inode')
    writeFileSync(`${file}-new`, other)
    renameSync(`${file}-new`, unread.file)
    assert.equal((await load(unread.url)).status, 503)
    publish({
      path: unread.file,
      identity: fileIdentity(statSync(unread.file, { bigint: true })),
      etag: '"new"',
    })
    assert.ok((await load(url)).body.equals(other))
  },
)

test(
  'a file that changes while it is sent ends the connection, and nothing of it is kept',
  patience,
  async () => {
    const { sender, url, content, file, reasons } = await scene(64 << 20, { cache: 2 ** 23 })
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    const [first] = await once(socket, 'data')
    socket.pause()
    appendFileSync(file, 'x')
    utimesSync(file, 1, 1)
    const got: Buffer[] = [first]
    socket.on('data', (bytes) => got.push(bytes))
    socket.on('error', () => {})
    socket.resume()
    await once(socket, 'close')
    const body = Buffer.concat(got)
    const from = body.indexOf('\r\n\r\n') + 4
    assert.ok(body.length < content.length)
    assert.ok(body.subarray(from).equals(content.subarray(0, body.length - from)))
    assert.deepEqual(reasons, ['the file changed while it was sent'])
    assert.equal(sender.figures.own, 0)
  },
)

test('a stored image is not read through a symbolic link', patience, async () => {
  const { url, file, publish } = await scene(1000)
  const link = `${file}-link`
  symlinkSync(file, link)
  publish({ path: link, noLinks: true })
  assert.equal((await load(url)).status, 503)
  publish({ path: link })
  assert.equal((await load(url)).status, 200)
})

test('more large transfers than may run wait their turn; more than may wait get 503', patience, async () => {
  const { sender, url, content } = await scene(40 << 20, { transfers: 1, waiting: 1, cache: 0 })
  const port = Number(new URL(url).port)
  const slow = connect(port, '127.0.0.1')
  slow.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(slow, 'data')
  slow.pause()
  const second = load(url)
  while (sender.figures.slots.waiting === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  const third = await fetch(url)
  assert.equal(third.status, 503)
  assert.match(third.headers.get('Retry-After') ?? '', /^\d+$/)
  assert.equal((await load(url, '0-9')).status, 206, 'small ones do not wait')
  slow.destroy()
  assert.ok((await second).body.equals(content))
})

test('a paced file arrives whole, beside one that is not paced', patience, async () => {
  const { url, content, publish } = await scene(3_000_000)
  const pace: Pace = { network: 'n', client: '127.0.0.1', rate: 30_000_000, clientRate: 20_000_000 }
  publish({ pace })
  const [one, other] = await Promise.all([load(url), load(url)])
  assert.ok(one.body.equals(content) && other.body.equals(content))
})

/** The octets at a file's end that are held back. */
const HELD = 64 << 10

for (const [name, octets, mayCopy, pace] of [
  ['small', 1000, true, undefined],
  ['empty', 0, true, undefined],
  ['large', 20_000_003, false, undefined],
  ['that the kernel sends', 20_000_003, true, undefined],
  ['paced', 3_000_000, true, { network: 'n', client: '127.0.0.1', rate: 30_000_000 } as Pace],
] as const)
  test(`a file ${name}: its end is held back until it may leave`, patience, async () => {
    const { url, content, publish } = await scene(octets, {}, mayCopy)
    const asked = Promise.withResolvers<void>()
    const release = Promise.withResolvers<string | undefined>()
    const paced = pace === undefined ? {} : { pace }
    publish({
      beforeLast: () => {
        asked.resolve()
        return release.promise
      },
      ...paced,
    })
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    const got: Buffer[] = []
    socket.on('data', (bytes) => got.push(bytes))
    const body = (): Buffer => {
      const all = Buffer.concat(got)
      return all.subarray(all.indexOf('\r\n\r\n') + 4)
    }
    await asked.promise
    const free = Math.max(0, octets - HELD)
    // The client has acknowledged them; its own event loop may come later.
    while (body().length < free) await once(socket, 'data')
    if (free === 0) assert.deepEqual(got, [], 'not even the head')
    assert.equal(body().length, free)
    release.resolve(undefined)
    await once(socket, 'close')
    assert.ok(body().equals(content))
  })

test(
  'what has nothing of the held end, and what gets no file at all, asks for nothing',
  patience,
  async () => {
    const { url, content, publish, sender } = await scene(20_000_003, { transfers: 1, waiting: 0 })
    let asked = 0
    publish({
      beforeLast: async () => {
        asked += 1
        return undefined
      },
    })
    const before = content.length - HELD
    for (const range of ['0-0', `0-${before - 1}`, `${before - 1}-${before - 1}`])
      assert.equal((await load(url, range)).status, 206)
    assert.equal((await load(url, `${content.length}-`)).status, 416)
    assert.equal((await fetch(url, { method: 'HEAD' })).status, 200)
    assert.equal((await fetch(url, { headers: { 'If-Match': '"other"' } })).status, 412)
    const slow = connect(Number(new URL(url).port), '127.0.0.1')
    slow.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(slow, 'data')
    slow.pause()
    assert.equal((await load(url)).status, 503)
    slow.destroy()
    while (sender.figures.slots.taken > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal(asked, 0)
    const { ok, body } = await load(url, `${before}-${before}`).then(({ status, body }) => ({
      ok: status,
      body,
    }))
    assert.deepEqual([ok, body.length, asked], [206, 1, 1], 'the first octet of it asks')
    // Whoever has all of it by its tag would have it without asking.
    const tag = (await fetch(url, { method: 'HEAD' })).headers.get('ETag') ?? ''
    const again = await fetch(url, { headers: { 'If-None-Match': tag } })
    assert.equal((await again.arrayBuffer()).byteLength, content.length)
    assert.deepEqual([again.status, asked], [200, 2])
  },
)

test(
  'a connection that is cut before its client has all but the end asks for nothing',
  patience,
  async () => {
    // All of it goes into the kernel's queues at once.
    const { url, publish, reasons } = await scene(600_000)
    let asked = 0
    publish({
      beforeLast: async () => {
        asked += 1
        return undefined
      },
    })
    for (const isReset of [false, true]) {
      const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1' })
      socket.once('readable', () => {
        if (isReset) socket.resetAndDestroy()
        else socket.destroy()
      })
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      await once(socket, 'close')
    }
    while (reasons.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual(new Set(reasons), new Set(['the client closed the connection']))
    assert.equal(asked, 0)
  },
)

for (const [name, beforeLast, reason] of [
  ['may not leave', async () => 'the attempt is over', 'the attempt is over'],
  ['nobody can tell of', () => Promise.reject(new Error('no disk')), 'Error: no disk'],
] as const)
  test(`an end that ${name} ends the connection, and is no fault`, patience, async () => {
    const { url, publish, reasons } = await scene(200_000)
    publish({ beforeLast })
    await assert.rejects(load(url))
    assert.deepEqual(reasons, [reason])
  })
