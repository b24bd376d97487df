import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip, NOW } from '../../test/helpers/world.ts'
import { isGroupMac, macFromNumber, macToNumber } from '../lib/mac.ts'
import { standInMac } from '../lib/stand-in-mac.ts'
import { clientKey } from './client-key.ts'
import { LeaseTable } from './lease-table.ts'

test("no key is a network card's, and 20 000 identifiers have 20 000", () => {
  const keys = Array.from({ length: 20_000 }, (_, i) => standInMac(`ff0000000${i}`))
  assert.ok(keys.every(isGroupMac))
  assert.ok(keys.every((key) => macFromNumber(macToNumber(key)) === key))
  assert.equal(new Set(keys).size, keys.length)
})

test('an identifier whose key another one holds gets another key, and keeps it', () => {
  const lease = (clientId: string, key = standInMac('aa')) => ({
    ...{ network: 'a', address: ip('10.0.0.1'), mac: key, clientId, state: 'bound' as const },
    ...{ startedAt: NOW, expiresAt: NOW + 1000 },
  })
  const own = clientKey('aa', ['a'], new LeaseTable([lease('aa')]))
  assert.equal(own, standInMac('aa'))
  const leases = new LeaseTable([lease('bb')])
  const other = clientKey('aa', ['a'], leases)
  assert.notEqual(other, own)
  leases.put({ ...lease('aa', other), address: ip('10.0.0.2') })
  assert.equal(clientKey('aa', ['a'], leases), other)
  assert.equal(clientKey('aa', ['b'], leases), own, 'another link')
})
