import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closeAll } from './close-all.ts'

test('what was opened last is closed first, and one that fails stops none of the others', async () => {
  const closed: string[] = []
  const told: unknown[] = []
  const refused = new Error('refused')
  const thrown = new Error('thrown')
  await closeAll(
    [
      async () => void closed.push('store'),
      () => Promise.reject(refused),
      () => {
        throw thrown
      },
      async () => void closed.push('networks'),
    ],
    (error) => told.push(error),
  )
  assert.deepEqual(closed, ['networks', 'store'])
  assert.deepEqual(told, [thrown, refused])
})
