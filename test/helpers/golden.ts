import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const GOLDEN = join(import.meta.dirname, '../golden')

/** Compares text with `test/golden/NAME`; with UPDATE_GOLDEN=1 writes it instead, and the diff is reviewed in git. */
export function assertGolden(name: string, actual: string): void {
  const path = join(GOLDEN, name)
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, actual)
    return
  }
  assert.ok(existsSync(path), `test/golden/${name} is missing; write it with UPDATE_GOLDEN=1`)
  assert.equal(actual, readFileSync(path, 'utf8'), `test/golden/${name}`)
}
