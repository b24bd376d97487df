import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryStore } from '../../test/helpers/memory.ts'
import { NODE01, NOW } from '../../test/helpers/world.ts'
import type { BootAttempt } from '../model/ports.ts'
import { type AttemptRequest, BootAttempts } from './attempts.ts'

async function opened(attempts: BootAttempts, request: AttemptRequest): Promise<BootAttempt> {
  const attempt = attempts.draft(request)
  await attempts.open(attempt)
  return attempt
}

const ASK = { mac: NODE01, address: '10.77.0.11', profile: 'worker', image: 'debian-live', now: NOW } as const

function attempts(
  store: MemoryStore,
  known: ConstructorParameters<typeof BootAttempts>[2] = [],
): BootAttempts {
  let count = 0
  const newNonce = (): string => {
    count += 1
    return `nonce${count}`
  }
  return new BootAttempts(store, newNonce, known)
}

test('a script asked for again belongs to the same try; another address, image or ten minutes make a new one', async () => {
  const store = new MemoryStore()
  const open = attempts(store)
  const nonce = async (
    changes: Partial<typeof ASK> | { now: number } | { address: string } | { image: string },
  ) => (await opened(open, { ...ASK, ...changes })).nonce
  assert.equal(await nonce({}), 'nonce1')
  assert.equal(await nonce({ now: NOW + 599_999 }), 'nonce1')
  assert.equal(await nonce({ now: NOW + 600_000 }), 'nonce2')
  assert.equal(await nonce({ now: NOW + 600_001, address: '10.77.0.12' }), 'nonce3')
  assert.equal(await nonce({ now: NOW + 600_002, address: '10.77.0.12', image: 'other' }), 'nonce4')
  assert.equal(
    await nonce({ now: NOW, address: '10.77.0.12', image: 'other' }),
    'nonce5',
    'the clock went back',
  )
  assert.deepEqual(
    store.attempts.map((attempt) => attempt.nonce),
    ['nonce1', 'nonce2', 'nonce3', 'nonce4', 'nonce5'],
  )
  assert.equal(open.of(NODE01)?.nonce, 'nonce5')
})

test('an attempt that cannot be written is forgotten, and the next script tries again', async () => {
  const store = new MemoryStore()
  const open = attempts(store)
  store.disk = () => Promise.reject(new Error('disk full'))
  await assert.rejects(opened(open, ASK), /disk full/)
  assert.equal(open.of(NODE01), undefined)
  store.disk = () => Promise.resolve()
  assert.equal((await opened(open, ASK)).nonce, 'nonce2')
  assert.deepEqual(
    store.attempts.map((attempt) => attempt.nonce),
    ['nonce2'],
  )
})

test('a second script of the same try waits for the disk as well', async () => {
  const store = new MemoryStore()
  const open = attempts(store)
  const gate = Promise.withResolvers<void>()
  store.disk = () => gate.promise
  const first = opened(open, ASK)
  let second = false
  const again = opened(open, ASK).then(() => {
    second = true
  })
  for (let i = 0; i < 10; i += 1) await Promise.resolve()
  assert.equal(second, false)
  gate.resolve()
  await Promise.all([first, again])
  assert.equal(store.attempts.length, 1)
})

test('the newest known attempt of a machine is open after a restart, also when the clock was set back since', () => {
  const known = { ...ASK, openedAt: NOW }
  const open = attempts(new MemoryStore(), [
    { ...known, nonce: 'old' },
    { ...known, nonce: 'new', openedAt: NOW - 1e12 },
  ])
  assert.equal(open.of(NODE01)?.nonce, 'new')
})
