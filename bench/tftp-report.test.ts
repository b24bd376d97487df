import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type TftpRun, tftpCells, tftpGoals, tftpGoalTable, tftpTable } from './tftp-report.ts'

function run(changes: Partial<TftpRun>): TftpRun {
  return {
    ...{ server: 'centra-pxe', window: 16, clients: 16, granted: 16 },
    ...{ megabytes: 10, seconds: 1, cpuSeconds: 0.05, retries: 0 },
    ...changes,
  }
}

const RUNS: readonly TftpRun[] = [
  run({ cpuSeconds: 0.05 }),
  run({ cpuSeconds: 0.5, seconds: 2 }),
  run({ cpuSeconds: 0.06, seconds: 0.5 }),
  run({ server: 'atftpd', cpuSeconds: 0.1 }),
  run({ server: 'dnsmasq', granted: 1 }),
]

test('a cell is the median of its repeats', () => {
  const [ours] = tftpCells(RUNS)
  assert.equal(ours?.cpuPerMegabyte, 6)
  assert.equal(ours?.megabytesPerSecond, 10)
})

test('the table: a row a case, and who does not know windows says so', () => {
  assert.deepEqual(tftpTable(tftpCells(RUNS), ['centra-pxe', 'atftpd', 'dnsmasq', 'tftpd-hpa']).split('\n'), [
    'window, clients  centra-pxe  atftpd     dnsmasq        tftpd-hpa',
    '16, 16           6.0 (10)    10.0 (10)  no windowsize  -',
  ])
})

test('the goals: ours to the peer, and what was not measured', () => {
  assert.deepEqual(
    tftpGoalTable(tftpGoals(tftpCells(RUNS)))
      .split('\n')
      .slice(1),
    [
      'window 16, 16 clients: CPU <= 0.7 x atftpd  0.60 x        met',
      'window 4, 16 clients: CPU <= 1.0 x atftpd   not measured',
      'window 1, 16 clients: CPU <= 1.0 x dnsmasq  not measured',
    ],
  )
})
