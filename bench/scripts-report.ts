import { formatTable } from '../src/lib/text.ts'
import { median } from './statistics.ts'

export const SCRIPT_SERVERS = ['centra-pxe', 'nginx', 'go'] as const
export type ScriptServerName = (typeof SCRIPT_SERVERS)[number]

/** One server under load, once. */
export interface ScriptRun {
  readonly server: ScriptServerName
  readonly nodes: number
  readonly requests: number
  readonly seconds: number
  /** CPU seconds of the server, user and system. */
  readonly cpuSeconds: number
  readonly residentMiB: number
}

export interface ScriptCell {
  readonly server: ScriptServerName
  readonly nodes: number
  /** Medians. */
  readonly cpuMicroseconds: number
  readonly requestsPerSecond: number
  readonly residentMiB: number
}

/** The medians of every server at every size. */
export function scriptCells(runs: readonly ScriptRun[]): readonly ScriptCell[] {
  const groups = Map.groupBy(runs, ({ server, nodes }) => `${server} ${nodes}`)
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    const cpu = median(group.map(({ cpuSeconds, requests }) => (cpuSeconds * 1e6) / requests))
    const speed = median(group.map(({ seconds, requests }) => requests / seconds))
    const memory = median(group.map(({ residentMiB }) => residentMiB))
    if (first === undefined || cpu === undefined || speed === undefined || memory === undefined) return []
    const { server, nodes } = first
    return [{ server, nodes, cpuMicroseconds: cpu, requestsPerSecond: speed, residentMiB: memory }]
  })
}

/** A row a size, a column a server: CPU us per request, in brackets requests a second and MiB. */
export function scriptTable(cells: readonly ScriptCell[]): string {
  const rows = [...Map.groupBy(cells, ({ nodes }) => nodes)].map(([nodes, group]) => [
    String(nodes),
    ...SCRIPT_SERVERS.map((server) => shown(group.find((cell) => cell.server === server))),
  ])
  return formatTable([['nodes', ...SCRIPT_SERVERS], ...rows])
}

function shown(cell: ScriptCell | undefined): string {
  if (cell === undefined) return '-'
  const { cpuMicroseconds, requestsPerSecond, residentMiB } = cell
  return `${cpuMicroseconds.toFixed(0)} (${requestsPerSecond.toFixed(0)}/s, ${residentMiB.toFixed(0)} MiB)`
}

export interface ScriptGoal {
  readonly goal: string
  /** Undefined when one of the two was not measured. */
  readonly ratio: number | undefined
  readonly limit: number
}

/** Ratios of CPU per request, at the largest size and between the smallest and the largest. */
export function scriptGoals(cells: readonly ScriptCell[]): readonly ScriptGoal[] {
  const sizes = cells.map(({ nodes }) => nodes)
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)]
  const cpu = (server: ScriptServerName, nodes: number): number | undefined =>
    cells.find((cell) => cell.server === server && cell.nodes === nodes)?.cpuMicroseconds
  const ratio = (a: number | undefined, b: number | undefined): number | undefined =>
    a === undefined || b === undefined ? undefined : a / b
  const ours = cpu('centra-pxe', most)
  return [
    { goal: `${most} nodes: CPU <= 1.4 x Go`, ratio: ratio(ours, cpu('go', most)), limit: 1.4 },
    {
      goal: `${most} nodes: CPU <= 2 x nginx, static files`,
      ratio: ratio(ours, cpu('nginx', most)),
      limit: 2,
    },
    {
      goal: `${most} nodes: CPU <= 1.2 x that at ${least}`,
      ratio: least === most ? undefined : ratio(ours, cpu('centra-pxe', least)),
      limit: 1.2,
    },
  ]
}

export function scriptGoalTable(goals: readonly ScriptGoal[]): string {
  const rows = goals.map(({ goal, ratio, limit }) => {
    if (ratio === undefined) return [goal, 'not measured', '']
    return [goal, `${ratio.toFixed(2)} x`, ratio <= limit ? 'met' : 'MISSED']
  })
  return formatTable([['goal', 'measured', ''], ...rows])
}
