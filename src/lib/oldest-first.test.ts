import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OldestFirst } from './oldest-first.ts'

test('the entries come in the order in which they were set last', () => {
  const map = new OldestFirst<string, number>()
  for (const [key, value] of Object.entries({ a: 1, b: 2, c: 3, d: 4 })) map.set(key, value)
  map.set('a', 5)
  map.delete('c')
  map.delete('nobody')
  assert.deepEqual(
    [...map],
    [
      ['b', 2],
      ['d', 4],
      ['a', 5],
    ],
  )
  assert.equal(map.get('a'), 5)
  assert.equal(map.get('c'), undefined)
  map.trim(1)
  assert.deepEqual([...map], [['a', 5]])
  assert.equal(map.size, 1)
  map.trim(0)
  map.set('e', 6)
  assert.deepEqual([...map], [['e', 6]])
})

test('an entry may go while it is looked at', () => {
  const map = new OldestFirst<number, number>()
  for (let n = 0; n < 10; n += 1) map.set(n, n)
  for (const [key] of map) if (key % 2 === 0) map.delete(key)
  assert.deepEqual(
    [...map].map(([key]) => key),
    [1, 3, 5, 7, 9],
  )
})
