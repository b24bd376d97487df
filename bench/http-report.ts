import { formatTable } from '../src/lib/text.ts'
import type { HttpFileName, HttpServerName } from './http-servers.ts'
import { median } from './statistics.ts'

/** What is loaded: a whole file, or ranges of it. */
export interface HttpCase {
  readonly file: HttpFileName
  readonly connections: number
  /** Octets. */
  readonly range?: number
}

/** One cell, measured once. */
export interface HttpRun extends HttpCase {
  readonly server: HttpServerName
  readonly gigabytes: number
  readonly seconds: number
  /** CPU seconds of the server's process tree, user and system. */
  readonly cpuSeconds: number
}

export interface HttpCell extends HttpCase {
  readonly server: HttpServerName
  /** Medians: CPU seconds per gigabyte (10^9 octets), and megabytes per second. */
  readonly cpuPerGigabyte: number
  readonly megabytesPerSecond: number
}

/** The medians of every cell. */
export function httpCells(runs: readonly HttpRun[]): readonly HttpCell[] {
  const groups = Map.groupBy(runs, (run) => `${run.server} ${caseName(run)}`)
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    const cpu = median(group.map(({ cpuSeconds, gigabytes }) => cpuSeconds / gigabytes))
    const speed = median(group.map(({ seconds, gigabytes }) => (gigabytes * 1000) / seconds))
    if (first === undefined || cpu === undefined || speed === undefined) return []
    const { server, file, connections, range } = first
    const what = { server, file, connections, ...(range === undefined ? {} : { range }) }
    return [{ ...what, cpuPerGigabyte: cpu, megabytesPerSecond: speed }]
  })
}

export function caseName({ file, connections, range }: HttpCase): string {
  return range === undefined ? `${file}, ${connections}` : `${file}, ${connections}, ${range / 1e6} MB ranges`
}

/** A row a case, a column a server: CPU s per GB, the ratio to nginx, in brackets MB/s. */
export function httpTable(cells: readonly HttpCell[], servers: readonly HttpServerName[]): string {
  const rows = [...Map.groupBy(cells, caseName)].map(([name, group]) => [
    name,
    ...servers.map((server) => shown(group, server)),
  ])
  return formatTable([['file, connections', ...servers], ...rows])
}

function shown(group: readonly HttpCell[], server: HttpServerName): string {
  const cell = group.find((one) => one.server === server)
  if (cell === undefined) return '-'
  const ratio = server === 'nginx' ? undefined : toNginx(group, server)
  const speed = `(${cell.megabytesPerSecond.toFixed(0)})`
  return [
    cell.cpuPerGigabyte.toFixed(2),
    ...(ratio === undefined ? [] : [`${ratio.toFixed(2)}x`]),
    speed,
  ].join(' ')
}

function toNginx(group: readonly HttpCell[], server: HttpServerName): number | undefined {
  const cpu = (name: HttpServerName): number | undefined =>
    group.find((one) => one.server === name)?.cpuPerGigabyte
  const [ours, theirs] = [cpu(server), cpu('nginx')]
  return ours === undefined || theirs === undefined ? undefined : ours / theirs
}

interface Goal {
  readonly goal: string
  readonly limit: number
  readonly isOf: (one: HttpCase) => boolean
}

const GOALS: readonly Goal[] = [
  {
    goal: 'a file that fits the cache: CPU <= 1.0 x nginx',
    limit: 1,
    isOf: ({ file, range }) => file === 'small' && range === undefined,
  },
  {
    goal: 'a file that does not: CPU <= 1.3 x nginx',
    limit: 1.3,
    isOf: ({ file, range }) => file === 'large' && range === undefined,
  },
  { goal: '1 MB ranges: CPU <= 1.2 x nginx', limit: 1.2, isOf: ({ range }) => range !== undefined },
]

/** Ours as it is by default against nginx, case by case. */
export function httpGoalTable(cells: readonly HttpCell[]): string {
  const cases = [...Map.groupBy(cells, caseName)]
  const rows = GOALS.flatMap(({ goal, limit, isOf }) =>
    cases.flatMap(([name, group]) => {
      const [first] = group
      if (first === undefined || !isOf(first)) return []
      const ratio = toNginx(group, 'centra-pxe')
      if (ratio === undefined) return [[goal, name, 'not measured', '']]
      return [[goal, name, `${ratio.toFixed(2)} x`, ratio <= limit ? 'met' : 'MISSED']]
    }),
  )
  return formatTable([['goal', 'case', 'measured', ''], ...rows])
}
