import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { MemoryDisk, MemoryStore, running } from '../../test/helpers/memory.ts'
import { image, NODE01, world } from '../../test/helpers/world.ts'
import { fileIdentity } from '../lib/file-identity.ts'
import { macWithDashes } from '../lib/mac.ts'
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from '../model/http-limits.ts'
import { FileSender } from '../servers/file-sender.ts'
import { type HttpServer, serveHttp } from '../servers/http.ts'
import { answerHttp } from './answer-http.ts'
import { commandNode } from './node-commands.ts'

const OWN = '10.77.0.11'
const DASHED = macWithDashes(NODE01)
/** Octets, several times what is held back of a file. */
const SIZE = 3_000_000
/** More than all queues between two sockets hold. */
const LARGE = 40_000_000
const patience = { timeout: 60_000 }

const folder = mkdtempSync(join(tmpdir(), 'centra-attempt-'))
const file = join(folder, 'kernel')
writeFileSync(file, Buffer.alloc(SIZE, 7))
const servers: HttpServer[] = []
after(async () => {
  for (const server of servers) await server.close(0)
  rmSync(folder, { recursive: true })
})

interface Got {
  readonly status: number
  readonly octets: number
  readonly text: string
}

/** Of so many zeros. */
function fileOf(size: number): string {
  const large = join(folder, 'large')
  writeFileSync(large, '')
  truncateSync(large, size)
  return large
}

/** node01 holds the lease 10.77.0.11, is to be installed, and asks over real connections. */
async function scene(isDirect = false, limits: Partial<HttpLimits> = {}, size = SIZE) {
  const path = size === SIZE ? file : fileOf(size)
  const program = { name: 'uki.efi', path: '/srv/uki.efi', size: SIZE, sha256: 'c3'.repeat(32) }
  const uki = { ...image('uki'), variants: [{ payload: { kind: 'efi', program }, cmdline: [] }], cmdline: [] }
  const direct = isDirect ? ({ image: 'uki', direct: true } as const) : {}
  const there = world()
    .labNodes()
    .lease(OWN, NODE01)
    .profile('worker', { install: 'kernel', ...direct })
  const { running: state, on } = running(there, new MemoryStore())
  assert.ok(state.disk instanceof MemoryDisk)
  if (isDirect) state.disk.stored = [uki as unknown as ReturnType<typeof image>]
  const asked = await commandNode(
    { node: 'node01', kind: 'install', profile: 'worker', id: 'e'.repeat(32) },
    state,
  )
  assert.equal(asked.kind, 'done')
  const server = await serveHttp({
    ...{ host: '127.0.0.1', port: 0, onFault: (error) => assert.fail(String(error)) },
    sender: new FileSender(() => ({ ...DEFAULT_HTTP_LIMITS, ...limits })),
    handle: async (request) => {
      const answer = await answerHttp({ ...request, peer: OWN }, on, state, () => ({
        ...{ version: '0', items: [], foreign: [] },
      }))
      const identity = fileIdentity(statSync(path, { bigint: true }))
      return answer.kind === 'file' ? { ...answer, path, size, identity } : answer
    },
  })
  servers.push(server)
  const { port } = server
  const get = (target: string, headers = {}, method = 'GET'): Promise<Got> =>
    new Promise((resolve, reject) => {
      const request = http.request({ port, path: target, headers, method, agent: false }, (response) => {
        const parts: Buffer[] = []
        response.on('data', (part) => parts.push(part))
        const end = (): void => {
          const body = Buffer.concat(parts)
          resolve({ status: response.statusCode ?? 0, octets: body.length, text: body.toString('latin1') })
        }
        response.on('end', end)
        response.on('error', end)
      })
      request.on('error', reject)
      request.end()
    })
  /** Reads so many octets of the answer, and goes away. */
  const cut = (target: string, octets: number): Promise<void> =>
    new Promise((resolve) => {
      const socket: Socket = connect(port, '127.0.0.1')
      let got = 0
      socket.on('readable', () => {
        while (got < octets) {
          const part: Buffer | null = socket.read()
          if (part === null) return
          got += part.length
        }
        socket.destroy()
      })
      socket.on('close', () => resolve())
      socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
    })
  const boots = () => state.intents.of('node01')
  const script = async (): Promise<string> => (await get(`/boot/${DASHED}.ipxe`)).text
  return { get, cut, boots, script, port }
}

function kernelOf(script: string): string {
  return /(\/attempt\/[0-9a-f]{32}\/images\/\S+\/vmlinuz)/.exec(script)?.[1] ?? assert.fail(script)
}

describe('install: kernel over HTTP', () => {
  const range = (wanted: string) => ({ Range: `bytes=${wanted}` })
  const LESS: readonly (readonly [name: string, headers: Record<string, string>, status: number])[] = [
    ['its first octet', range('0-0'), 206],
    ['all of it but the last 64 KiB', range(`0-${SIZE - 65_537}`), 206],
    ['a range that it does not have', range(`${SIZE}-`), 416],
    ['another file of that name', { 'If-Match': '"other"' }, 412],
  ]
  for (const [name, headers, status] of LESS)
    test(`whoever gets no end of the kernel has not tried: ${name}`, patience, async () => {
      const { get, boots, script } = await scene()
      const kernel = kernelOf(await script())
      for (let time = 0; time < 3; time += 1) assert.equal((await get(kernel, headers)).status, status)
      assert.deepEqual([boots()?.attempt?.redeemed, boots()?.fruitless], [undefined, 0])
      assert.equal(kernelOf(await script()), kernel, 'Try again')
      assert.equal((await get(kernel)).octets, SIZE)
      assert.equal(boots()?.attempt?.redeemed?.by, 'kernel')
      assert.match(await script(), /local disk, its install was begun/)
    })

  test('nor has one whose connection is cut', patience, async () => {
    const { get, cut, boots, script } = await scene()
    const kernel = kernelOf(await script())
    for (const octets of [1, 65_536, 300_000]) {
      await cut(kernel, octets)
      assert.equal(boots()?.attempt?.redeemed, undefined)
      assert.equal(kernelOf(await script()), kernel, 'Try again')
    }
    // What was cut would be redeemed late, if it were.
    await sleep(100)
    assert.deepEqual([boots()?.attempt?.redeemed, boots()?.attempt?.starts], [undefined, 0])
    assert.equal((await get(kernel)).octets, SIZE)
    assert.equal(boots()?.attempt?.starts, 1)
  })

  test('nor has one for which there is no room', patience, async () => {
    const { get, boots, script, port } = await scene(false, { transfers: 1, waiting: 0 }, LARGE)
    const kernel = kernelOf(await script())
    const slow = connect(port, '127.0.0.1')
    slow.write(`GET ${kernel.replace(/^\/attempt\/[^/]+/, '')} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await once(slow, 'readable')
    slow.pause()
    assert.equal((await get(kernel)).status, 503)
    slow.destroy()
    assert.equal(boots()?.attempt?.redeemed, undefined)
    while ((await get(kernel)).status === 503) await sleep(10)
    assert.equal(boots()?.attempt?.redeemed?.by, 'kernel')
  })

  test('two transfers at once, and an end that comes first, are one boot', patience, async () => {
    const { get, boots, script } = await scene()
    const kernel = kernelOf(await script())
    assert.equal((await get(kernel, { Range: 'bytes=-1' })).octets, 1)
    assert.equal(boots()?.attempt?.redeemed?.by, 'kernel', 'it may have the rest')
    const both = await Promise.all([get(kernel), get(kernel)])
    assert.deepEqual(
      both.map(({ octets }) => octets),
      [SIZE, SIZE],
    )
    assert.deepEqual([boots()?.attempt?.starts, boots()?.fruitless], [1, 1])
    assert.match(await script(), /local disk/)
  })

  test('nothing is answered with 304: whoever had it all would boot it unseen', patience, async () => {
    const { get, boots, script } = await scene()
    const kernel = kernelOf(await script())
    const sha256 = /[0-9a-f]{64}/.exec(kernel)?.[0]
    const { status, octets } = await get(kernel, { 'If-None-Match': `"${sha256}"` })
    assert.deepEqual([status, octets, boots()?.attempt?.redeemed?.by], [200, SIZE, 'kernel'])
  })
})

test(
  'a UKI straight from the firmware: HEAD, cut, resumed and repeated until its end has left',
  patience,
  async () => {
    const { get, cut, boots } = await scene(true)
    const program = `/boot/${DASHED}.efi`
    assert.equal((await get(program, {}, 'HEAD')).status, 200)
    assert.equal(boots()?.attempt, undefined)
    await cut(program, 100_000)
    const nonce = boots()?.attempt?.nonce
    assert.equal((await get(program, { Range: 'bytes=0-99999' })).octets, 100_000)
    assert.equal((await get(program, { Range: 'bytes=100000-500000' })).status, 206)
    assert.deepEqual([boots()?.attempt?.nonce, boots()?.attempt?.redeemed], [nonce, undefined])
    assert.equal((await get(program)).octets, SIZE)
    assert.equal(boots()?.attempt?.redeemed?.by, 'kernel')
    const { status, text } = await get(program)
    assert.deepEqual([status, /its install was begun/.test(text)], [404, true], text)
  },
)
