import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BootRun, type BootServerName, bootGoals, bootTable, ratios } from './boot-report.ts'
import { STAGES, type StageSeconds } from './boot-stages.ts'

function run(server: BootServerName, pair: number, linux: number): BootRun {
  const stages = Object.fromEntries(
    STAGES.map((stage) => [stage, stage.startsWith('Linux, to its') ? linux : 1]),
  ) as StageSeconds
  return { server, firmware: 'bios', pair, stages }
}

const RUNS = [
  ...[run('dnsmasq + nginx', 1, 3), run('centra-pxe', 1, 4), run('centra-pxe, quietRouter', 1, 1)],
  ...[run('dnsmasq + nginx', 2, 13), run('centra-pxe', 2, 13), run('centra-pxe, quietRouter', 2, 3)],
  ...[run('dnsmasq + nginx', 3, 3), run('centra-pxe', 3, 5), run('centra-pxe, quietRouter', 3, 3)],
]

test('each boot is compared with the one of its own pair', () => {
  assert.deepEqual(ratios(RUNS, 'bios', 'centra-pxe'), [1.1, 1, 1.2])
  assert.deepEqual(bootGoals(RUNS), [
    'bios, centra-pxe: 1.100x dnsmasq + nginx (goal 1.05x): MISSED',
    'bios, centra-pxe, quietRouter: 0.800x dnsmasq + nginx (goal 1.05x): met',
  ])
})

test('a table of medians by stage, with the range of whole boots', () => {
  const rows = bootTable(RUNS, 'bios')
    .split('\n')
    .map((row) => row.trim().split(/ {2,}/))
  assert.deepEqual(rows.slice(-4), [
    ['Linux, to in service', '1.00', '1.00', '1.00'],
    ['whole boot', '10.00', '12.00', '10.00'],
    ['least and most', '10.0-20.0', '11.0-20.0', '8.0-10.0'],
    ['median of the pairs', '1.000x', '1.100x', '0.800x'],
  ])
  assert.deepEqual(rows[0], [
    'bios, 3 boots of each',
    'dnsmasq + nginx',
    'centra-pxe',
    'centra-pxe, quietRouter',
  ])
})
