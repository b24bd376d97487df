import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runs } from '../../../test/helpers/counts.ts'
import { ack, begin, content, shown } from '../../../test/helpers/tftp-transfer.ts'
import { decodeTftp } from './packet.ts'
import { MAX_FIRST_SENDS, type Transfer } from './transfer.ts'

/** What a lossy network does with the next datagram. */
type Fate = 'arrives' | 'is lost' | 'comes twice' | 'is late'

/**
 * RFC 1350's receiver, or RFC 7440's with a window: acknowledges each full window and the end, and at a block that it did
 * not expect the last one it has.
 */
class Receiver {
  readonly #parts: Uint8Array[] = []
  #expected = 1
  #unacknowledged = 0
  #isComplete = false
  readonly #window: number

  constructor(blksize: number, window = 1) {
    this.blksize = blksize
    this.#window = window
  }

  readonly blksize: number

  get isComplete(): boolean {
    return this.#isComplete
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }

  take(datagram: Uint8Array): Uint8Array | undefined {
    const packet = decodeTftp(datagram)
    assert.ok(packet.ok)
    if (packet.value.kind === 'oack') return this.#expected === 1 ? ack(0) : undefined
    assert.ok(packet.value.kind === 'data')
    const { block, data } = packet.value
    if (block === (this.#expected & 0xffff) && !this.#isComplete) {
      this.#parts.push(data)
      this.#expected += 1
      this.#unacknowledged += 1
      this.#isComplete = data.length < this.blksize
      if (!this.#isComplete && this.#unacknowledged < this.#window) return undefined
    }
    this.#unacknowledged = 0
    return ack((this.#window === 1 ? block : this.#expected - 1) & 0xffff)
  }
}

/** Runs a transfer over a network whose fates are given, then well; returns what the receiver has. */
function overNetwork(transfer: Transfer, receiver: Receiver, fates: readonly Fate[]): void {
  const wire: { at: number; to: 'server' | 'client'; datagram: Uint8Array }[] = []
  let now = 0
  let fate = 0
  const put = (to: 'server' | 'client', datagram: Uint8Array): void => {
    const what = fates[fate++] ?? 'arrives'
    if (what === 'is lost') return
    wire.push({ at: now + (what === 'is late' ? 700 : 1), to, datagram })
    if (what === 'comes twice') wire.push({ at: now + 3, to, datagram })
  }
  for (const datagram of transfer.step.send) put('client', datagram)
  for (let turns = 0; transfer.step.outcome === undefined; turns++) {
    assert.ok(turns < 100_000, 'the transfer does not end')
    wire.sort((a, b) => a.at - b.at)
    const next = wire[0]
    const { deadline } = transfer.step
    assert.ok(deadline !== undefined)
    if (next === undefined || deadline <= next.at) {
      now = deadline
      for (const datagram of transfer.onTimeout(now).send) put('client', datagram)
      continue
    }
    wire.shift()
    now = next.at
    if (next.to === 'server') {
      for (const datagram of transfer.onPacket(next.datagram, now).send) put('client', datagram)
    } else {
      const answer = receiver.take(next.datagram)
      if (answer !== undefined) put('server', answer)
    }
  }
}

test('loss, duplication and reordering never change the file', () => {
  const fates = fc.array(
    fc.oneof(
      { weight: 5, arbitrary: fc.constant<Fate>('arrives') },
      { weight: 1, arbitrary: fc.constantFrom<Fate>('is lost', 'comes twice', 'is late') },
    ),
    { maxLength: 300 },
  )
  const blksize = fc.integer({ min: 8, max: 40 })
  const window = fc.constantFrom(undefined, 1, 2, 4, 16)
  fc.assert(
    fc.property(fates, blksize, window, fc.integer({ min: 0, max: 2000 }), (fate, size, blocks, length) => {
      const options = blocks === undefined ? '' : `blksize=${size} tsize=0 windowsize=${blocks}`
      const transfer = begin({ size: length, options })
      const receiver = new Receiver(transfer.terms.blksize, transfer.terms.window)
      overNetwork(transfer, receiver, fate)
      const { outcome } = transfer.step
      // Many losses in a row may end it; then the receiver has a part, never something else.
      const got = receiver.bytes
      assert.ok(got.equals(content(length).subarray(0, got.length)))
      if (outcome?.kind === 'done') assert.ok(receiver.isComplete && got.length === length)
      else assert.equal(outcome?.kind, 'timed-out')
    }),
    { seed: 2347, numRuns: runs(2000, 400_000) },
  )
})

test('while fewer datagrams trip than a packet has tries, every transfer ends well', () => {
  const good = fc.array(fc.constantFrom<Fate>('arrives', 'comes twice'), { minLength: 150, maxLength: 150 })
  const trips = fc.array(
    fc.record({ at: fc.nat({ max: 149 }), fate: fc.constantFrom<Fate>('is lost', 'is late') }),
    { maxLength: MAX_FIRST_SENDS - 1 },
  )
  fc.assert(
    fc.property(good, trips, fc.integer({ min: 0, max: 400 }), (fates, tripped, length) => {
      for (const { at, fate } of tripped) fates[at] = fate
      const transfer = begin({ size: length, options: 'blksize=8' })
      const receiver = new Receiver(8)
      overNetwork(transfer, receiver, fates)
      const { outcome } = transfer.step
      assert.ok(outcome?.kind === 'done' && outcome.bytes === length, outcome?.kind)
      assert.ok(receiver.bytes.equals(content(length)))
    }),
    { seed: 2348, numRuns: runs(2000, 400_000) },
  )
})

test('no block is sent twice without a time-out, whatever is duplicated', () => {
  const transfer = begin({ size: 4000, options: 'blksize=8' })
  const sentBlocks: string[] = []
  const network: Uint8Array[] = [ack(0)]
  for (let packet = network.shift(); packet !== undefined; packet = network.shift()) {
    for (const twice of [packet, packet]) {
      for (const datagram of transfer.onPacket(twice, 1).send) {
        sentBlocks.push(shown(datagram))
        assert.ok(sentBlocks.length <= 501, 'more blocks than the file has')
        network.push(ack(((datagram[2] ?? 0) << 8) | (datagram[3] ?? 0)))
      }
    }
  }
  assert.equal(sentBlocks.length, 501)
  assert.equal(new Set(sentBlocks).size, 501)
  assert.deepEqual(transfer.step.outcome, { kind: 'done', bytes: 4000 })
})
