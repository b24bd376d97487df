import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { BOOT_PATHS } from './matrix/paths.ts'
import { matrixPage, matrixTable } from './matrix/report.ts'

const ROW = { name: 'a', firmware: 'BIOS', way: 'PXE', boots: 'Linux', seconds: 12.34 } as const

test('a path that failed is told with its last words, and counted', () => {
  const text = matrixTable([
    { ...ROW, result: 'ok' },
    { ...ROW, result: 'failed', trouble: 'PXE-E53' },
  ])
  assert.match(text, /^BIOS {6}PXE {3}Linux {3}ok {6}12\.3$/m)
  assert.match(text, /^\* a: PXE-E53\n2 paths, 1 failed$/m)
})

test('every path is on the page, whose table is written by the program', () => {
  const page = readFileSync(join(import.meta.dirname, '../docs/matrix.md'), 'utf8')
  for (const { way, firmware } of BOOT_PATHS) assert.ok(page.includes(`| ${firmware} | ${way} |`), way)
  assert.match(matrixPage(page, [{ ...ROW, result: 'ok' }], 'made'), /\nmade\n\n.*\n.*\n\| BIOS \| PXE \|/)
})
