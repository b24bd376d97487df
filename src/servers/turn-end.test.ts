import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atTurnEnd } from './turn-end.ts'

test('what leaves at the end of a turn leaves in order, after all that the turn does, each once', async () => {
  const done: string[] = []
  const think = (name: string) => {
    done.push(`thinks ${name}`)
    atTurnEnd(() => {
      done.push(`leaves ${name}`)
      if (name === 'a') atTurnEnd(() => done.push('leaves later'))
    })
  }
  think('a')
  await Promise.resolve()
  think('b')
  assert.deepEqual(done, ['thinks a', 'thinks b'])
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(done.slice(2), ['leaves a', 'leaves b'])
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(done.slice(4), ['leaves later'])
})
