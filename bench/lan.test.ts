import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientMac, fillTemplate, LARGE_POOL, POOL, poolSize, reservedNodes, seededLeases } from './lan.ts'

test('seeded leases are spread over the whole pool, each address once', () => {
  const leases = seededLeases(100_000, LARGE_POOL)
  assert.equal(new Set(leases.map(({ address }) => address)).size, 100_000)
  assert.equal(new Set(leases.map(({ mac }) => mac)).size, 100_000)
  assert.equal(leases[0]?.address, LARGE_POOL.first)
  assert.match(leases.at(-1)?.address ?? '', /^10\.21\.255\./)
})

test('a pool counts both its ends', () => {
  assert.equal(poolSize(POOL), 65_535)
})

test('reserved addresses lie below the pool', () => {
  assert.deepEqual(reservedNodes(100_000).at(-1), { mac: '02:de:00:01:86:9f', address: '10.18.134.159' })
})

test('clients have MAC addresses of their own', () => {
  assert.equal(clientMac(256), '02:c0:00:00:01:00')
})

test('every mark of a template must have a value', () => {
  assert.equal(fillTemplate('pool @FIRST@-@LAST@', { FIRST: 'a', LAST: 'b' }), 'pool a-b')
  assert.throws(() => fillTemplate('@NOTHING@', {}), /NOTHING/)
})
