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

test('the page has no path but those of the program, which writes its table', () => {
  const page = readFileSync(join(import.meta.dirname, '../docs/matrix.md'), 'utf8')
  const known = BOOT_PATHS.map(({ firmware, way }) => `| ${firmware} | ${way} |`)
  const shown = page.split('\n').filter((line) => / \| (ok|FAILED) \| [\d.]+ \|$/.test(line))
  for (const line of shown)
    assert.ok(
      known.some((one) => line.startsWith(one)),
      line,
    )
  assert.match(matrixPage(page, [{ ...ROW, result: 'ok' }], 'made'), /\nmade\n\n.*\n.*\n\| BIOS \| PXE \|/)
})
