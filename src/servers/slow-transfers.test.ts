import assert from 'node:assert/strict'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { DEFAULT_HTTP_LIMITS } from '../model/http-limits.ts'
import type { SendQueues } from './send-queues.ts'
import { SlowTransfers } from './slow-transfers.ts'
import { type ActiveTransfer, ActiveTransfers } from './transfers.ts'

/** A transfer of a real connection, seconds that pass when they are told to, and a kernel that says what it is told. */
async function scene(): Promise<{
  readonly transfer: ActiveTransfer
  /** `queued` is undefined when the kernel cannot be asked. */
  readonly look: (seconds: number, queued: number | undefined) => Promise<string | undefined>
  readonly close: () => void
  scarce: boolean
}> {
  const accepted = Promise.withResolvers<Socket>()
  const server = createServer((one) => accepted.resolve(one)).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const client = connect(address.port, '127.0.0.1')
  const socket = await accepted.promise
  const transfers = new ActiveTransfers()
  const transfer = transfers.begin(socket)
  // 127.0.0.1 as the kernel writes it.
  const hex = (port = 0): string => port.toString(16).toUpperCase().padStart(4, '0')
  const name = `${hex(socket.localPort)} 0100007F:${hex(socket.remotePort)}`
  let now = transfer.movedAt
  let queues: SendQueues | undefined = new Map()
  const found = {
    transfer,
    scarce: false,
    look: async (seconds: number, queued: number | undefined) => {
      now += seconds * 1000
      queues = queued === undefined ? undefined : new Map([[name, queued]])
      await slow.look()
      return transfer.cut
    },
    close: () => {
      client.destroy()
      socket.destroy()
      server.close()
    },
  }
  const slow = new SlowTransfers(transfers, {
    limits: () => DEFAULT_HTTP_LIMITS,
    isScarce: () => found.scarce,
    now: () => now,
    sendQueues: async () => queues,
  })
  return found
}

test('a client that takes nothing is cut after 30 s', async () => {
  const { transfer, look, close } = await scene()
  transfer.pending = 4 << 20
  for (let i = 0; i < 14; i += 1) assert.equal(await look(2, 1_000_000), undefined)
  assert.match((await look(4, 1_000_000)) ?? '', /took nothing for 30 s/)
  close()
})

test('looks that fail are no move of the client', async () => {
  const { transfer, look, close } = await scene()
  transfer.pending = 4 << 20
  for (let i = 0; i < 14; i += 1) assert.equal(await look(2, i % 2 === 1 ? 1_000_000 : undefined), undefined)
  assert.match((await look(4, undefined)) ?? '', /took nothing for 30 s/)
  close()
})

test('H15: 1 kB/s is not cut, though it makes no room for a piece, unless others wait', async () => {
  const one = await scene()
  one.transfer.pending = 4 << 20
  for (let i = 0; i < 60; i += 1) assert.equal(await one.look(2, 3_000_000 - 2000 * i), undefined)
  one.scarce = true
  for (let i = 60; i < 80; i += 1) await one.look(2, 3_000_000 - 2000 * i)
  assert.match(one.transfer.cut ?? '', /took [0-9]+ octets a second in 30 s/)
  one.close()
})

test('20 KiB/s is not cut even then', async () => {
  const one = await scene()
  one.scarce = true
  one.transfer.pending = 4 << 20
  for (let i = 0; i < 60; i += 1) assert.equal(await one.look(2, 5_000_000 - 40_960 * i), undefined)
  one.close()
})
