import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { conformanceCases, conformanceDocument } from '../scripts/conformance.ts'

const DOCUMENT = join(import.meta.dirname, '../docs/conformance.md')

test('every conformance case has a test that bears its id, or a reason why it has none', () => {
  const cases = conformanceCases()
  assert.equal(new Set(cases.map(({ id }) => id)).size, 221)
  assert.deepEqual(
    cases.filter(({ files, open }) => files.length === 0 && open === undefined).map(({ id }) => id),
    [],
    'neither tested nor in test/conformance/open.txt',
  )
})

test('docs/conformance.md is what the tests say; UPDATE_GOLDEN=1 writes it', () => {
  const text = conformanceDocument(conformanceCases())
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(DOCUMENT, text)
  else assert.equal(readFileSync(DOCUMENT, 'utf8'), text)
})
