import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { TransferSlots } from './transfer-slots.ts'

const STAYS = new Promise<void>(() => {})
const settle = (): Promise<void> => new Promise(setImmediate)

test('who comes first goes first; more than may wait are refused', async () => {
  const slots = new TransferSlots(() => ({ transfers: 2, waiting: 3 }))
  const told: string[] = []
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f'])
    void slots.enter(STAYS).then((mayGo) => told.push(`${name} ${mayGo}`))
  await settle()
  assert.deepEqual(told, ['a true', 'b true', 'f false'])
  assert.deepEqual(slots.figures, { taken: 2, waiting: 3, refused: 1 })
  slots.leave()
  await settle()
  slots.leave()
  await settle()
  assert.deepEqual(told.slice(3), ['c true', 'd true'])
  for (let i = 0; i < 3; i += 1) slots.leave()
  await settle()
  assert.deepEqual(slots.figures, { taken: 0, waiting: 0, refused: 1 })
})

test('a client that left loses its place; one that waited for long is refused', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const slots = new TransferSlots(() => ({ transfers: 1, waiting: 3 }))
    assert.equal(await slots.enter(STAYS), true)
    const gone = slots.enter(Promise.resolve())
    assert.equal(await gone, false)
    const late = slots.enter(STAYS)
    mock.timers.tick(10_000)
    assert.equal(await late, false)
    assert.deepEqual(slots.figures, { taken: 1, waiting: 0, refused: 2 })
  } finally {
    mock.timers.reset()
  }
})
