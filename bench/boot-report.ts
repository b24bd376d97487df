import { formatTable } from '../src/lib/text.ts'
import { STAGES, type StageSeconds, totalSeconds } from './boot-stages.ts'
import { median } from './statistics.ts'

export const BOOT_SERVERS = ['dnsmasq + nginx', 'centra-pxe', 'centra-pxe, quietRouter'] as const
export type BootServerName = (typeof BOOT_SERVERS)[number]
export const FIRMWARES = ['bios', 'uefi'] as const
export type Firmware = (typeof FIRMWARES)[number]

/** One boot. */
export interface BootRun {
  readonly server: BootServerName
  readonly firmware: Firmware
  /** Counted from 1: what has the same pair ran one after the other. */
  readonly pair: number
  readonly stages: StageSeconds
}

const PEER: BootServerName = 'dnsmasq + nginx'
const GOAL = 1.05

/** A row a stage, a column a server: median seconds; then the whole boot, with its range, and the ratio to the peer. */
export function bootTable(runs: readonly BootRun[], firmware: Firmware): string {
  const columns = BOOT_SERVERS.map((server) => of(runs, firmware, server))
  const stages = STAGES.map((stage) => [
    stage,
    ...columns.map((all) => middle(all.map((run) => run.stages[stage]))),
  ])
  const totals = columns.map((all) => all.map(({ stages: one }) => totalSeconds(one)))
  const ranges = totals.map((all) => `${Math.min(...all).toFixed(1)}-${Math.max(...all).toFixed(1)}`)
  const rows = [
    [`${firmware}, ${columns[0]?.length ?? 0} boots of each`, ...BOOT_SERVERS],
    ...stages,
    ['whole boot', ...totals.map(middle)],
    ['least and most', ...ranges],
    ['median of the pairs', ...BOOT_SERVERS.map((server) => ratioText(ratios(runs, firmware, server)))],
  ]
  return formatTable(rows)
}

/** The goal, for each of our configurations. */
export function bootGoals(runs: readonly BootRun[]): readonly string[] {
  return FIRMWARES.filter((firmware) => runs.some((run) => run.firmware === firmware)).flatMap((firmware) =>
    BOOT_SERVERS.filter((server) => server !== PEER).map((server) => {
      const ratio = median(ratios(runs, firmware, server)) ?? Number.NaN
      return `${firmware}, ${server}: ${ratio.toFixed(3)}x ${PEER} (goal ${GOAL}x): ${ratio <= GOAL ? 'met' : 'MISSED'}`
    }),
  )
}

/** Of each pair, our whole boot to the peer's. */
export function ratios(
  runs: readonly BootRun[],
  firmware: Firmware,
  server: BootServerName,
): readonly number[] {
  const peers = of(runs, firmware, PEER)
  return of(runs, firmware, server).flatMap(({ pair, stages }) => {
    const peer = peers.find((one) => one.pair === pair)
    return peer === undefined ? [] : [totalSeconds(stages) / totalSeconds(peer.stages)]
  })
}

function of(runs: readonly BootRun[], firmware: Firmware, server: BootServerName): readonly BootRun[] {
  return runs.filter((run) => run.firmware === firmware && run.server === server)
}

function middle(values: readonly number[]): string {
  return median(values)?.toFixed(2) ?? '-'
}

function ratioText(values: readonly number[]): string {
  const ratio = median(values)
  return ratio === undefined ? '-' : `${ratio.toFixed(3)}x`
}
