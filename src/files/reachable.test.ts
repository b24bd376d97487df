import assert from 'node:assert/strict'
import { test } from 'node:test'
import { guardedLookup, type Reach, reachOf, refusalOf } from './reachable.ts'

const ROWS: readonly (readonly [Reach, string])[] = [
  ['public', '1.1.1.1'],
  ['public', '151.101.2.132'],
  ['public', '172.32.0.1'],
  ['public', '2a04:4e42::644'],
  ['private', '10.0.0.1'],
  ['private', '127.0.0.1'],
  ['private', '127.255.255.254'],
  ['private', '172.16.0.1'],
  ['private', '172.31.255.255'],
  ['private', '192.168.1.1'],
  ['private', '100.64.0.1'],
  ['private', '::1'],
  ['private', 'fd00::1'],
  ['never', '169.254.169.254'],
  ['never', '0.0.0.0'],
  ['never', '224.0.0.1'],
  ['never', '255.255.255.255'],
  ['never', '::'],
  ['never', 'fe80::1'],
  ['never', 'ff02::1'],
  ['private', '::ffff:10.0.0.1'],
  ['never', '::ffff:169.254.169.254'],
  ['never', '::ffff:1.1.1.1'],
  ['never', '64:ff9b::a9fe:a9fe'],
  ['never', '2002:a9fe:a9fe::1'],
  ['never', '2001::1'],
  ['never', '2001:db8::1'],
  ['never', 'not an address'],
]

test('which addresses a download may connect to', () => {
  for (const [reach, address] of ROWS) assert.equal(reachOf(address), reach, address)
})

test('the flag allows private ones, and only those', () => {
  assert.equal(refusalOf('1.1.1.1', false), undefined)
  assert.match(refusalOf('10.0.0.1', false) ?? '', /--allow-private allows it/)
  assert.equal(refusalOf('10.0.0.1', true), undefined)
  assert.match(refusalOf('169.254.169.254', true) ?? '', /no address of a server/)
})

test('a name whose address is refused is refused, whether one address is asked for or all', async () => {
  for (const all of [true, false]) {
    const outcome = (allowPrivate: boolean): Promise<string> =>
      new Promise((resolve) => {
        guardedLookup(allowPrivate)('localhost', { all }, (error, address) =>
          resolve(error === null ? JSON.stringify(address) : error.message),
        )
      })
    assert.match(await outcome(false), /^localhost: .* is a private address/)
    assert.match(await outcome(true), /127\.0\.0\.1|::1/)
  }
})
