import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  cleanRate,
  cpuPerExchange,
  dropShare,
  isClientLimited,
  isExhausted,
  median,
  percentile,
} from './statistics.ts'

const step = (rate: number, completed: number, started = rate * 4) => ({
  rate,
  seconds: 4,
  started,
  completed,
  cpuSeconds: 2,
})

test('the median is the middle, or the mean of the two in the middle', () => {
  assert.equal(median([3, 1, 2]), 2)
  assert.equal(median([10, 2, 4, 3]), 3.5)
  assert.equal(median([]), undefined)
})

test('an exchange that began and got no ACK is a drop', () => {
  assert.equal(dropShare(step(100, 390)), 1 - 390 / 400)
  assert.equal(dropShare(step(100, 0, 0)), 1)
})

test('the clean rate is the highest step under 2.5 % drops, also above a bad one', () => {
  assert.equal(cleanRate([step(100, 400), step(200, 700), step(300, 1190), step(400, 1500)]), 300)
  assert.equal(cleanRate([step(100, 390)]), 0)
  assert.equal(cleanRate([]), 0)
})

test('a step that the client could not send is not clean', () => {
  const slow = step(1000, 3700, 3700)
  assert.equal(isClientLimited(slow), true)
  assert.equal(cleanRate([slow]), 0)
  assert.equal(isClientLimited(step(1000, 4000, 3999)), false)
})

test('the ladder ends after two dirty steps in a row', () => {
  assert.equal(isExhausted([step(100, 400), step(200, 100)]), false)
  assert.equal(isExhausted([step(100, 400), step(200, 100), step(300, 100)]), true)
  assert.equal(isExhausted([step(200, 100), step(300, 1200), step(400, 100)]), false)
})

test('CPU is counted for completed exchanges alone', () => {
  assert.equal(cpuPerExchange(step(100, 400)), 5000)
  assert.equal(cpuPerExchange(step(100, 0)), undefined)
})

test('a percentile is the nearest value at or above its rank', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i)
  assert.deepEqual(
    [0, 0.5, 0.99, 1].map((share) => percentile(hundred, share)),
    [1, 50, 99, 100],
  )
  assert.equal(percentile([7], 0.99), 7)
  assert.equal(percentile([], 0.5), undefined)
})
