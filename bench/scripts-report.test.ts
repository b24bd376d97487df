import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ScriptRun, scriptCells, scriptGoals, scriptGoalTable, scriptTable } from './scripts-report.ts'

function run(server: ScriptRun['server'], nodes: number, cpuMicroseconds: number): ScriptRun {
  const requests = 1000
  return {
    server,
    nodes,
    requests,
    seconds: 0.1,
    cpuSeconds: (cpuMicroseconds * requests) / 1e6,
    residentMiB: 100,
  }
}

const RUNS = [
  ...[90, 70, 80].map((cpu) => run('centra-pxe', 1000, cpu)),
  run('centra-pxe', 100_000, 100),
  run('nginx', 100_000, 49),
  run('go', 100_000, 80),
]

test('the table has medians', () => {
  assert.equal(
    scriptTable(scriptCells(RUNS)),
    [
      'nodes   centra-pxe              nginx                  go',
      '1000    80 (10000/s, 100 MiB)   -                      -',
      '100000  100 (10000/s, 100 MiB)  49 (10000/s, 100 MiB)  80 (10000/s, 100 MiB)',
    ].join('\n'),
  )
})

test('goals compare at the largest size; one that was not measured is not met', () => {
  const goals = scriptGoals(scriptCells(RUNS))
  assert.deepEqual(
    goals.map(({ ratio }) => ratio?.toFixed(2)),
    ['1.25', '2.04', '1.25'],
  )
  assert.match(scriptGoalTable(goals), /1\.25 x +met\n.*MISSED\n.*MISSED/)
  assert.match(scriptGoalTable(scriptGoals(scriptCells(RUNS.slice(0, 3)))), /not measured/)
})
