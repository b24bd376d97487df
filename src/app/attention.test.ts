import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mac, NOW, STRANGER } from '../../test/helpers/world.ts'
import { Attention } from './attention.ts'

const NETWORK = 'provisioning'

function stranger(n: number): ReturnType<typeof mac> {
  const hex = [n >>> 16, n >>> 8, n].map((part) => (part & 255).toString(16).padStart(2, '0'))
  return mac(`02:00:00:${hex.join(':')}`)
}

/** Events told of so many, at so many a second. */
function told(
  count: number,
  perSecond: number,
  who: (n: number) => Parameters<Attention['note']>[0],
): number[] {
  const attention = new Attention()
  return Array.from({ length: count }, (_, n) => attention.note(who(n), NOW + (n * 1000) / perSecond)).filter(
    (n) => n > 0,
  )
}

test('O06: one client that asks fifty times a second is told of, and then now and then', () => {
  const lines = told(5000, 50, () => ({ who: STRANGER, network: NETWORK, isKnown: true }))
  assert.equal(lines.length, 30 + 9)
  assert.ok((lines[30] ?? 0) > 450, 'with the number of those not told')
})

test('a hundred thousand MAC addresses: a few lines a second, that count the others', () => {
  const lines = told(100_000, 5000, (n) => ({ who: stranger(n), network: NETWORK, isKnown: false }))
  assert.ok(lines.length <= 300 + 20 * 4, `${lines.length}`)
  assert.ok(lines.reduce((sum, n) => sum + n, 0) > 95_000)
})

test('meanwhile every event of machines that are known, and of other networks, is told', () => {
  const attention = new Attention()
  for (let n = 0; n < 5000; n += 1)
    attention.note({ who: stranger(n), network: NETWORK, isKnown: false }, NOW)
  for (let n = 5000; n < 7000; n += 1)
    assert.ok(attention.note({ who: stranger(n), network: NETWORK, isKnown: true }, NOW) > 0)
  assert.equal(attention.note({ who: STRANGER, network: 'other', isKnown: false }, NOW), 1)
})
