import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip, mac } from '../../test/helpers/world.ts'
import { formatIpv4, ipv4FromU32 } from '../lib/ipv4.ts'
import { ClaimedAddresses } from './claims.ts'

const A = mac('52:54:00:00:00:0a')
const B = mac('52:54:00:00:00:0b')
const HERE = ip('10.1.0.5')
const THERE = ip('10.1.0.6')

test('a claim counts until its time, for one machine and one address', () => {
  const claims = new ClaimedAddresses()
  claims.note(A, HERE, 100)
  assert.equal(claims.at(HERE, 99), A)
  assert.equal(claims.at(HERE, 100), undefined)
  claims.note(A, THERE, 100)
  assert.deepEqual([claims.at(HERE, 0), claims.at(THERE, 0)], [undefined, A])
  claims.note(B, THERE, 100)
  assert.deepEqual([claims.at(THERE, 0), claims.has(A, 0)], [B, false])
})

test('of very many machines those that were heard of last are known', () => {
  const claims = new ClaimedAddresses()
  const address = (i: number) => ipv4FromU32(0x0a00_0000 + i)
  for (let i = 0; i < 20_000; i += 1) {
    const digits = i.toString(16).padStart(6, '0')
    claims.note(mac(`02:00:00:${digits.match(/../g)?.join(':')}`), address(i), 100)
  }
  const known = Array.from({ length: 20_000 }, (_, i) => claims.at(address(i), 0)).filter(
    (one) => one !== undefined,
  )
  assert.equal(known.length, 10_000, formatIpv4(address(0)))
  assert.equal(claims.at(address(0), 0), undefined)
})
