import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { parseStat, usageOf } from './process-tree.ts'

test('times of the process and of its ended children, and its pages', () => {
  const rest = 'S 1 2 3 0 -1 4194560 100 200 0 0 150 50 7 3 20 0 1 0 12345 1000000 2560 18446744073709551615'
  const usage = parseStat(`42 (a) b (c)) ${rest}\n`, { ticks: 100, page: 4096 })
  assert.deepEqual(usage, { cpuSeconds: 2.1, residentMiB: 10 })
})

test('work of this process and of a child that it waited for counts', () => {
  const before = usageOf(process.pid)
  assert.ok(before.residentMiB > 10)
  spawnSync(process.execPath, [
    '-e',
    'const end = process.cpuUsage().user + 2e5; while (process.cpuUsage().user < end);',
  ])
  assert.ok(usageOf(process.pid).cpuSeconds - before.cpuSeconds >= 0.15)
})

test('a process that is gone used nothing', () => {
  assert.deepEqual(usageOf(2 ** 30), { cpuSeconds: 0, residentMiB: 0 })
})
