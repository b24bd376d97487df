import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { sha256 } from '../../test/helpers/server.ts'
import { type Download, urlSource } from './download.ts'
import { type StorePlace, storeOf } from './image-catalogue.ts'
import { type Added, addImage } from './image-store.ts'

const BYTES = randomBytes(3_000_011)
const HASH = sha256(BYTES)

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const opened: (() => void)[] = []
afterEach(() => {
  for (const close of opened.splice(0)) close()
})

interface Scene {
  readonly store: StorePlace
  readonly base: string
  /** The path and the range of every request. */
  readonly asked: readonly string[]
  readonly add: (path: string, wanted?: Partial<Download>) => Promise<Added>
}

async function scene(handle: Handler): Promise<Scene> {
  const asked: string[] = []
  const server: Server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.range ?? '-'}`)
    handle(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const folder = mkdtempSync(join(tmpdir(), 'centra-download-'))
  opened.push(() => {
    server.close()
    server.closeAllConnections()
    rmSync(folder, { recursive: true })
  })
  const store = storeOf(folder)
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const add: Scene['add'] = (path, wanted = {}) => {
    const url = URL.canParse(path) ? new URL(path) : new URL(path, base)
    const download = { url, sha256: HASH, allowPrivate: true, maxSize: 100_000_000, pauseMs: 1, ...wanted }
    const sources = [urlSource(store, download)]
    return addImage(store.folder, { name: 'x', sources, cmdline: [] }, { reserve: 0 })
  }
  return { store, base, asked, add }
}

/** The file as a good server sends it, from where it is asked for. */
function send({ headers }: IncomingMessage, response: ServerResponse, upTo = BYTES.length): void {
  const first = Number(/^bytes=([0-9]+)-$/.exec(headers.range ?? '')?.[1] ?? 0)
  if (first >= BYTES.length) {
    response.writeHead(416, { 'Content-Range': `bytes */${BYTES.length}` }).end()
    return
  }
  const range = { 'Content-Range': `bytes ${first}-${BYTES.length - 1}/${BYTES.length}` }
  response.writeHead(first === 0 ? 200 : 206, {
    'Content-Length': BYTES.length - first,
    ...(first === 0 ? {} : range),
  })
  if (upTo >= BYTES.length) response.end(BYTES.subarray(first))
  else response.write(BYTES.subarray(first, upTo), () => setTimeout(() => response.destroy(), 50))
}

function requireWhole({ store }: Scene, { version }: Added): void {
  assert.ok(readFileSync(join(store.files, version.kernel.sha256)).equals(BYTES))
  requireNothingLeft({ store })
}

function requireNothingLeft({ store }: Pick<Scene, 'store'>): void {
  assert.deepEqual(readdirSync(store.incoming), [])
}

/** What an earlier command left. */
function leavePart({ store }: Scene, bytes: Uint8Array): string {
  const folder = join(store.incoming, `download-${HASH}`)
  mkdirSync(folder, { recursive: true })
  mkdirSync(store.files, { recursive: true })
  writeFileSync(join(folder, 'part'), bytes)
  return join(folder, 'part')
}

test('a file of a web server, its name and where it came from, without the query', async () => {
  const there = await scene(send)
  const added = await there.add('/pub/vmlinuz?key=secret')
  requireWhole(there, added)
  assert.deepEqual(
    [added.version.kernel.name, added.version.from],
    ['vmlinuz', [`${there.base}/pub/vmlinuz`]],
  )
  assert.deepEqual(there.asked, ['/pub/vmlinuz?key=secret -'])
})

test('a connection that is cut: goes on from where it ended', async () => {
  let times = 0
  const there = await scene((request, response) => {
    times += 1
    send(request, response, times < 3 ? times * 1_000_000 : BYTES.length)
  })
  requireWhole(there, await there.add('/vmlinuz'))
  assert.deepEqual(there.asked, ['/vmlinuz -', '/vmlinuz bytes=1000000-', '/vmlinuz bytes=2000000-'])
})

test('cut for good: what came is kept, and the same command later goes on from there', async () => {
  let isBroken = true
  const there = await scene((request, response) => {
    if (isBroken && request.headers.range !== undefined) response.destroy()
    else send(request, response, isBroken ? 1_000_000 : BYTES.length)
  })
  await assert.rejects(
    there.add('/vmlinuz'),
    /vmlinuz cannot be fetched: .*; the same command goes on where it ended/,
  )
  const [left = ''] = readdirSync(there.store.incoming)
  assert.equal(statSync(join(there.store.incoming, left, 'part')).size, 1_000_000)
  isBroken = false
  const before = there.asked.length
  requireWhole(there, await there.add('/vmlinuz'))
  assert.deepEqual(there.asked.slice(before), ['/vmlinuz bytes=1000000-'])
})

test('a server without ranges, one that sends another range: from the first octet', async () => {
  for (const answer of [200, 206]) {
    const there = await scene((_, response) => {
      const range = answer === 206 ? { 'Content-Range': `bytes 0-${BYTES.length - 1}/${BYTES.length}` } : {}
      response.writeHead(answer, { 'Content-Length': BYTES.length, ...range }).end(BYTES)
    })
    leavePart(there, BYTES.subarray(0, 1_000_000))
    const added = there.add('/vmlinuz')
    if (answer === 200) requireWhole(there, await added)
    else await assert.rejects(added, /the server sends another range/)
  }
})

test('the beginning of another file: found by the hash, and fetched again from the first octet', async () => {
  const there = await scene(send)
  leavePart(there, randomBytes(1_000_000))
  requireWhole(there, await there.add('/vmlinuz'))
  assert.deepEqual(there.asked, ['/vmlinuz bytes=1000000-', '/vmlinuz -'])
})

test('all of it was there already, or more than all of it', async () => {
  const there = await scene(send)
  leavePart(there, BYTES)
  requireWhole(there, await there.add('/vmlinuz'))
  const more = await scene(send)
  leavePart(more, Buffer.concat([BYTES, randomBytes(5)]))
  requireWhole(more, await more.add('/vmlinuz'))
  assert.deepEqual(more.asked, [`/vmlinuz bytes=${BYTES.length + 5}-`, '/vmlinuz -'])
})

test('another hash than the one that was asked for: refused, and nothing is left', async () => {
  const there = await scene(send)
  await assert.rejects(
    there.add('/vmlinuz', { sha256: 'ab'.repeat(32) }),
    /vmlinuz is not what was asked for: its 3\.0 MB have another SHA-256 than abab/,
  )
  requireNothingLeft(there)
  assert.deepEqual(readdirSync(there.store.files), [])
  assert.equal(there.asked.length, 1)
  await assert.rejects(there.add('/vmlinuz?token=geheim', { sha256: 'ab'.repeat(32) }), (error: Error) => {
    assert.doesNotMatch(error.message, /geheim/, 'the query may be a key')
    return /vmlinuz is not what/.test(error.message)
  })
})

test('redirects: three are followed, each held against the same rules', async () => {
  const targets: Record<string, string> = {
    '/1': '/2',
    '/2': '/3',
    '/3': '/vmlinuz',
    '/0': '/1',
    '/metadata': 'http://169.254.169.254/latest/meta-data/',
    '/hex': 'http://0xa9fea9fe/',
    '/mapped': 'http://[::ffff:a9fe:a9fe]/',
    '/file': 'file:///etc/shadow',
    '/login': 'http://user:word@127.0.0.1/',
    '/bad': 'http://[',
  }
  const there = await scene((request, response) => {
    const target = targets[request.url ?? '']
    if (target === undefined) send(request, response)
    else response.writeHead(302, { Location: target }).end()
  })
  for (const [path, why] of [
    ['/0', /more than 3 redirects/],
    ['/metadata', /169\.254\.169\.254 is no address of a server/],
    ['/hex', /169\.254\.169\.254 is no address of a server/],
    ['/mapped', /::ffff:a9fe:a9fe is no address of a server/],
    ['/file', /only https and http are fetched/],
    ['/login', /user name or password/],
    ['/bad', /leads to something that is no URL/],
  ] as const) {
    await assert.rejects(there.add(path), why, path)
    requireNothingLeft(there)
  }
  requireWhole(there, await there.add('/1'))
})

test('addresses of this machine and of private networks need the flag, also by name: no packet is sent', async () => {
  const there = await scene(send)
  const port = new URL(there.base).port
  for (const host of ['127.0.0.1', 'localhost', '127.1', '2130706433', '[::1]'])
    await assert.rejects(
      there.add(`http://${host}:${port}/vmlinuz`, { allowPrivate: false }),
      /is a private address: --allow-private allows it/,
      host,
    )
  assert.deepEqual(there.asked, [])
  requireWhole(there, await there.add(`http://localhost:${port}/vmlinuz`))
})

test('too large: by what the server says, and by what comes', async () => {
  for (const says of [true, false]) {
    const there = await scene((_, response) => {
      response.writeHead(200, says ? { 'Content-Length': BYTES.length } : {}).end(BYTES)
    })
    await assert.rejects(
      there.add('/vmlinuz', { maxSize: 1_000_000 }),
      /is larger than 1\.0 MB: see --max-size/,
    )
    requireNothingLeft(there)
  }
})

test('a status that is final; one that may pass; a file that comes compressed', async () => {
  const gone = await scene((_, response) => response.writeHead(404).end())
  await assert.rejects(gone.add('/vmlinuz'), /vmlinuz answers 404/)
  assert.equal(gone.asked.length, 1)
  let times = 0
  const busy = await scene((request, response) => {
    times += 1
    if (times < 3) response.writeHead(503).end()
    else send(request, response)
  })
  requireWhole(busy, await busy.add('/vmlinuz'))
  const packed = await scene((_, response) => {
    response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('x')
  })
  await assert.rejects(packed.add('/vmlinuz'), /comes compressed/)
})

test('two commands for one file: the second one says so', async () => {
  let answer: (() => void) | undefined
  const there = await scene((request, response) => {
    answer = () => send(request, response)
  })
  const first = there.add('/vmlinuz')
  while (answer === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
  await assert.rejects(there.add('/vmlinuz'), /another command is downloading this file now/)
  answer()
  requireWhole(there, await first)
})
