import assert from 'node:assert/strict'
import { test } from 'node:test'
import { remember, rememberOf } from './remember.ts'

test('a result is made once, and again when too many others came between', () => {
  let made = 0
  const length = remember((key) => {
    made += 1
    return key.length
  }, 2)
  assert.deepEqual(['a', 'bb', 'a', 'bb'].map(length), [1, 2, 1, 2])
  assert.equal(made, 2)
  assert.deepEqual(['ccc', 'bb', 'a'].map(length), [3, 2, 1])
  assert.equal(made, 4)
})

test('a result of an object is made once for each, also one that is undefined', () => {
  let made = 0
  const nameOf = rememberOf(({ name }: { readonly name?: string }) => {
    made += 1
    return name
  })
  const [a, none] = [{ name: 'a' }, {}]
  assert.deepEqual([a, none, a, none, { name: 'a' }].map(nameOf), ['a', undefined, 'a', undefined, 'a'])
  assert.equal(made, 3)
})
