import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ack,
  assertFile,
  bound,
  client,
  content,
  download,
  LOOPBACK,
  PATIENCE,
  packetOf,
  publishedFile,
  rrq,
  running,
} from '../../test/helpers/tftp-loopback.ts'
import { encodeTftp } from '../protocol/tftp/packet.ts'
import type { TftpAnswer, TftpRequest, TransferSocket } from './tftp-exchange.ts'

test('an ERROR of the client is told, safe to print', PATIENCE, async () => {
  await using server = await running()
  await using reader = await client()
  reader.send(rrq('undionly.kpxe'), server.port)
  const { port } = await reader.next()
  reader.send(ack(1), port)
  await reader.next()
  reader.send(encodeTftp({ kind: 'error', code: 3, message: 'full\n\xff' }), port)
  const failed = await server.until('failed')
  assert.ok(failed.kind === 'failed')
  assert.equal(failed.reason, 'the client sent error 3: full\\x0a\\xff')
  assert.equal(failed.bytes, 512)
})

test(
  'a defect behind the answer is the client’s error 0 and a fault, and the server goes on',
  PATIENCE,
  async () => {
    const defect = new Error('no such table')
    const answer = (request: TftpRequest): Promise<TftpAnswer> =>
      request.names.includes('bad') ? Promise.reject(defect) : publishedFile(request)
    await using server = await running({ answer })
    await using reader = await client()
    assert.equal(await download(reader, server.port, rrq('bad')), '0 Internal error')
    assertFile(await download(reader, server.port, rrq('even')), 'even')
    assert.deepEqual(server.story.slice(0, 2), [
      { kind: 'fault', error: defect },
      { kind: 'failed', name: 'bad', bytes: 0, reason: 'internal error' },
    ])
  },
)

test('no socket for a transfer: error 0, and the next one is served', PATIENCE, async () => {
  let failures = 1
  const openTransferSocket = async (): Promise<TransferSocket> => {
    if (failures-- > 0) throw new Error('EMFILE')
    return { socket: await bound() }
  }
  await using server = await running({ openTransferSocket })
  await using reader = await client()
  assert.equal(await download(reader, server.port, rrq('even')), '0 Internal error')
  assertFile(await download(reader, server.port, rrq('even')), 'even')
})

test('an observer that throws disturbs nobody', PATIENCE, async () => {
  const observe = (): void => {
    throw new Error('observer')
  }
  await using server = await running({ observe })
  await using reader = await client()
  assertFile(await download(reader, server.port, rrq('undionly.kpxe')), 'undionly.kpxe')
})

test('a datagram that cannot leave is observed', PATIENCE, async () => {
  await using server = await running({ address: LOOPBACK })
  // A socket bound to the loopback cannot send to a documentation address (RFC 5737).
  const from = { address: '192.0.2.1', port: 2000, family: 'IPv4', size: 0 }
  server.socket.emit('message', Buffer.from(rrq('even')), from)
  const failed = await server.until('send-failed')
  assert.ok(failed.kind === 'send-failed')
  assert.equal(failed.name, 'even')
})

test('close tells the clients and ends', PATIENCE, async () => {
  const server = await running()
  await using reader = await client()
  reader.send(rrq('undionly.kpxe'), server.port)
  const { port } = await reader.next()
  reader.send(ack(1), port)
  await reader.next()
  await server.server.close()
  await server.server.close()
  assert.deepEqual(packetOf(await reader.next()), {
    kind: 'error',
    code: 0,
    message: 'Server is shutting down',
  })
  const reasons = server.story.filter((happening) => happening['kind'] === 'failed').map((h) => h['reason'])
  assert.deepEqual(reasons, ['the server closes'])
  assert.throws(() => server.socket.address())
})

test('close while an answer is awaited leaves nothing open', PATIENCE, async () => {
  let give: (answer: TftpAnswer) => void = () => {}
  const asked = Promise.withResolvers<void>()
  const answer = (): Promise<TftpAnswer> => {
    asked.resolve()
    return new Promise((resolve) => {
      give = resolve
    })
  }
  let opened = 0
  const openTransferSocket = async (): Promise<TransferSocket> => {
    opened += 1
    return { socket: await bound() }
  }
  const server = await running({ answer, openTransferSocket })
  await using reader = await client()
  reader.send(rrq('even'), server.port)
  await asked.promise
  await server.server.close()
  give({ kind: 'file', name: 'even', content: content(1024) })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(opened, 0)
  assert.deepEqual(server.story, [])
})
