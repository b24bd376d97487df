import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchesEtag, parseRange } from './range.ts'

test('a Range header against a file of 1000 octets (RFC 9110 §14.1.2)', () => {
  const rows: readonly (readonly [string | undefined, ReturnType<typeof parseRange>])[] = [
    [undefined, 'whole'],
    ['bytes=0-499', { first: 0, last: 499 }],
    ['bytes=500-999', { first: 500, last: 999 }],
    ['bytes=500-', { first: 500, last: 999 }],
    ['bytes=-500', { first: 500, last: 999 }],
    ['bytes=-5000', { first: 0, last: 999 }],
    ['bytes=0-0', { first: 0, last: 0 }],
    ['bytes=999-5000', { first: 999, last: 999 }],
    ['bytes=1000-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-4', 'whole'],
    ['bytes=0-1,3-4', 'whole'],
    ['bytes=-', 'whole'],
    ['bytes=a-b', 'whole'],
    ['lines=0-1', 'whole'],
    ['bytes=99999999999999999999-', 'whole'],
  ]
  for (const [header, expected] of rows) assert.deepEqual(parseRange(header, 1000), expected, String(header))
  assert.equal(parseRange('bytes=0-', 0), 'unsatisfiable')
})

test('an If-None-Match header against an entity tag (RFC 9110 §13.1.2)', () => {
  assert.equal(matchesEtag('"a"', '"a"'), true)
  assert.equal(matchesEtag('"b", W/"a"', '"a"'), true)
  assert.equal(matchesEtag('*', '"a"'), true)
  assert.equal(matchesEtag('"b"', '"a"'), false)
  assert.equal(matchesEtag(undefined, '"a"'), false)
})
