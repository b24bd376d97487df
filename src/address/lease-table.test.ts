import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lease } from '../../test/helpers/state.ts'
import { ip, mac, network, pool } from '../../test/helpers/world.ts'
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
  const [before, put] = [lease('10.0.0.5', A), lease('10.0.0.5', B)]
  const later = lease('10.0.0.5', B, { expiresAt: 4_700_000 })
  const table = new LeaseTable([before])
  table.put(put)
  table.restore(put, before)
  assert.deepEqual(table.ofAddress('lab', before.address), before)
  table.put(put)
  table.put(later)
  table.restore(put, before)
  assert.deepEqual(table.ofAddress('lab', before.address), later)
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

test('a lease that ended outside the pool is free as soon as the pool has its address', () => {
  const table = new LeaseTable([
    lease('10.0.0.10', A, { expiresAt: 5_000_000 }),
    lease('10.0.0.11', A, { expiresAt: 5_000_000 }),
    lease('10.0.0.12', B, { expiresAt: 1_800_000 }),
  ])
  assert.equal(table.pickFree('lab', POOL, FREE), undefined)
  assert.equal(table.pickFree('lab', pool('10.0.0.10-10.0.0.12'), FREE), ip('10.0.0.12'))
})

test('a pool that is full, or nearly, is not searched for every client', () => {
  const pools = pool('10.0.0.0-10.0.39.255')
  const table = new LeaseTable()
  let looks = 0
  const taken = (): boolean => {
    looks += 1
    return false
  }
  const lookedAt = (now: number): number => {
    const before = looks
    const address = table.pickFree('lab', pools, { now, taken, offeredBefore: now - 10 })
    if (address !== undefined)
      table.put(lease('0.0.0.0', A, { address, state: 'offered', startedAt: now, expiresAt: now + 60 }))
    return looks - before
  }
  for (let n = 0; n < 10_240; n += 1) assert.equal(lookedAt(0), 1)
  // All are held; then one after another goes to the next client.
  assert.equal(lookedAt(5), 0)
  for (let n = 0; n < 100; n += 1) assert.equal(lookedAt(20), 1)
  const given = table.ofAddress('lab', ip('10.0.5.5'))
  assert.ok(given)
  table.restore(given, undefined)
  assert.ok(lookedAt(20) <= 1)
  assert.ok(table.ofAddress('lab', given.address))
})

test('leases go to the network whose subnet has their address; offers are let go; where none has it, they stay', () => {
  const [bound, declined] = [lease('10.0.0.5', A), lease('10.0.0.6', B, { state: 'declined' })]
  const elsewhere = lease('192.0.2.9', A)
  const table = new LeaseTable([bound, declined, lease('10.0.0.7', B, { state: 'offered' }), elsewhere])
  assert.deepEqual(table.settle([network('10.0.0.0/24', { name: 'lab' })]), { gone: [], leases: [] })
  const moved = [bound, declined].map((one) => ({ ...one, network: 'renamed' }))
  const settled = table.settle([network('10.0.0.0/24', { name: 'renamed' })])
  assert.deepEqual(settled, { gone: [bound, declined], leases: moved })
  assert.deepEqual([...table.all()], [elsewhere, ...moved])
  assert.deepEqual(table.settle([network('10.0.0.0/24', { name: 'renamed' })]), { gone: [], leases: [] })
})

test('two networks that exchange their subnets exchange their leases', () => {
  const other = lease('10.1.0.5', A, { network: 'other' })
  const table = new LeaseTable([lease('10.0.0.5', A), other])
  table.settle([network('10.1.0.0/24', { name: 'lab' }), network('10.0.0.0/24', { name: 'other' })])
  assert.deepEqual(table.ofClient('lab', mac(A)), [{ ...other, network: 'lab' }])
  assert.deepEqual(table.ofClient('other', mac(A)), [{ ...lease('10.0.0.5', A), network: 'other' }])
})

test('an address that was given under both names is kept by the lease that ends last, a client by its newest', () => {
  const later = { network: 'renamed', startedAt: 2_000_000, expiresAt: 5_600_000 }
  const table = new LeaseTable([
    lease('10.0.0.5', A, { expiresAt: 9_000_000 }),
    lease('10.0.0.6', A, { network: 'older', startedAt: 900_000 }),
    lease('10.0.0.7', B),
    lease('10.0.0.5', B, later),
    lease('10.0.0.7', A, later),
  ])
  const { gone, leases } = table.settle([network('10.0.0.0/24', { name: 'renamed' })])
  assert.equal(gone.length, 3)
  const left = [...table.all()].map((one) => [
    one.address & 255,
    one.mac,
    one.network,
    one.state,
    one.expiresAt,
  ])
  assert.deepEqual(
    left.sort((a, b) => Number(a[0]) - Number(b[0])),
    [
      [5, A, 'renamed', 'released', 2_000_000],
      [6, A, 'renamed', 'released', 2_000_000],
      [7, A, 'renamed', 'bound', 5_600_000],
    ],
  )
  const onDisk = leases.map((one) => one.address & 255)
  assert.deepEqual(
    onDisk.sort((a, b) => a - b),
    [5, 6],
  )
})
