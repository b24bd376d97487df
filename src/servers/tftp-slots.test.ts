import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ack,
  assertFile,
  type Client,
  client,
  download,
  octets,
  PATIENCE,
  packetOf,
  publishedFile,
  rrq,
  running,
} from '../../test/helpers/tftp-loopback.ts'
import { toHex } from '../lib/text.ts'
import { encodeTftp } from '../protocol/tftp/packet.ts'
import type { TftpAnswer, TftpRequest } from './tftp-exchange.ts'

test('T19: the same request again is the same transfer', PATIENCE, async () => {
  const asked: TftpRequest[] = []
  const answer = (request: TftpRequest): Promise<TftpAnswer> => {
    asked.push(request)
    return publishedFile(request)
  }
  await using server = await running({ answer })
  await using reader = await client()
  const request = rrq('boot/x64/small', 'tsize=0')
  reader.send(request, server.port)
  reader.send(request, server.port)
  const oack = await reader.next()
  reader.send(request, server.port)
  reader.send(ack(0), oack.port)
  const data = await reader.next()
  assert.equal(data.port, oack.port)
  assert.equal(packetOf(data).kind, 'data')
  reader.send(ack(1), oack.port)
  assert.equal(packetOf(await reader.next()).kind, 'data')
  reader.send(ack(2), oack.port)
  await server.until('done')
  assert.equal(asked.length, 1)
  assert.equal(reader.unread, 0)
})

test('another request from the same port takes the place of a probe', PATIENCE, async () => {
  await using server = await running()
  await using reader = await client()
  reader.send(rrq('even', 'tsize=0'), server.port)
  const oack = await reader.next()
  assertFile(await download(reader, server.port, rrq('even', 'blksize=1024')), 'even')
  await server.until('done')
  assert.deepEqual(
    server.story.map((happening) => happening['kind']),
    ['probe', 'start', 'done'],
  )
  assert.ok(oack.port !== server.port)
})

test('requests that replace one another before their answers leave no slot taken', PATIENCE, async () => {
  const awaited: (() => void)[] = []
  const arrived = Promise.withResolvers<void>()
  const answer = async (request: TftpRequest): Promise<TftpAnswer> => {
    if (request.blksize === undefined) return publishedFile(request)
    await new Promise<void>((resolve) => {
      if (awaited.push(resolve) === 3) arrived.resolve()
    })
    return publishedFile(request)
  }
  await using server = await running({ answer, limits: { perClient: 2 } })
  await using hasty = await client()
  await using reader = await client()
  for (const blksize of [500, 600, 700]) hasty.send(rrq('even', `blksize=${blksize}`), server.port)
  await arrived.promise
  assertFile(await download(reader, server.port, rrq('even')), 'even')
  for (const resolve of awaited) resolve()
  const oack = await hasty.next()
  assert.equal(toHex(oack.bytes), toHex(octets('\0\x06blksize\x00700\0')))
  assert.equal(hasty.unread, 0)
})

test('a client that starts over in the middle is served anew', PATIENCE, async () => {
  await using server = await running()
  await using reader = await client()
  const request = rrq('undionly.kpxe')
  reader.send(request, server.port)
  for (let block = 1; block <= 3; block++) reader.send(ack(block), (await reader.next()).port)
  await reader.next()
  assertFile(await download(reader, server.port, request), 'undionly.kpxe')
  await server.until('done')
  assert.deepEqual(
    server.story.map((happening) => [happening['kind'], happening['reason']]),
    [
      ['start', undefined],
      ['failed', 'the client started over'],
      ['start', undefined],
      ['done', undefined],
    ],
  )
})

test(
  'R-14 a client at its limit waits, unless one of its transfers has nothing to lose',
  PATIENCE,
  async () => {
    await using server = await running({ limits: { perClient: 2 } })
    await using one = await client()
    await using two = await client()
    await using three = await client()
    const ports: number[] = []
    for (const busy of [one, two]) {
      busy.send(rrq('undionly.kpxe'), server.port)
      const { port } = await busy.next()
      busy.send(ack(1), port)
      await busy.next()
      ports.push(port)
    }
    three.send(rrq('even'), server.port)
    const refused = await server.until('refused')
    assert.ok(refused.kind === 'refused')
    assert.equal(refused.reason, 'too many transfers')
    // The first client gives up; asked again, the server has room. Nothing was answered in between.
    one.send(encodeTftp({ kind: 'error', code: 0, message: '' }), ports[0] ?? 0)
    await server.until('failed')
    assert.equal(three.unread, 0)
    assertFile(await download(three, server.port, rrq('even')), 'even')
    // Silent requests give way to the next, so a client can always have one that works.
    for (const name of ['even', 'empty', 'boot/x64/small']) {
      await using silent = await client()
      silent.send(rrq(name, 'tsize=0'), server.port)
      await silent.next()
    }
    assertFile(await download(three, server.port, rrq('even')), 'even')
  },
)

test(
  'R-14 when the table is full of clients that never answered, the oldest gives way',
  PATIENCE,
  async () => {
    await using server = await running({ limits: { transfers: 3 } })
    await using reader = await client()
    const silent: Client[] = []
    for (let i = 2; i <= 6; i++) {
      const next = await client(`127.0.0.${i}`)
      silent.push(next)
      next.send(rrq('even', 'tsize=0'), server.port)
      await next.next()
    }
    assertFile(await download(reader, server.port, rrq('undionly.kpxe')), 'undionly.kpxe')
    const evicted = server.seen.filter((observation) => observation.kind === 'failed')
    assert.deepEqual(
      evicted.map((observation) => observation.client.address),
      ['127.0.0.2', '127.0.0.3', '127.0.0.4'],
    )
    for (const next of silent) await next[Symbol.asyncDispose]()
  },
)

test('when the table is full of clients that read, a new one waits', PATIENCE, async () => {
  await using server = await running({ limits: { transfers: 1 } })
  await using busy = await client()
  await using other = await client('127.0.0.2')
  busy.send(rrq('undionly.kpxe'), server.port)
  busy.send(ack(1), (await busy.next()).port)
  await busy.next()
  other.send(rrq('even'), server.port)
  await server.until('refused')
  assert.equal(other.unread, 0)
})

test('T33: 64 transfers at once', PATIENCE, async () => {
  await using server = await running({ limits: { perClient: 64 } })
  const clients = await Promise.all(Array.from({ length: 64 }, () => client()))
  const request = rrq('undionly.kpxe', 'blksize=1468')
  const files = await Promise.all(clients.map((reader) => download(reader, server.port, request)))
  for (const file of files) assertFile(file, 'undionly.kpxe')
  for (const reader of clients) await reader[Symbol.asyncDispose]()
})
