import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type HttpRun, httpCells, httpGoalTable, httpTable } from './http-report.ts'

function run(server: HttpRun['server'], cpuSeconds: number, parts: Partial<HttpRun> = {}): HttpRun {
  return { server, file: 'small', connections: 10, gigabytes: 2, seconds: 1, cpuSeconds, ...parts }
}

const runs = [
  ...[0.6, 0.2, 0.4].map((cpu) => run('centra-pxe', cpu)),
  ...[0.5, 0.9, 0.5].map((cpu) => run('nginx', cpu)),
  run('centra-pxe', 3, { file: 'large' }),
  run('nginx', 2, { file: 'large' }),
  run('centra-pxe', 1, { range: 1e6 }),
]

test('medians, and ours as a multiple of nginx', () => {
  const table = httpTable(httpCells(runs), ['centra-pxe', 'nginx'])
  assert.match(table, /^small, 10 +0\.20 0\.80x \(2000\) +0\.25 \(2000\)$/m)
  assert.match(table, /^small, 10, 1 MB ranges +0\.50 \(2000\) +-$/m)
})

test('goals are met or missed by their own limit', () => {
  const goals = httpGoalTable(httpCells(runs))
  assert.match(goals, /fits the cache.* small, 10 +0\.80 x +met$/m)
  assert.match(goals, /does not.* large, 10 +1\.50 x +MISSED$/m)
  assert.match(goals, /ranges.* not measured$/m)
})
