import { formatTable } from '../src/lib/text.ts'
import { median } from './statistics.ts'
import type { TftpServerName } from './tftp-servers.ts'

/** One cell, measured once. */
export interface TftpRun {
  readonly server: TftpServerName
  readonly window: number
  readonly clients: number
  /** What the server granted; less than `window` where it does not know the option. */
  readonly granted: number
  readonly megabytes: number
  readonly seconds: number
  /** CPU seconds of the server's process tree, user and system. */
  readonly cpuSeconds: number
  readonly retries: number
}

export interface TftpCell {
  readonly server: TftpServerName
  readonly window: number
  readonly clients: number
  readonly granted: number
  /** Medians: milliseconds of CPU per megabyte (10^6 octets), and megabytes per second. */
  readonly cpuPerMegabyte: number
  readonly megabytesPerSecond: number
}

/** The medians of every cell. */
export function tftpCells(runs: readonly TftpRun[]): readonly TftpCell[] {
  const groups = Map.groupBy(runs, ({ server, window, clients }) => `${server} ${window} ${clients}`)
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    const cpu = median(group.map(({ cpuSeconds, megabytes }) => (cpuSeconds * 1000) / megabytes))
    const speed = median(group.map(({ seconds, megabytes }) => megabytes / seconds))
    if (first === undefined || cpu === undefined || speed === undefined) return []
    const { server, window, clients } = first
    const granted = Math.min(...group.map((run) => run.granted))
    return [{ server, window, clients, granted, cpuPerMegabyte: cpu, megabytesPerSecond: speed }]
  })
}

/** A row a case, a column a server: CPU ms per MB, in brackets MB/s; a dash where the option is not granted. */
export function tftpTable(cells: readonly TftpCell[], servers: readonly TftpServerName[]): string {
  const cases = Map.groupBy(cells, ({ window, clients }) => `${window}, ${clients}`)
  const rows = [...cases].map(([name, group]) => [
    name,
    ...servers.map((server) => shown(group.find((cell) => cell.server === server))),
  ])
  return formatTable([['window, clients', ...servers], ...rows])
}

function shown(cell: TftpCell | undefined): string {
  if (cell === undefined) return '-'
  if (cell.granted < cell.window) return 'no windowsize'
  return `${cell.cpuPerMegabyte.toFixed(1)} (${cell.megabytesPerSecond.toFixed(0)})`
}

export interface TftpGoal {
  readonly goal: string
  /** CPU of ours to CPU of the peer; undefined when one of them was not measured. */
  readonly ratio: number | undefined
  readonly limit: number
}

/** Ours against the peer that each goal names, at the most clients that were measured. */
export function tftpGoals(cells: readonly TftpCell[]): readonly TftpGoal[] {
  const clients = Math.max(...cells.map((cell) => cell.clients))
  const cpu = (server: TftpServerName, window: number): number | undefined =>
    cells.find((cell) => cell.server === server && cell.window === window && cell.clients === clients)
      ?.cpuPerMegabyte
  const against = (peer: TftpServerName, window: number): number | undefined => {
    const [ours, theirs] = [cpu('centra-pxe', window), cpu(peer, window)]
    return ours === undefined || theirs === undefined ? undefined : ours / theirs
  }
  const at = `${clients} clients`
  return [
    { goal: `window 16, ${at}: CPU <= 0.7 x atftpd`, ratio: against('atftpd', 16), limit: 0.7 },
    { goal: `window 4, ${at}: CPU <= 1.0 x atftpd`, ratio: against('atftpd', 4), limit: 1 },
    { goal: `window 1, ${at}: CPU <= 1.0 x dnsmasq`, ratio: against('dnsmasq', 1), limit: 1 },
  ]
}

export function tftpGoalTable(goals: readonly TftpGoal[]): string {
  const rows = goals.map(({ goal, ratio, limit }) => {
    if (ratio === undefined) return [goal, 'not measured', '']
    return [goal, `${ratio.toFixed(2)} x`, ratio <= limit ? 'met' : 'MISSED']
  })
  return formatTable([['goal', 'measured', ''], ...rows])
}
