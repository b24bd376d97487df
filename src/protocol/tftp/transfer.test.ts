import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ack, type Begin, begin, content, shown } from '../../../test/helpers/tftp-transfer.ts'
import { negotiate } from './options.ts'
import { encodeTftp } from './packet.ts'
import { MAX_FIRST_SENDS, MAX_SILENCE_MS, type RetryLimits, Transfer, type TransferStep } from './transfer.ts'

function error(code: number, message: string): Uint8Array {
  return encodeTftp({ kind: 'error', code, message })
}

/** `oack tsize=0` or `data 1 (512)`, joined by commas; what a table can say of a step. */
function sent(step: TransferStep): string {
  return step.send.map(shown).join(', ')
}

/** One line of a conversation: what reaches the machine, when, and what it answers. */
type Line = readonly [now: number, input: Uint8Array | 'timeout' | 'same request', answer: string]

function converse(transfer: Transfer, lines: readonly Line[]): void {
  for (const [now, input, answer] of lines) {
    let step: TransferStep
    if (input === 'timeout') step = transfer.onTimeout(now)
    else if (input === 'same request') step = transfer.onDuplicateRequest(now)
    else step = transfer.onPacket(input, now)
    assert.equal(sent(step), answer, `at ${now}`)
  }
}

const CONVERSATIONS: readonly {
  readonly name: string
  readonly begin: Begin
  readonly first: string
  readonly lines: readonly Line[]
  readonly outcome: TransferStep['outcome']
}[] = [
  {
    name: 'T04: without options: DATA 1 at once',
    begin: { size: 600 },
    first: 'data 1 (512)',
    lines: [
      [1, ack(1), 'data 2 (88)'],
      [2, ack(2), ''],
    ],
    outcome: { kind: 'done', bytes: 600 },
  },
  {
    name: 'T05: an empty file',
    begin: { size: 0, options: 'tsize=0' },
    first: 'oack tsize=0',
    lines: [
      [1, ack(0), 'data 1 (0)'],
      [2, ack(1), ''],
    ],
    outcome: { kind: 'done', bytes: 0 },
  },
  {
    name: 'T06: a size that is a multiple of blksize ends with an empty block',
    begin: { size: 1024 },
    first: 'data 1 (512)',
    lines: [
      [1, ack(1), 'data 2 (512)'],
      [2, ack(2), 'data 3 (0)'],
      [3, ack(3), ''],
    ],
    outcome: { kind: 'done', bytes: 1024 },
  },
  {
    name: 'T02: the size probe of EDK2',
    begin: { size: 1034752, options: 'tsize=0 blksize=1468 windowsize=4' },
    first: 'oack tsize=1034752 blksize=1468 windowsize=4',
    lines: [[1, error(8, 'User aborted the transfer'), '']],
    outcome: { kind: 'probe', code: 8, message: 'User aborted the transfer' },
  },
  {
    name: 'a probe that declines DATA 1 (older EDK2, code 4)',
    begin: { size: 1000 },
    first: 'data 1 (512)',
    lines: [[1, error(4, 'User aborted download'), '']],
    outcome: { kind: 'probe', code: 4, message: 'User aborted download' },
  },
  {
    name: 'an ERROR under way',
    begin: { size: 1000, options: 'blksize=8' },
    first: 'oack blksize=8',
    lines: [
      [1, ack(0), 'data 1 (8)'],
      [2, ack(1), 'data 2 (8)'],
      [3, error(3, 'no room'), ''],
      [4, ack(2), ''],
    ],
    outcome: { kind: 'aborted', bytes: 8, code: 3, message: 'no room' },
  },
  {
    name: 'T15: the sorcerer’s apprentice: a duplicate ACK sends nothing',
    begin: { size: 30, options: 'blksize=8' },
    first: 'oack blksize=8',
    lines: [
      [1, ack(0), 'data 1 (8)'],
      [2, ack(0), ''],
      [3, ack(1), 'data 2 (8)'],
      [4, ack(1), ''],
      [5, ack(1), ''],
      [6, ack(2), 'data 3 (8)'],
      [7, ack(1), ''],
      [8, ack(2), ''],
      [9, ack(3), 'data 4 (6)'],
      [10, ack(4), ''],
      [11, ack(4), ''],
    ],
    outcome: { kind: 'done', bytes: 30 },
  },
  {
    name: 'T36: only ACK 0 answers an OACK',
    begin: { size: 30, options: 'blksize=8' },
    first: 'oack blksize=8',
    lines: [
      [1, ack(1), ''],
      [2, ack(65535), ''],
      [3, ack(0), 'data 1 (8)'],
    ],
    outcome: undefined,
  },
  {
    name: 'ACKs of blocks that were never sent, and what no reader sends, change nothing',
    begin: { size: 30, options: 'blksize=8' },
    first: 'oack blksize=8',
    lines: [
      [1, ack(0), 'data 1 (8)'],
      [2, ack(2), ''],
      [3, ack(32768), ''],
      [4, encodeTftp({ kind: 'data', block: 1, data: new Uint8Array(3) }), ''],
      [5, encodeTftp({ kind: 'oack', options: [] }), ''],
      [6, new Uint8Array(), ''],
      [7, Uint8Array.of(0, 4, 0), ''],
      [8, Uint8Array.of(1, 4, 0, 1), ''],
      [9, Uint8Array.of(0, 5, 0), ''],
      [10, ack(1), 'data 2 (8)'],
    ],
    outcome: undefined,
  },
  {
    name: 'T16: silence after a block: it is repeated after 1, 2, 4, 8 and 8 s, six times in all',
    begin: { size: 5000 },
    first: 'data 1 (512)',
    lines: [
      [0, ack(1), 'data 2 (512)'],
      [999, 'timeout', ''],
      [1000, 'timeout', 'data 2 (512)'],
      [2999, 'timeout', ''],
      [3000, 'timeout', 'data 2 (512)'],
      [6999, 'timeout', ''],
      [7000, 'timeout', 'data 2 (512)'],
      [14999, 'timeout', ''],
      [15000, 'timeout', 'data 2 (512)'],
      [22999, 'timeout', ''],
      [23000, 'timeout', 'data 2 (512)'],
      [29999, 'timeout', ''],
      [30000, 'timeout', ''],
      [99000, 'timeout', ''],
    ],
    outcome: { kind: 'timed-out', bytes: 512, heard: true },
  },
  {
    name: 'T35: silence after the OACK: not before a second, three times in all',
    begin: { size: 5000, options: 'tsize=0' },
    first: 'oack tsize=5000',
    lines: [
      [999, 'timeout', ''],
      [1000, 'timeout', 'oack tsize=5000'],
      [3000, 'timeout', 'oack tsize=5000'],
      [6999, 'timeout', ''],
      [7000, 'timeout', ''],
    ],
    outcome: { kind: 'timed-out', bytes: 0, heard: false },
  },
  {
    name: 'a lost block or ACK: repeated once, and progress starts the pauses anew',
    begin: { size: 1500 },
    first: 'data 1 (512)',
    lines: [
      [1000, 'timeout', 'data 1 (512)'],
      [2000, ack(1), 'data 2 (512)'],
      [3000, 'timeout', 'data 2 (512)'],
      [3100, ack(2), 'data 3 (476)'],
      [4099, 'timeout', ''],
      [4100, 'timeout', 'data 3 (476)'],
      [4200, ack(3), ''],
    ],
    outcome: { kind: 'done', bytes: 1500 },
  },
  {
    name: 'T10: the negotiated timeout holds and does not grow',
    begin: { size: 600, options: 'timeout=5' },
    first: 'oack timeout=5',
    lines: [
      [4999, 'timeout', ''],
      [5000, 'timeout', 'oack timeout=5'],
      [6000, ack(0), 'data 1 (512)'],
      [10999, 'timeout', ''],
      [11000, 'timeout', 'data 1 (512)'],
      [16000, 'timeout', 'data 1 (512)'],
      [21000, 'timeout', 'data 1 (512)'],
    ],
    outcome: undefined,
  },
  {
    name: 'the longest negotiated timeout: silence ends after 30 s all the same',
    begin: { size: 600, options: 'timeout=10' },
    first: 'oack timeout=10',
    lines: [
      [10000, 'timeout', 'oack timeout=10'],
      [20000, 'timeout', 'oack timeout=10'],
      [30000, 'timeout', ''],
    ],
    outcome: { kind: 'timed-out', bytes: 0, heard: false },
  },
  {
    name: 'the same after the first block',
    begin: { size: 6000, options: 'timeout=10' },
    first: 'oack timeout=10',
    lines: [
      [0, ack(0), 'data 1 (512)'],
      [5000, ack(1), 'data 2 (512)'],
      [15000, 'timeout', 'data 2 (512)'],
      [25000, 'timeout', 'data 2 (512)'],
      [34999, 'timeout', ''],
      [35000, 'timeout', ''],
    ],
    outcome: { kind: 'timed-out', bytes: 512, heard: true },
  },
  {
    name: 'a slow client may take longer than 30 s, if it goes on',
    begin: { size: 6000 },
    first: 'data 1 (512)',
    lines: [
      [20000, ack(1), 'data 2 (512)'],
      [40000, ack(2), 'data 3 (512)'],
      [40999, 'timeout', ''],
      [41000, 'timeout', 'data 3 (512)'],
      [60000, ack(3), 'data 4 (512)'],
    ],
    outcome: undefined,
  },
  {
    name: 'T32: no ACK for the last block: done, with a warning',
    begin: { size: 600 },
    first: 'data 1 (512)',
    lines: [
      [0, ack(1), 'data 2 (88)'],
      [1000, 'timeout', 'data 2 (88)'],
      [3000, 'timeout', 'data 2 (88)'],
      [7000, 'timeout', 'data 2 (88)'],
      [15000, 'timeout', 'data 2 (88)'],
      [23000, 'timeout', 'data 2 (88)'],
      [30000, 'timeout', ''],
    ],
    outcome: { kind: 'done', bytes: 600, warning: 'unconfirmed' },
  },
  {
    name: 'a client that was never heard did not get a small file',
    begin: { size: 6 },
    first: 'data 1 (6)',
    lines: [
      [1000, 'timeout', 'data 1 (6)'],
      [3000, 'timeout', 'data 1 (6)'],
      [7000, 'timeout', ''],
    ],
    outcome: { kind: 'timed-out', bytes: 0, heard: false },
  },
  {
    name: 'T19: the same request again: the first packet, but not within a second of the last',
    begin: { size: 600, options: 'tsize=0' },
    first: 'oack tsize=600',
    lines: [
      [300, 'same request', ''],
      [999, 'same request', ''],
      [1000, 'same request', 'oack tsize=600'],
      [1500, 'same request', ''],
      [2000, 'same request', 'oack tsize=600'],
      [3000, 'same request', ''],
      [4100, ack(0), 'data 1 (512)'],
      [9000, 'same request', ''],
    ],
    outcome: undefined,
  },
]

for (const row of CONVERSATIONS) {
  test(row.name, () => {
    const transfer = begin(row.begin)
    assert.equal(sent(transfer.step), row.first)
    converse(transfer, row.lines)
    assert.deepEqual(transfer.step.outcome, row.outcome)
    assert.equal(transfer.step.deadline === undefined, row.outcome !== undefined)
  })
}

test('each block holds its part of the file', () => {
  const file = content(20)
  const transfer = begin({ size: 20, options: 'blksize=8' })
  const blocks: number[] = []
  for (let block = 0; block < 3; block++)
    blocks.push(...(transfer.onPacket(ack(block), 1).send[0] ?? new Uint8Array()).subarray(4))
  assert.deepEqual(blocks, [...file])
})

test('an abandoned transfer failed, unless only its last ACK was missing', () => {
  const silent = begin({ size: 6 })
  assert.deepEqual(silent.abandon().outcome, { kind: 'timed-out', bytes: 0, heard: false })
  const nearlyDone = begin({ size: 600 })
  nearlyDone.onPacket(ack(1), 1)
  assert.deepEqual(nearlyDone.abandon().outcome, { kind: 'done', bytes: 600, warning: 'unconfirmed' })
  const done = begin({ size: 6 })
  done.onPacket(ack(1), 1)
  assert.deepEqual(done.abandon().outcome, { kind: 'done', bytes: 6 })
})

test('a silent client gets at most 50 octets for each of its own, UDP and IP headers counted', () => {
  const HEADERS = 28
  for (const options of ['', 'tsize=0', 'blksize=1468 tsize=0']) {
    const request = HEADERS + 2 + 'a\0octet\0'.length + (options === '' ? 0 : options.length + 1)
    const transfer = begin({ size: 100_000, options })
    let out = 0
    for (let now = 0; transfer.step.outcome === undefined; now = transfer.step.deadline ?? now) {
      if (now > 0) transfer.onTimeout(now)
      for (const datagram of transfer.step.send) out += HEADERS + datagram.length
      assert.ok(now <= MAX_SILENCE_MS, 'the transfer does not end')
    }
    assert.ok(out / request <= 50, `${options}: ${out} for ${request}`)
  }
})

test('T18: the block number wraps from 65535 to 0, and the file is whole', () => {
  const size = 8 * 65540 + 3
  const file = content(size)
  const transfer = begin({ size, options: 'blksize=8' })
  assert.equal(transfer.wrapsBlockNumber, true)
  const received = new Uint8Array(size)
  let step = transfer.onPacket(ack(0), 0)
  for (let block = 1; step.outcome === undefined; block++) {
    const [datagram, ...more] = step.send
    assert.ok(datagram)
    assert.equal(more.length, 0)
    const number = ((datagram[2] ?? 0) << 8) | (datagram[3] ?? 0)
    if (number !== block % 65536) assert.fail(`block ${block} has the number ${number}`)
    received.set(datagram.subarray(4), (block - 1) * 8)
    // The ACK of 65535 comes twice, and then the one of 0: neither is mistaken for another block's.
    if (block === 65536) assert.equal(sent(transfer.onPacket(ack(65535), block)), '')
    step = transfer.onPacket(ack(number), block)
  }
  assert.deepEqual(step.outcome, { kind: 'done', bytes: size })
  assert.ok(Buffer.from(received).equals(file))
})

test('a file of 65535 blocks does not wrap', () => {
  assert.equal(begin({ size: 8 * 65535 - 1, options: 'blksize=8' }).wrapsBlockNumber, false)
  assert.equal(begin({ size: 8 * 65535, options: 'blksize=8' }).wrapsBlockNumber, true)
})

test('T17: window 4, and a gap brings the rest of the window again', () => {
  const transfer = begin({ size: 8 * 8, options: 'blksize=8 windowsize=4' })
  converse(transfer, [
    [0, ack(0), 'data 1 (8), data 2 (8), data 3 (8), data 4 (8)'],
    [1, ack(2), 'data 3 (8), data 4 (8), data 5 (8), data 6 (8)'],
    [2, ack(6), 'data 7 (8), data 8 (8), data 9 (0)'],
    [1002, 'timeout', 'data 7 (8), data 8 (8), data 9 (0)'],
    [1003, ack(9), ''],
  ])
  assert.deepEqual(transfer.step.outcome, { kind: 'done', bytes: 64 })
})

test('window 4: the last ACK again means that the first block is missing, but not at once', () => {
  const transfer = begin({ size: 8 * 8, options: 'blksize=8 windowsize=4' })
  converse(transfer, [
    [0, ack(0), 'data 1 (8), data 2 (8), data 3 (8), data 4 (8)'],
    [1, ack(0), ''],
    [200, ack(0), 'data 1 (8), data 2 (8), data 3 (8), data 4 (8)'],
    [201, ack(0), ''],
    [202, ack(4), 'data 5 (8), data 6 (8), data 7 (8), data 8 (8)'],
  ])
})

test("the limits of repetition are the caller's, but for a client that never answered", () => {
  const terms = negotiate([], { size: 2000, maxBlksize: 1468, maxWindow: 16 })
  const sends = (limits: RetryLimits, hears: boolean): readonly number[] => {
    const transfer = new Transfer(content(2000), terms, 0, limits)
    if (hears) transfer.onPacket(ack(1), 0)
    const times = [0]
    for (let { deadline } = transfer.step; deadline !== undefined; { deadline } = transfer.step)
      if (transfer.onTimeout(deadline).send.length > 0) times.push(deadline)
    return times
  }
  assert.deepEqual(sends({ timeoutMs: 2000, sends: 3 }, true), [0, 2000, 6000])
  assert.deepEqual(sends({ timeoutMs: 1000, sends: 1 }, true), [0])
  assert.equal(sends({ timeoutMs: 1000, sends: 20 }, false).length, MAX_FIRST_SENDS)
  assert.equal(sends({ timeoutMs: 1000, sends: 2 }, false).length, 2)
})
