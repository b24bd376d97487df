import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StepResult } from './contender.ts'
import type { PeerName } from './peers.ts'
import {
  dropTable,
  type GrowthRun,
  goalsOf,
  growthGoal,
  type LadderRun,
  type StartRun,
  summarize,
  summarizeGrowth,
  table,
} from './report.ts'

function step(rate: number, facts: Partial<StepResult> = {}): StepResult {
  const started = rate * 4
  return {
    ...{ rate, seconds: 4, started, completed: started, offers: started, cpuSeconds: 1 },
    ...{ ackDelayMs: 1, residentMiB: 90, ...facts },
  }
}

const ladder = (peer: PeerName, repeat: number, ...steps: readonly StepResult[]): LadderRun => ({
  peer,
  repeat,
  steps,
})
const start = (peer: PeerName, firstOfferMs: number): StartRun => ({
  ...{ peer, repeat: 1, leases: 100_000, firstOfferMs, residentMiB: 100 },
})

const LADDERS = [
  ladder('centra-pxe', 1, step(1000), step(3000), step(4000, { completed: 8000 })),
  ladder('centra-pxe', 2, step(1000, { cpuSeconds: 2 }), step(3000), step(4000)),
  ladder('centra-pxe', 3, step(1000), step(3000), step(4000)),
  ladder('kea', 1, step(1000, { cpuSeconds: 2 }), step(3000, { completed: 9000 })),
  ladder('kea-single', 1, step(1000), step(3000)),
]
const STARTS = [start('centra-pxe', 900), start('centra-pxe', 1200), start('centra-pxe', 700)]
const summaries = (['centra-pxe', 'kea', 'kea-single', 'dnsmasq'] as const).map((peer) =>
  summarize(peer, LADDERS, STARTS),
)

test('a summary has the medians of the repeats', () => {
  assert.deepEqual(summaries[0], {
    peer: 'centra-pxe',
    cleanRate: 4000,
    bestRate: 4000,
    cpu: new Map([
      [1000, 250],
      [3000, 1e6 / 12_000],
      [4000, 1e6 / 16_000],
    ]),
    cpuAtClean: 1e6 / 16_000,
    residentMiB: 100,
    firstOfferMs: 900,
  })
})

test('a peer that was not measured has no figures', () => {
  assert.deepEqual(Object.values(summaries[3] ?? {}), [
    'dnsmasq',
    undefined,
    undefined,
    new Map(),
    undefined,
    undefined,
    undefined,
  ])
})

test("goals are judged against Kea's faster thread mode, and stay open without a peer", () => {
  const goals = goalsOf(summaries, 1000)
  assert.deepEqual(
    goals.map(({ met }) => met),
    [false, undefined, undefined, true, true, true],
  )
  assert.match(goals[0]?.measured ?? '', /^1\.33 x \(4000\/s to 3000\/s\)$/)
})

test('where the rate of comparison was not clean, CPU is compared at the highest common rate below', () => {
  const cpu = goalsOf(summaries, 2000)[3]
  assert.deepEqual(cpu, {
    goal: "CPU per exchange <= Kea's, at 1000/s",
    measured: '250 us to 250 us',
    met: true,
  })
})

test('the table of drops marks steps that the client could not send', () => {
  const limited = ladder(
    'kea',
    1,
    step(1000, { started: 3000, completed: 3000 }),
    step(2000, { completed: 6000 }),
  )
  assert.equal(
    dropTable([limited], ['kea']),
    '| drops % at | Kea, threads |\n|------------|--------------|\n' +
      '| 1000/s     | 0.0!         |\n| 2000/s     | 25.0         |',
  )
})

test('growth is the spread of the medians', () => {
  const run = (size: number, cpuSeconds: number): GrowthRun => ({
    ...{ size, repeat: 1, firstOfferMs: 500, step: step(1000, { cpuSeconds }) },
  })
  const runs = [run(1000, 1.1), run(100, 1), run(100, 1.2), run(100, 0.9)]
  const growth = summarizeGrowth(runs)
  assert.deepEqual(
    growth.map(({ size, cpu }) => [size, cpu]),
    [
      [100, 250],
      [1000, 275],
    ],
  )
  assert.equal(growthGoal(growth).met, true)
  assert.equal(growthGoal(summarizeGrowth([...runs, run(10_000, 1.3)])).met, false)
  assert.equal(growthGoal([]).met, undefined)
})

test('tables are aligned', () => {
  assert.equal(
    table([
      ['a', 'bb'],
      ['ccc', 'd'],
    ]),
    '| a   | bb |\n|-----|----|\n| ccc | d  |',
  )
})
