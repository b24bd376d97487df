import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SharedLook } from './shared-look.ts'

test('who comes while a look runs shares the next one, which begins after they asked', async () => {
  const shared = new SharedLook()
  const looks: PromiseWithResolvers<void>[] = []
  const look = (): Promise<void> => {
    const one = Promise.withResolvers<void>()
    looks.push(one)
    return one.promise
  }
  let late = 0
  const first = shared.take(look)
  const others = [1, 2, 3].map(() =>
    shared.take(look).then(() => {
      late += 1
    }),
  )
  assert.equal(looks.length, 1)
  looks[0]?.resolve()
  await first
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([looks.length, late], [2, 0])
  looks[1]?.resolve()
  await Promise.all(others)
  assert.deepEqual([looks.length, late], [2, 3])
})

test('a look that fails is a failure of those who asked for it, and not of the next', async () => {
  const shared = new SharedLook()
  let fails = true
  const look = async (): Promise<void> => {
    if (fails) {
      fails = false
      throw new Error('unreadable')
    }
  }
  const first = shared.take(look)
  const second = shared.take(look)
  await assert.rejects(first, /unreadable/)
  await second
})

test('whoever joins waits for the look that runs, and begins one where none does', async () => {
  const shared = new SharedLook()
  const looks: PromiseWithResolvers<void>[] = []
  const look = (): Promise<void> => {
    const one = Promise.withResolvers<void>()
    looks.push(one)
    return one.promise
  }
  const both = [shared.join(look), shared.join(look)]
  assert.equal(looks.length, 1)
  looks[0]?.resolve()
  await Promise.all(both)
  const next = shared.join(look)
  assert.equal(looks.length, 2)
  looks[1]?.resolve()
  await next
})

for (const how of ['take', 'join'] as const)
  test(`whoever asks between the end of a look and the beginning of the next shares the next: ${how}`, async () => {
    const shared = new SharedLook()
    const looks: PromiseWithResolvers<void>[] = []
    const look = (): Promise<void> => {
      const one = Promise.withResolvers<void>()
      looks.push(one)
      return one.promise
    }
    let late: Promise<void> | undefined
    const first = shared.take(look)
    const asked = first.then(() => {
      late = shared[how](look)
    })
    const second = shared.take(look)
    looks[0]?.resolve()
    await asked
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(looks.length, 2)
    looks[1]?.resolve()
    await Promise.all([second, late])
    assert.equal(looks.length, 2)
  })
