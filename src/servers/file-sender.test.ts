import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FileSender } from './file-sender.ts'
import { ResponseWriter } from './response-writer.ts'

const MIB = 1 << 20
const SIZE = 24 * MIB
const folder = mkdtempSync(join(tmpdir(), 'centra-sender-'))
const path = join(folder, 'file')
writeFileSync(path, Buffer.alloc(SIZE, 7))
after(() => rmSync(folder, { recursive: true }))

/** Takes each piece after so many milliseconds, and keeps its length. */
class Timed extends ResponseWriter {
  readonly lengths: number[] = []
  readonly #pause: (piece: number) => number

  constructor(request: IncomingMessage, pause: (piece: number) => number) {
    super(request, new ServerResponse(request))
    this.#pause = pause
  }

  override async write(parts: readonly Uint8Array[]): Promise<boolean> {
    this.lengths.push(parts.reduce((sum, { length }) => sum + length, 0))
    await sleep(this.#pause(this.lengths.length))
    return true
  }
}

test('a slow client gets a mebibyte at a time, so that its moving is seen', async () => {
  const sender = new FileSender()
  const send = async (pause: (piece: number) => number): Promise<readonly number[]> => {
    const socket = new Socket()
    const writer = new Timed(new IncomingMessage(socket), pause)
    const file = { path, size: SIZE, key: 'file' }
    const { sent } = await sender.send({ file, first: 0, length: SIZE, onProgress: () => {} }, writer, socket)
    assert.equal(sent, SIZE)
    return writer.lengths
  }
  await send(() => 0)
  assert.ok(Math.max(...(await send(() => 0))) > MIB)
  const [, second = 0, ...others] = await send((piece) => (piece === 2 ? 1100 : 30))
  assert.ok(second > MIB, `${second}`)
  assert.deepEqual(new Set(others), new Set([MIB]))
})

test('R-13: however many large transfers could go on, a turn of the event loop moves few of their pieces', async () => {
  const sender = new FileSender()
  let turn = 0
  const moved = new Map<number, number>()
  class Counted extends ResponseWriter {
    override write(): Promise<boolean> {
      moved.set(turn, (moved.get(turn) ?? 0) + 1)
      return Promise.resolve(true)
    }
  }
  const file = { path, size: SIZE, key: 'file' }
  const send = async (): Promise<void> => {
    const socket = new Socket()
    const request = new IncomingMessage(socket)
    const writer = new Counted(request, new ServerResponse(request))
    await sender.send({ file, first: 0, length: SIZE, onProgress: () => {} }, writer, socket)
  }
  // The file is in memory afterwards: nobody waits for the disk.
  await send()
  moved.clear()
  let isOver = false
  const count = (): void => {
    turn += 1
    if (!isOver) setImmediate(count)
  }
  count()
  await Promise.all(Array.from({ length: 60 }, send))
  isOver = true
  assert.ok(Math.max(...moved.values()) <= 4, `${Math.max(...moved.values())} pieces in one turn`)
})
