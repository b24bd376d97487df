import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { TransferSlots } from './transfer-slots.ts'

const STAYS = new Promise<void>(() => {})
const settle = (): Promise<void> => new Promise(setImmediate)

test('who comes first goes first; more than may wait are refused', async () => {
  const slots = new TransferSlots(() => ({ transfers: 2, waiting: 3 }))
  const told: string[] = []
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f'])
    void slots.enter(name, STAYS).then((mayGo) => told.push(`${name} ${mayGo}`))
  await settle()
  assert.deepEqual(told, ['a true', 'b true', 'f false'])
  assert.deepEqual(slots.figures, { taken: 2, waiting: 3, refused: 1 })
  slots.leave('a')
  await settle()
  slots.leave('b')
  await settle()
  assert.deepEqual(told.slice(3), ['c true', 'd true'])
  for (const name of ['c', 'd', 'e']) slots.leave(name)
  await settle()
  assert.deepEqual(slots.figures, { taken: 0, waiting: 0, refused: 1 })
})

test('a client that left loses its place; one that waited for long is refused', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const slots = new TransferSlots(() => ({ transfers: 1, waiting: 3 }))
    assert.equal(await slots.enter('a', STAYS), true)
    const gone = slots.enter('b', Promise.resolve())
    assert.equal(await gone, false)
    const late = slots.enter('c', STAYS)
    mock.timers.tick(10_000)
    assert.equal(await late, false)
    assert.deepEqual(slots.figures, { taken: 1, waiting: 0, refused: 2 })
  } finally {
    mock.timers.reset()
  }
})

test('R-13: one client gets half of all, and beyond that not more than a sixteenth: the others are not kept out', async () => {
  const slots = new TransferSlots(() => ({ transfers: 64, waiting: 8 }))
  const got = async (client: string, count: number): Promise<number> => {
    let begun = 0
    for (let i = 0; i < count; i += 1) if (await slots.enter(client, STAYS)) begun += 1
    return begun
  }
  assert.equal(await got('greedy', 100), 33)
  assert.equal(slots.isScarce, true)
  assert.deepEqual([await got('other', 1), await got('room', 10)], [1, 4])
  for (let i = 0; i < 33; i += 1) slots.leave('greedy')
  assert.equal(await got('greedy', 1), 1)
})
