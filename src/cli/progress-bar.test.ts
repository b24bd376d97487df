import assert from 'node:assert/strict'
import { test } from 'node:test'
import { progressLine } from './progress-bar.ts'

test('a bar, how much of how much, the rate and the time that is left', () => {
  assert.equal(
    progressLine({ name: 'vmlinuz', done: 25_000_000, total: 100_000_000 }, 30_000_000, 120),
    'vmlinuz  [======                  ]  25 %  25.0 MB of 100.0 MB  30.0 MB/s  3 s left',
  )
  assert.equal(
    progressLine({ name: 'k', done: 10, total: 10 }, 0, 120),
    'k  [========================] 100 %  10 B of 10 B',
  )
})

test('without a known end; never as wide as the terminal', () => {
  assert.equal(progressLine({ name: 'k', done: 1500 }, 1000, 120), 'k  1.5 kB  1.0 kB/s')
  assert.equal(progressLine({ name: 'k'.repeat(100), done: 1, total: 2 }, 0, 40).length, 39)
  assert.equal(progressLine({ name: 'k', done: 1 }, 0, 0), '')
})
