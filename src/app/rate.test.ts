import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RateLimit } from './rate.ts'

const limit = (): RateLimit => new RateLimit({ burst: 3, perSecond: 2, most: 2 })

test('a burst, then so many a second, each sender apart', () => {
  const rate = limit()
  assert.deepEqual(
    [0, 0, 0, 0].map((at) => rate.take('a', at)),
    [true, true, true, false],
  )
  assert.equal(rate.take('b', 0), true)
  assert.deepEqual(
    [499, 500, 500].map((at) => rate.take('a', at)),
    [false, true, false],
  )
  assert.deepEqual(
    [9999, 9999, 9999, 9999].map((at) => rate.take('a', at)),
    [true, true, true, false],
    'no more than the burst',
  )
})

test('a clock that goes back grants nothing', () => {
  const rate = limit()
  for (let i = 0; i < 3; i += 1) rate.take('a', 1000)
  assert.equal(rate.take('a', 0), false)
  assert.equal(rate.take('a', 499), false)
  assert.equal(rate.take('a', 500), true, 'and takes nothing away')
})

test('the sender not heard for longest is forgotten', () => {
  const rate = limit()
  for (let i = 0; i < 3; i += 1) rate.take('a', 0)
  rate.take('b', 0)
  rate.take('c', 0)
  assert.equal(rate.take('a', 0), true, 'a was forgotten')
})
