import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openLossyRelay, type Rates } from '../interop/lossy-relay.ts'

const LOOPBACK = '127.0.0.1'
const COUNT = 400
const HARSH: Rates = { drop: 100, duplicate: 100, reorder: 100, delay: 0 }

async function socketHere(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
  socket.bind(0, LOOPBACK)
  await once(socket, 'listening')
  return socket
}

/** What a server hears when a client sends so many numbered datagrams, one after the other. */
async function heard(seed: number, rates: Rates): Promise<readonly number[]> {
  const [server, client] = [await socketHere(), await socketHere()]
  const numbers: number[] = []
  server.on('message', (bytes) => numbers.push(bytes.readUInt16BE(0)))
  const plan = { listen: LOOPBACK, server: LOOPBACK, listenPort: 0, serverPort: server.address().port }
  const relay = await openLossyRelay({ ...plan, seed, rates })
  for (let n = 0; n < COUNT; n += 1) {
    client.send(Buffer.from([n >> 8, n & 255]), relay.port, LOOPBACK)
    await sleep(0)
  }
  const { counts } = relay
  while (counts.passed + counts.dropped < COUNT || numbers.length < counts.passed + counts.duplicated)
    await sleep(10)
  relay.close()
  server.close()
  client.close()
  return numbers
}

const options = { timeout: 30_000 }

test('without rates everything passes in order', options, async () => {
  const all = await heard(1, { drop: 0, duplicate: 0, reorder: 0, delay: 0 })
  assert.deepEqual(
    all,
    Array.from({ length: COUNT }, (_, n) => n),
  )
})

test('the same seed has the same losses, repetitions and order; another has others', options, async () => {
  const first = await heard(7, HARSH)
  assert.deepEqual(await heard(7, HARSH), first)
  assert.notDeepEqual(await heard(8, HARSH), first)
  const distinct = new Set(first)
  assert.ok(distinct.size < COUNT, 'some are lost')
  assert.ok(first.length > distinct.size, 'some come twice')
  assert.ok(
    first.some((n, i) => n < (first[i - 1] ?? 0)),
    'some come later than the next',
  )
})
