import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { AccessLog } from './access-log.ts'

test('a target that cannot be opened is told of at once, and once; another one works', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'centra-access-'))
  const told: string[] = []
  const log = new AccessLog((message) => told.push(message))
  try {
    await log.use({ kind: 'file', path: join(folder, 'none/access.jsonl') })
    assert.match(told[0] ?? '', /^ENOENT: /)
    log.line('{}\n')
    const path = join(folder, 'access.jsonl')
    await log.use({ kind: 'file', path })
    log.line('{"a":1}\n')
    await log.close()
    assert.equal(readFileSync(path, 'utf8'), '{"a":1}\n')
    assert.equal(told.length, 1)
    assert.deepEqual(log.totals, { written: 1, lost: 1 })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
