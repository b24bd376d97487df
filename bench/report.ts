import type { StepResult } from './contender.ts'
import { type PeerName, titleOf } from './peers.ts'
import { cleanRate, cpuPerExchange, dropShare, isClean, isClientLimited, median } from './statistics.ts'

/** One way up the ladder. */
export interface LadderRun {
  readonly peer: PeerName
  readonly repeat: number
  readonly steps: readonly StepResult[]
}

/** One start with many leases. */
export interface StartRun {
  readonly peer: PeerName
  readonly repeat: number
  readonly leases: number
  readonly firstOfferMs: number
  /** After a few seconds of load. */
  readonly residentMiB: number
}

/** One round of load on a server of one size. */
export interface GrowthRun {
  readonly size: number
  readonly repeat: number
  readonly firstOfferMs: number
  readonly step: StepResult
}

export interface Summary {
  readonly peer: PeerName
  readonly cleanRate: number | undefined
  /** The most exchanges a second completed in any step. */
  readonly bestRate: number | undefined
  /** Microseconds of CPU per exchange of the clean steps, by rate. */
  readonly cpu: ReadonlyMap<number, number>
  /** The same at the clean rate of each run. */
  readonly cpuAtClean: number | undefined
  readonly residentMiB: number | undefined
  readonly firstOfferMs: number | undefined
}

/** Medians over the repeats. */
export function summarize(
  peer: PeerName,
  ladders: readonly LadderRun[],
  starts: readonly StartRun[],
): Summary {
  const runs = ladders.filter((run) => run.peer === peer).map(({ steps }) => steps)
  const own = starts.filter((run) => run.peer === peer)
  const rates = new Set(runs.flatMap((steps) => steps.map(({ rate }) => rate)))
  const cpuAt = (rateOf: (steps: readonly StepResult[]) => number): number | undefined =>
    median(
      runs.flatMap((steps) =>
        steps
          .filter((step) => step.rate === rateOf(steps) && isClean(step))
          .flatMap((step) => cpuPerExchange(step) ?? []),
      ),
    )
  return {
    peer,
    cleanRate: median(runs.map(cleanRate)),
    bestRate: median(runs.map((steps) => Math.max(0, ...steps.map((step) => step.completed / step.seconds)))),
    cpu: new Map(
      [...rates].flatMap((rate) =>
        pairOf(
          rate,
          cpuAt(() => rate),
        ),
      ),
    ),
    cpuAtClean: cpuAt(cleanRate),
    residentMiB: median(own.map((run) => run.residentMiB)),
    firstOfferMs: median(own.map((run) => run.firstOfferMs)),
  }
}

function pairOf<T>(key: number, value: T | undefined): readonly (readonly [number, T])[] {
  return value === undefined ? [] : [[key, value]]
}

export interface Goal {
  readonly goal: string
  readonly measured: string
  /** Undefined: could not be measured. */
  readonly met: boolean | undefined
}

const KEA_MODES: readonly PeerName[] = ['kea', 'kea-single']

/** The goals, beside what was measured. Kea counts with its faster thread mode. */
export function goalsOf(summaries: readonly Summary[], cpuRate: number): readonly Goal[] {
  const ours = summaries.find(({ peer }) => peer === 'centra-pxe')
  const kea = fastest(summaries.filter(({ peer }) => KEA_MODES.includes(peer)))
  const other = (name: PeerName): Summary | undefined => summaries.find(({ peer }) => peer === name)
  return [
    rateGoal(ours, kea, { factor: 1.5, name: 'Kea' }),
    rateGoal(ours, other('dhcpd'), { factor: 5, name: titleOf('dhcpd') }),
    rateGoal(ours, other('dnsmasq'), { factor: 10, name: titleOf('dnsmasq') }),
    cpuGoal(ours, kea, cpuRate),
    atMost('resident with 100 000 leases', ours?.residentMiB, { limit: 150e6 / 2 ** 20, unit: 'MiB' }),
    atMost('first OFFER after the start with 100 000 leases', ours?.firstOfferMs, {
      limit: 1000,
      unit: 'ms',
    }),
  ]
}

/** At the rate of comparison, or at the highest below it at which both had a clean step. */
function cpuGoal(ours: Summary | undefined, kea: Summary | undefined, cpuRate: number): Goal {
  const common = [...(ours?.cpu.keys() ?? [])].filter((rate) => rate <= cpuRate && kea?.cpu.has(rate))
  const rate = Math.max(0, ...common)
  const limit = kea?.cpu.get(rate)
  const at = rate === 0 ? '' : `, at ${rate}/s`
  return atMost(`CPU per exchange <= Kea's${at}`, ours?.cpu.get(rate), { limit, unit: 'us' })
}

function fastest(summaries: readonly Summary[]): Summary | undefined {
  return [...summaries].sort((a, b) => (b.cleanRate ?? 0) - (a.cleanRate ?? 0))[0]
}

function rateGoal(
  ours: Summary | undefined,
  other: Summary | undefined,
  { factor, name }: { readonly factor: number; readonly name: string },
): Goal {
  const goal = `clean rate >= ${factor} x ${name}`
  const [a, b] = [ours?.cleanRate, other?.cleanRate]
  if (a === undefined || b === undefined) return { goal, measured: 'not measured', met: undefined }
  // A peer without a single clean step: any clean rate of ours is infinitely better, and says little.
  if (b === 0) return { goal, measured: `${a}/s to none`, met: a > 0 }
  return { goal, measured: `${(a / b).toFixed(2)} x (${a}/s to ${b}/s)`, met: a / b >= factor }
}

function atMost(
  goal: string,
  value: number | undefined,
  { limit, unit }: { readonly limit: number | undefined; readonly unit: string },
): Goal {
  if (value === undefined || limit === undefined) return { goal, measured: 'not measured', met: undefined }
  return { goal, measured: `${value.toFixed(0)} ${unit} to ${limit.toFixed(0)} ${unit}`, met: value <= limit }
}

/** How much CPU per exchange may differ between the smallest and the largest server. */
const GROWTH_SHARE = 0.2

export interface GrowthSummary {
  readonly size: number
  readonly cpu: number | undefined
  readonly dropShare: number | undefined
  readonly firstOfferMs: number | undefined
  readonly residentMiB: number | undefined
}

export function summarizeGrowth(runs: readonly GrowthRun[]): readonly GrowthSummary[] {
  const sizes = [...new Set(runs.map(({ size }) => size))].sort((a, b) => a - b)
  return sizes.map((size) => {
    const own = runs.filter((run) => run.size === size)
    return {
      size,
      cpu: median(own.flatMap(({ step }) => cpuPerExchange(step) ?? [])),
      dropShare: median(own.map(({ step }) => dropShare(step))),
      firstOfferMs: median(own.map(({ firstOfferMs }) => firstOfferMs)),
      residentMiB: median(own.map(({ step }) => step.residentMiB)),
    }
  })
}

export function growthGoal(summaries: readonly GrowthSummary[]): Goal {
  const costs = summaries.flatMap(({ cpu }) => cpu ?? [])
  const goal = `CPU per exchange within ${GROWTH_SHARE * 100} % over all sizes`
  if (costs.length < 2) return { goal, measured: 'not measured', met: undefined }
  const spread = Math.max(...costs) / Math.min(...costs) - 1
  return { goal, measured: `${(spread * 100).toFixed(0)} %`, met: spread <= GROWTH_SHARE }
}

export function summaryTable(summaries: readonly Summary[], cpuRate: number): string {
  return table([
    [
      'server',
      'clean /s',
      'best /s',
      `CPU us at ${cpuRate}/s`,
      'CPU us at clean',
      'MiB, 100 000 leases',
      'first OFFER ms, 100 000 leases',
    ],
    ...summaries.map((one) => [
      titleOf(one.peer),
      shown(one.cleanRate),
      shown(one.bestRate),
      shown(one.cpu.get(cpuRate)),
      shown(one.cpuAtClean),
      shown(one.residentMiB),
      shown(one.firstOfferMs),
    ]),
  ])
}

/** Medians of the drops of every step, in percent; `!` where the load generator could not send the rate. */
export function dropTable(ladders: readonly LadderRun[], peers: readonly PeerName[]): string {
  const rates = [...new Set(ladders.flatMap(({ steps }) => steps.map(({ rate }) => rate)))]
  const cell = (rate: number, peer: PeerName): string => {
    const steps = ladders
      .filter((run) => run.peer === peer)
      .flatMap((run) => run.steps.filter((step) => step.rate === rate))
    const drops = median(steps.map(dropShare))
    if (drops === undefined) return ''
    return `${(drops * 100).toFixed(1)}${steps.some(isClientLimited) ? '!' : ''}`
  }
  return table([
    ['drops % at', ...peers.map(titleOf)],
    ...rates.sort((a, b) => a - b).map((rate) => [`${rate}/s`, ...peers.map((peer) => cell(rate, peer))]),
  ])
}

export function growthTable(summaries: readonly GrowthSummary[]): string {
  return table([
    ['nodes and leases', 'CPU us', 'drops %', 'first OFFER ms', 'MiB'],
    ...summaries.map(({ size, cpu, dropShare: drops, firstOfferMs, residentMiB }) => [
      String(size),
      shown(cpu),
      drops === undefined ? '-' : (drops * 100).toFixed(1),
      shown(firstOfferMs),
      shown(residentMiB),
    ]),
  ])
}

export function goalTable(goals: readonly Goal[]): string {
  const words = (met: boolean | undefined): string => (met === undefined ? '-' : met ? 'met' : 'MISSED')
  return table([
    ['goal', 'measured', ''],
    ...goals.map(({ goal, measured, met }) => [goal, measured, words(met)]),
  ])
}

function shown(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(0)
}

/** A table of Markdown, its columns aligned. */
export function table(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [line(head), rule, ...rows.slice(1).map(line)].join('\n')
}
