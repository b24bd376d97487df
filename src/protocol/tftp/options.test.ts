import assert from 'node:assert/strict'
import { test } from 'node:test'
import { negotiate, requestedBlksize } from './options.ts'
import type { TftpOption } from './packet.ts'

/** `blksize=512 tsize=0`; a value may be empty. */
function options(text: string): readonly TftpOption[] {
  return text
    .split(' ')
    .filter((pair) => pair !== '')
    .map((pair) => ({ name: pair.split('=')[0] ?? '', value: pair.split('=')[1] ?? '' }))
}

function text(list: readonly TftpOption[]): string {
  return list.map((option) => `${option.name}=${option.value}`).join(' ')
}

const LIMITS = { size: 1034752, maxBlksize: 1468, maxWindow: 16 }

const ROWS: readonly {
  name: string
  asked: string
  oack: string
  blksize?: number
  timeoutMs?: number
  window?: number
}[] = [
  { name: 'T04: nothing asked', asked: '', oack: '', blksize: 512 },
  { name: 'T07: blksize above our maximum', asked: 'blksize=65464', oack: 'blksize=1468', blksize: 1468 },
  { name: 'T08: blksize 400', asked: 'blksize=400', oack: 'blksize=400', blksize: 400 },
  { name: 'the smallest blksize', asked: 'blksize=8', oack: 'blksize=8', blksize: 8 },
  { name: 'T09: blksize 7', asked: 'blksize=7', oack: '' },
  { name: 'T09: blksize abc', asked: 'blksize=abc', oack: '' },
  { name: 'T09: blksize -1', asked: 'blksize=-1', oack: '' },
  { name: 'blksize 65465', asked: 'blksize=65465', oack: '' },
  { name: 'blksize 1e3', asked: 'blksize=1e3', oack: '' },
  { name: 'blksize 0x200', asked: 'blksize=0x200', oack: '' },
  { name: 'blksize 0512', asked: 'blksize=0512', oack: '' },
  { name: 'blksize without a value', asked: 'blksize=', oack: '' },
  { name: 'tsize', asked: 'tsize=0', oack: 'tsize=1034752' },
  { name: 'tsize -1', asked: 'tsize=-1', oack: '' },
  { name: 'T10: timeout 5', asked: 'timeout=5', oack: 'timeout=5', timeoutMs: 5000 },
  { name: 'timeout 10', asked: 'timeout=10', oack: 'timeout=10', timeoutMs: 10_000 },
  { name: 'timeout beyond what we hold a socket for', asked: 'timeout=11', oack: '' },
  { name: 'timeout 0', asked: 'timeout=0', oack: '' },
  { name: 'timeout 256', asked: 'timeout=256', oack: '' },
  { name: 'T11: windowsize above our maximum', asked: 'windowsize=65535', oack: 'windowsize=16', window: 16 },
  { name: 'windowsize 4', asked: 'windowsize=4', oack: 'windowsize=4', window: 4 },
  { name: 'windowsize 0', asked: 'windowsize=0', oack: '' },
  { name: 'windowsize 65536', asked: 'windowsize=65536', oack: '' },
  { name: 'T12: an unknown option', asked: 'foo=1', oack: '' },
  { name: 'tftp-hpa and multicast options', asked: 'utimeout=1 rollover=0 multicast= blksize2=8', oack: '' },
  { name: 'the first of two', asked: 'blksize=600 blksize=700', oack: 'blksize=600', blksize: 600 },
  { name: 'the first of two, though it is refused', asked: 'blksize=7 blksize=700', oack: '' },
  {
    name: 'EDK2 probe',
    asked: 'tsize=0 blksize=1468 windowsize=4',
    oack: 'tsize=1034752 blksize=1468 windowsize=4',
    blksize: 1468,
    window: 4,
  },
  { name: 'iPXE', asked: 'blksize=1432 tsize=0', oack: 'blksize=1432 tsize=1034752', blksize: 1432 },
  {
    name: 'U-Boot',
    asked: 'timeout=5 tsize=0 blksize=1468',
    oack: 'timeout=5 tsize=1034752 blksize=1468',
    blksize: 1468,
    timeoutMs: 5000,
  },
]

for (const row of ROWS) {
  test(`${row.name}: "${row.asked}" -> "${row.oack}"`, () => {
    const { oack, ...terms } = negotiate(options(row.asked), LIMITS)
    assert.equal(text(oack), row.oack)
    const timeout = row.timeoutMs === undefined ? {} : { timeoutMs: row.timeoutMs }
    assert.deepEqual(terms, { blksize: row.blksize ?? 512, window: row.window ?? 1, ...timeout })
  })
}

test('T05: the size of an empty file is sent', () => {
  assert.equal(
    text(negotiate(options('tsize=0'), { size: 0, maxBlksize: 1468, maxWindow: 16 }).oack),
    'tsize=0',
  )
})

test('a maximum that is no block size throws', () => {
  for (const maxBlksize of [0, 7, 65465, Number.NaN])
    assert.throws(() => negotiate([], { size: 0, maxBlksize, maxWindow: 16 }), RangeError)
})

test('requestedBlksize', () => {
  assert.equal(requestedBlksize(options('tsize=0 blksize=65464')), 65464)
  assert.equal(requestedBlksize(options('blksize=7')), undefined)
  assert.equal(requestedBlksize(options('tsize=0')), undefined)
})
