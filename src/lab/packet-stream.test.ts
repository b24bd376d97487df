import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PacketStream } from './packet-stream.ts'

test('a packet is preceded by its length', () => {
  assert.deepEqual(PacketStream.encode(Uint8Array.of(7, 8, 9)), Uint8Array.of(0, 0, 0, 3, 7, 8, 9))
})

test('packets come out whole and in order, wherever the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 50 })),
      fc.integer({ min: 1, max: 20 }),
      (packets, step) => {
        const stream = Buffer.concat(packets.map((packet) => PacketStream.encode(packet)))
        const received: Uint8Array[] = []
        const reader = new PacketStream((packet) => received.push(packet.slice()))
        for (let at = 0; at < stream.length; at += step) reader.push(stream.subarray(at, at + step))
        assert.deepEqual(
          received.map((packet) => [...packet]),
          packets.map((packet) => [...packet]),
        )
      },
    ),
    { seed: 4, numRuns: 200 },
  )
})

test('a length that cannot be is an error, not an endless wait', () => {
  assert.throws(() => new PacketStream(() => {}).push(Uint8Array.of(0xff, 0, 0, 0)), /out of step/)
})
