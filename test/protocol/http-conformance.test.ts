/** The HTTP cases of the conformance list, octet for octet over a real connection. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { answerHttp } from '../../src/app/answer-http.ts'
import { serveHttp } from '../../src/servers/http.ts'
import { runs } from '../helpers/counts.ts'
import { MemoryStore, running } from '../helpers/memory.ts'
import { NODE01, world } from '../helpers/world.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'centra-http-'))
const LOADER = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7 + (i >> 8)) & 255))
/** More octets than the kernel's buffers of one connection hold. */
const BIG = 32 << 20
const IMAGES = ['disk.iso', 'disk.img']
for (const name of ['snponly.efi', ...IMAGES]) writeFileSync(path.join(folder, name), LOADER)
writeFileSync(path.join(folder, 'big'), Buffer.alloc(BIG, 7))

const there = world().labNodes().lease('127.0.0.1', NODE01)
const { running: state, on } = running(there, new MemoryStore())
const firmware = new Map(
  ['snponly.efi', ...IMAGES].map((name) => [
    name,
    { name, path: path.join(folder, name), size: LOADER.length, revision: 'r1' },
  ]),
)
firmware.set('big', { name: 'big', path: path.join(folder, 'big'), size: BIG, revision: 'r1' })
const faults: unknown[] = []
const server = await serveHttp({
  host: '127.0.0.1',
  port: 0,
  handle: (request) =>
    answerHttp(request, on, { ...state, picture: { ...state.picture, firmware } }, () => ({
      version: '0',
      items: [],
      foreign: [],
    })),
  onFault: (error) => faults.push(error),
})
after(async () => {
  await server.close(100)
  rmSync(folder, { recursive: true, force: true })
  assert.deepEqual(faults, [])
})

interface Answer {
  readonly status: number
  /** The whole head, as it came. */
  readonly head: string
  readonly body: Buffer
}

/** One connection, on which requests follow one another. */
class Connection {
  readonly #socket: Socket
  #got = Buffer.alloc(0)
  #wake: () => void = () => {}
  #isClosed = false

  constructor() {
    this.#socket = connect(server.port, '127.0.0.1')
    this.#socket.on('data', (bytes) => {
      this.#got = Buffer.concat([this.#got, bytes])
      this.#wake()
    })
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      this.#isClosed = true
      this.#wake()
    })
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  async ask(request: string, ...headers: readonly string[]): Promise<Answer> {
    const version = / HTTP\/1\.\d$/.test(request) ? '' : ' HTTP/1.1'
    this.#socket.write([`${request}${version}`, 'Host: x', ...headers, '', ''].join('\r\n'))
    return this.#answer(request.startsWith('HEAD'))
  }

  write(text: string): Promise<Answer> {
    this.#socket.write(text)
    return this.#answer(false)
  }

  /** Answers end by their length alone: that is what the firmware goes by. */
  async #answer(isHead: boolean): Promise<Answer> {
    const at = await this.#until(() => {
      const end = this.#got.indexOf('\r\n\r\n')
      return end < 0 ? undefined : end + 4
    })
    const head = this.#got.subarray(0, at).toString('latin1')
    const length = isHead ? 0 : Number(/^Content-Length: (\d+)\r$/m.exec(head)?.[1] ?? Number.NaN)
    assert.ok(Number.isInteger(length), `no Content-Length: ${head}`)
    await this.#until(() => (this.#got.length >= at + length ? true : undefined))
    const body = Buffer.from(this.#got.subarray(at, at + length))
    this.#got = this.#got.subarray(at + length)
    return { status: Number(head.slice(9, 12)), head, body }
  }

  async #until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      assert.ok(!this.#isClosed, `closed after ${this.#got.toString('latin1')}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

const patience = { timeout: 30_000 }
const FILE = '/firmware/snponly.efi'

test('H01, H02: HEAD tells the length, GET on the same connection brings the file', patience, async () => {
  using connection = new Connection()
  const head = await connection.ask(`HEAD ${FILE}`)
  assert.equal(head.status, 200)
  assert.match(head.head, /^Content-Length: 100000\r$/m)
  assert.match(head.head, /^Content-Type: application\/efi\r$/m)
  assert.match(head.head, /^Connection: keep-alive\r$/m)
  const whole = await connection.ask(`GET ${FILE}`)
  assert.equal(whole.status, 200)
  assert.ok(whole.body.equals(LOADER))
})

const RANGES: readonly (readonly [
  id: string,
  range: string,
  status: number,
  content: string,
  first: number,
  end: number,
])[] = [
  ['H03: the first 512 octets', 'bytes=0-511', 206, 'bytes 0-511/100000', 0, 512],
  ['H04: from an offset to the end', 'bytes=512-', 206, 'bytes 512-99999/100000', 512, 100_000],
  ['H05: beyond the end', 'bytes=100000-', 416, 'bytes */100000', 0, 0],
]
for (const [id, range, status, content, first, end] of RANGES)
  test(id, patience, async () => {
    using connection = new Connection()
    const part = await connection.ask(`GET ${FILE}`, `Range: ${range}`)
    assert.equal(part.status, status)
    assert.ok(part.head.includes(`\r\nContent-Range: ${content}\r\n`), part.head)
    assert.ok(part.body.equals(LOADER.subarray(first, end)))
  })

test('H06: a range of the file that the client knows, and 412 once it is another', patience, async () => {
  using connection = new Connection()
  const { head } = await connection.ask(`HEAD ${FILE}`)
  const etag = /^ETag: (".+")\r$/m.exec(head)?.[1] ?? ''
  const part = await connection.ask(`GET ${FILE}`, `If-Match: ${etag}`, 'Range: bytes=1-2')
  assert.equal(part.status, 206)
  assert.ok(part.body.equals(LOADER.subarray(1, 3)))
  for (const stale of ['"another"', `W/${etag}`]) {
    const refused = await connection.ask(`GET ${FILE}`, `If-Match: ${stale}`, 'Range: bytes=1-2')
    assert.equal(refused.status, 412)
    assert.equal(refused.body.length, 0)
  }
})

test('H07: nothing is compressed', patience, async () => {
  using connection = new Connection()
  const { head, body } = await connection.ask(`GET ${FILE}`, 'Accept-Encoding: gzip, deflate, br')
  assert.doesNotMatch(head, /Content-Encoding/i)
  assert.ok(body.equals(LOADER))
})

test('H08: doubled slashes, without a redirect', patience, async () => {
  using connection = new Connection()
  const { status, body } = await connection.ask('GET //firmware//snponly.efi')
  assert.equal(status, 200)
  assert.ok(body.equals(LOADER))
})

test('H09: a missing file is 404 with a length, and the connection goes on', patience, async () => {
  using connection = new Connection()
  const { status, body } = await connection.ask('GET /firmware/nothing.efi')
  assert.equal(status, 404)
  assert.ok(body.length > 0)
  assert.equal((await connection.ask(`GET ${FILE}`)).status, 200)
})

test('H10: no way out of what is published', patience, async () => {
  for (const target of [
    '/firmware/..%2f..%2fetc/passwd',
    '/firmware/..%5c..%5cetc%5cpasswd',
    '/firmware/..\\..\\etc\\passwd',
    '/firmware/%00',
    '/firmware/snponly.efi%00.txt',
    '/firmware/%2fetc%2fpasswd',
    '//etc/passwd',
    '/images/../../etc/passwd',
    '/firmware/%ff%fe',
    '/firmware/%zz',
  ]) {
    using connection = new Connection()
    const { status, body } = await connection.ask(`GET ${target}`)
    assert.ok(status === 400 || status === 404, `${target}: ${status}`)
    assert.doesNotMatch(body.toString(), /root:/)
  }
})

test('H11: every header has a value and its canonical name, and nothing is chunked', patience, async () => {
  using connection = new Connection()
  for (const target of [FILE, '/boot.ipxe', '/boot/52-54-00-77-00-01.ipxe', '/health', '/nothing']) {
    const { head } = await connection.ask(`GET ${target}`)
    const lines = head.split('\r\n').slice(1, -2)
    assert.ok(lines.length >= 3, head)
    for (const line of lines) assert.match(line, /^(?:[A-Z][a-z]+(?:-[A-Z][a-z]+)*|ETag): \S/)
    assert.doesNotMatch(head, /Transfer-Encoding/)
  }
})

test('H12: a connection that was idle for 8 seconds still serves', patience, async () => {
  using connection = new Connection()
  assert.equal((await connection.ask(`GET ${FILE}`)).status, 200)
  await new Promise((resolve) => setTimeout(resolve, 8000))
  assert.equal((await connection.ask(`GET ${FILE}`)).status, 200)
})

test('H13: HTTP/1.0', patience, async () => {
  using connection = new Connection()
  const { status, body } = await connection.ask(`GET ${FILE} HTTP/1.0`)
  assert.equal(status, 200)
  assert.ok(body.equals(LOADER))
})

test('H16: a script asked for by a form, as iPXE sends its params; at most 64 KiB', patience, async () => {
  using connection = new Connection()
  const post = (body: string): Promise<Answer> =>
    connection.write(
      [
        'POST /boot/52-54-00-99-00-01.ipxe HTTP/1.1',
        'Host: x',
        'Content-Type: application/x-www-form-urlencoded',
        `Content-Length: ${body.length}`,
        '',
        body,
      ].join('\r\n'),
    )
  const form = await post('failed=kernel&errno=2d0c613b')
  assert.equal(form.status, 200)
  const query = await connection.ask('GET /boot/52-54-00-99-00-01.ipxe?failed=kernel&errno=2d0c613b')
  assert.equal(form.body.toString(), query.body.toString())
  assert.equal((await post(`failed=${'x'.repeat(65_536)}`)).status, 413)
})

test('H18: the types that UEFI HTTP boot knows disk images by', patience, async () => {
  using connection = new Connection()
  assert.match(
    (await connection.ask('HEAD /firmware/disk.iso')).head,
    /^Content-Type: application\/vnd\.efi-iso\r$/m,
  )
  assert.match(
    (await connection.ask('HEAD /firmware/disk.img')).head,
    /^Content-Type: application\/vnd\.efi-img\r$/m,
  )
})

function openBig(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path.join(folder, 'big')
    } catch {
      return false
    }
  }).length
}

test('H14: a client that leaves in the middle of a file leaves no descriptor open', patience, async () => {
  const socket = connect(server.port, '127.0.0.1')
  socket.write('GET /firmware/big HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'data')
  socket.pause()
  assert.equal(openBig(), 1)
  socket.destroy()
  while (openBig() > 0) await new Promise((resolve) => setTimeout(resolve, 20))
})

/** Longer than any time-out of ours when run as a soak. */
const SLOW_SECONDS = runs(4, 120)

test('H15: a client that reads a little each second is not cut', { timeout: 300_000 }, async () => {
  const socket = connect(server.port, '127.0.0.1')
  socket.write('GET /firmware/big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  let got = 0
  let isClosed = false
  socket.on('data', (bytes) => {
    got += bytes.length
    if (seconds < SLOW_SECONDS) socket.pause()
  })
  socket.on('close', () => {
    isClosed = true
  })
  let seconds = 0
  for (; seconds < SLOW_SECONDS; seconds += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1000))
    assert.ok(!isClosed && got < BIG / 2, `${got} octets after ${seconds} s`)
    socket.resume()
  }
  socket.resume()
  await once(socket, 'close')
  assert.ok(got > BIG)
})
