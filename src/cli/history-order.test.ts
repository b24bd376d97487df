import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BootLine, BootLineKind } from '../model/intent.ts'
import { inOrder } from './history-order.ts'

function line(what: BootLineKind, time: number, nonce?: string): BootLine {
  return { time, node: 'web-01', what, detail: what, ...(nonce === undefined ? {} : { nonce }) }
}

/** A boot that nobody asked for. */
function boot(nonce: string, openedAt: number) {
  return { attempt: { nonce, openedAt }, line: `boot ${nonce}` }
}

function told(
  lines: readonly BootLine[],
  boots: readonly ReturnType<typeof boot>[],
  attempts: string,
): string {
  const all = inOrder(
    lines,
    boots,
    attempts.split('').map((nonce) => ({ nonce })),
  )
  return all.map((one) => (typeof one === 'string' ? one : `${one.what} ${one.time}`)).join(', ')
}

test('boots have their place among the lines by the clock', () => {
  const lines = [line('asked', 5), line('opened', 10, 'b'), line('started', 12, 'b'), line('done', 20, 'b')]
  assert.equal(
    told(lines, [boot('a', 4), boot('c', 15), boot('d', 30)], 'abcd'),
    'boot a, asked 5, opened 10, started 12, boot c, done 20, boot d',
  )
})

test('lines stay in their order, and boots on their side of an attempt, when the clock was set back', () => {
  const lines = [
    ...[line('asked', 900), line('opened', 901, 'b'), line('redeemed', 902, 'b')],
    ...[line('asked', 10), line('opened', 11, 'd'), line('redeemed', 12, 'd')],
  ]
  assert.equal(
    told(lines, [boot('a', 899), boot('c', 950), boot('e', 13)], 'abcde'),
    'boot a, asked 900, opened 901, redeemed 902, asked 10, boot c, opened 11, redeemed 12, boot e',
  )
  assert.equal(
    told(lines, [boot('c', 5), boot('e', 1)], 'bcde'),
    'asked 900, opened 901, boot c, redeemed 902, asked 10, opened 11, boot e, redeemed 12',
  )
})

test('without boots the lines are as they are', () => {
  assert.equal(told([line('asked', 2), line('released', 1)], [], ''), 'asked 2, released 1')
})

test('a long history is walked a fixed number of times', () => {
  let reads = 0
  const lines = Array.from({ length: 3000 }, (_, time): BootLine => {
    const { what, ...rest } = line('asked', time)
    return {
      ...rest,
      get what() {
        reads += 1
        return what
      },
    }
  })
  assert.equal(inOrder(lines, [], []).length, 3000)
  assert.ok(reads <= 4 * 3000, `${reads} reads of 3000 lines`)
})
