import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lease } from '../../test/helpers/state.ts'
import { ip, mac, pool } from '../../test/helpers/world.ts'
import { LeaseTable } from './lease-table.ts'

const A = '02:00:00:00:00:0a'
const B = '02:00:00:00:00:0b'
const POOL = pool('10.0.0.10-10.0.0.11')
const FREE = { now: 2_000_000, taken: () => false, offeredBefore: -Infinity }

test('an address has one lease, the newest', () => {
  const table = new LeaseTable([lease('10.0.0.5', A), lease('10.0.0.5', B)])
  assert.equal(table.ofAddress('lab', ip('10.0.0.5'))?.mac, B)
  assert.deepEqual(table.ofClient('lab', mac(A)), [])
  assert.equal([...table.all()].length, 1)
})

test('the leases of a client come newest first, one network apart from the other', () => {
  const [first, second] = [lease('10.0.0.5', A), lease('10.0.0.6', A)]
  const table = new LeaseTable([first, second, lease('10.0.0.7', A, { network: 'other' })])
  assert.deepEqual(table.ofClient('lab', mac(A)), [second, first])
  assert.equal(table.ofAddress('lab', ip('10.0.0.7')), undefined)
  assert.equal(table.ofAddress('nowhere', ip('10.0.0.5')), undefined)
})

test('restore undoes a put, unless the address changed hands since', () => {
  const [before, put, later] = [lease('10.0.0.5', A), lease('10.0.0.5', B), lease('10.0.0.5', A)]
  const table = new LeaseTable([before])
  table.put(put)
  table.restore(put, before)
  assert.equal(table.ofAddress('lab', before.address), before)
  table.put(put)
  table.put(later)
  table.restore(put, before)
  assert.equal(table.ofAddress('lab', before.address), later)
  table.restore(later, undefined)
  assert.equal(table.ofAddress('lab', before.address), undefined)
  assert.deepEqual(table.ofClient('lab', mac(A)), [])
})

test('unused addresses are handed out in turn, so that a held one is not asked about at once', () => {
  const table = new LeaseTable()
  assert.equal(table.pickFree('lab', POOL, FREE), ip('10.0.0.10'))
  assert.equal(table.pickFree('lab', POOL, FREE), ip('10.0.0.11'))
  assert.equal(table.pickFree('lab', POOL, FREE), ip('10.0.0.10'))
})

test('several ranges are one pool; what is taken is left out', () => {
  const table = new LeaseTable()
  const pools = [...pool('10.0.0.10'), ...pool('10.0.0.20')]
  const taken = (address: number): boolean => address === ip('10.0.0.10')
  assert.equal(table.pickFree('lab', pools, { ...FREE, taken }), ip('10.0.0.20'))
  assert.equal(table.pickFree('lab', [], FREE), undefined)
})

test('of used addresses the one whose lease ended longest ago; none while all are active', () => {
  const table = new LeaseTable([
    lease('10.0.0.10', A, { expiresAt: 1_900_000 }),
    lease('10.0.0.11', B, { state: 'released', expiresAt: 1_800_000 }),
  ])
  assert.equal(table.pickFree('lab', POOL, FREE), ip('10.0.0.11'))
  table.put(lease('10.0.0.11', B, { expiresAt: 2_000_001 }))
  assert.equal(table.pickFree('lab', POOL, FREE), ip('10.0.0.10'))
  table.put(lease('10.0.0.10', A, { state: 'declined', expiresAt: 2_000_001 }))
  assert.equal(table.pickFree('lab', POOL, FREE), undefined)
})
