import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHUNK, type Chunk, type ChunkAsk, ChunkCache } from './chunk-cache.ts'

/** Reads that end when they are told to, and fill the chunk with its number. */
interface Reads {
  readonly reads: number[]
  readonly ask: (key: string, index: number) => ChunkAsk
  readonly end: (ok?: boolean) => Promise<void>
}

function reader(): Reads {
  const reads: number[] = []
  const ends: ((ok: boolean) => void)[] = []
  return {
    reads,
    ask: (key, index) => ({
      key,
      offset: index * CHUNK,
      length: CHUNK,
      isLarge: false,
      read: (into, offset) => {
        reads.push(offset / CHUNK)
        into.fill(offset / CHUNK)
        return new Promise((resolve) => ends.push(resolve))
      },
    }),
    end: async (ok = true) => {
      for (const end of ends.splice(0)) end(ok)
      await new Promise(setImmediate)
    },
  }
}

test('forty that ask for one chunk at the same time cost one read', async () => {
  const cache = new ChunkCache(() => 4 * CHUNK)
  const { reads, ask, end } = reader()
  const asked = Array.from({ length: 40 }, async () => cache.take(ask('a', 3)))
  await end()
  const chunks = await Promise.all(asked)
  assert.ok(chunks.every((chunk) => chunk?.bytes[5] === 3))
  assert.deepEqual(reads, [3])
  const { hits, misses, pinned } = cache.figures
  assert.deepEqual([hits, misses, pinned], [39, 1, CHUNK])
  for (const chunk of chunks) chunk?.release()
  assert.equal(cache.figures.pinned, 0)
  assert.ok(!(cache.take(ask('a', 3)) instanceof Promise), 'what is here is given at once')
})

test('another content of the same file is another entry', async () => {
  const cache = new ChunkCache(() => 4 * CHUNK)
  const { reads, ask, end } = reader()
  const one = cache.take(ask('a', 0))
  const other = cache.take(ask('b', 0))
  await end()
  assert.notEqual((await one)?.bytes, (await other)?.bytes)
  assert.deepEqual(reads, [0, 0])
})

test('it never has more octets than the limit; what is in use stays, what was used longest ago goes', async () => {
  const cache = new ChunkCache(() => 3 * CHUNK)
  const { reads, ask, end } = reader()
  const take = async (index: number): Promise<Chunk | undefined> => {
    const chunk = cache.take(ask('a', index))
    await end()
    return chunk
  }
  const held = await take(0)
  for (const index of [1, 2, 1, 3]) (await take(index))?.release()
  assert.equal(cache.figures.octets, 3 * CHUNK)
  assert.ok(cache.has('a', 0, 10) && cache.has('a', CHUNK, 2 * CHUNK - 1))
  assert.ok(!cache.has('a', 2 * CHUNK, 2 * CHUNK), '2 was used before 1')
  assert.ok(
    held?.bytes.every((octet) => octet === 0),
    'what is in use was not written over',
  )
  const more = [await take(4), await take(5)]
  assert.equal(await take(6), undefined, 'all three are in use')
  assert.equal(cache.isScarce, true)
  for (const chunk of [held, ...more]) chunk?.release()
  held?.release()
  assert.equal(cache.figures.pinned, 0, 'releasing twice counts once')
  assert.equal((await take(6))?.bytes[0], 6)
  assert.deepEqual(reads, [0, 1, 2, 3, 4, 5, 6])
})

test('a read that fails keeps nothing, and all who waited are told', async () => {
  const cache = new ChunkCache(() => 3 * CHUNK)
  const { ask, end } = reader()
  const asked = [0, 1].map(async () => cache.take(ask('a', 0)))
  await end(false)
  assert.deepEqual(await Promise.all(asked), [undefined, undefined])
  assert.deepEqual([cache.figures.octets, cache.figures.pinned], [0, 0])
})

test('a limit of 0 keeps nothing', () => {
  const { ask } = reader()
  assert.equal(new ChunkCache(() => 0).take(ask('a', 0)), undefined)
})

test('R-13: what large transfers hold leaves a quarter of the cache to small files', async () => {
  const cache = new ChunkCache(() => 4 * CHUNK)
  const { ask, end } = reader()
  const large = (index: number): ChunkAsk => ({ ...ask('large', index), isLarge: true })
  const [first, , , fourth] = [0, 1, 2, 3].map((index) => cache.take(large(index)))
  assert.equal(fourth, undefined)
  await end()
  const held = await first
  const small = cache.take(ask('small', 0))
  await end()
  assert.equal((await small)?.bytes.length, CHUNK)
  // Of what is held anyhow, another transfer may have its part.
  assert.equal((await cache.take(large(0)))?.bytes, held?.bytes)
})
