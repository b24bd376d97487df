import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
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

test('a pipe whose reader stalls in the middle of a line costs lines, and the target can be changed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'centra-access-'))
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const told: string[] = []
  const log = new AccessLog((message) => told.push(message))
  try {
    await log.use({ kind: 'file', path })
    // A pipe has 65536 octets: the 656th line is torn.
    for (let n = 0; n < 1000; n += 1) log.line(`${'x'.repeat(99)}\n`)
    const after = join(folder, 'access.jsonl')
    await log.use({ kind: 'file', path: after })
    log.line('{}\n')
    await log.close()
    assert.equal(readFileSync(after, 'utf8'), '{}\n')
    assert.deepEqual(log.totals, { written: 656, lost: 345 })
    assert.match(told.join(), /^EAGAIN: /)
  } finally {
    closeSync(reader)
    rmSync(folder, { recursive: true })
  }
})
