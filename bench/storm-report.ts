import { formatTable } from '../src/lib/text.ts'
import { percentile } from './statistics.ts'
import type { StormYield } from './storm-client.ts'
import type { StormServerName } from './storm-servers.ts'

/** One storm of one server. */
export interface StormRun {
  readonly server: StormServerName
  readonly count: number
  readonly repeat: number
  /** Octets of the image that every machine loads. */
  readonly image: number
  readonly yield: StormYield
  /** The server's: CPU seconds, and the most resident memory of all its processes in MiB, looked at four times a second. */
  readonly cpuSeconds: number
  readonly peakMiB: number
}

/** The simulator had this share of a core or more: what was measured is partly it. */
const BUSY_SHARE = 0.8

/** Milliseconds until each machine had its last file, ascending. */
export function bootTimes({ machines }: StormYield): readonly number[] {
  return machines.flatMap(({ ms }) => (ms === undefined ? [] : [ms])).sort((a, b) => a - b)
}

/** A row for every run. */
export function stormTable(runs: readonly StormRun[]): string {
  const head = [
    'machines',
    'server',
    'booted',
    'to kernel p50',
    'p99',
    'OFFER p50',
    'p99',
    'MB/s',
    'CPU s',
    'MiB',
  ]
  const more = ['repeats DHCP', 'TFTP', 'NAK', 'dup', 'queued', 'simulator']
  return formatTable([[...head, ...more], ...runs.map(row)])
}

function row({ count, server, yield: got, cpuSeconds, peakMiB }: StormRun): readonly string[] {
  const times = bootTimes(got)
  const bytes = got.machines.reduce((sum, one) => sum + one.bytes, 0)
  const share = got.cpuSeconds / got.seconds
  const seconds = (part: number): string => `${((percentile(times, part) ?? Number.NaN) / 1000).toFixed(1)} s`
  const offer = (part: number): string => `${(percentile(got.offerMs, part) ?? Number.NaN).toFixed(0)} ms`
  return [
    ...[`${count}`, server, `${times.length}`, seconds(0.5), seconds(0.99), offer(0.5), offer(0.99)],
    ...[(bytes / 1e6 / got.seconds).toFixed(0), cpuSeconds.toFixed(1), peakMiB.toFixed(0)],
    ...[got.dhcpRepeats, got.tftpRepeats, got.naks, got.duplicates].map(String),
    `${got.machines.filter(({ queued }) => queued > 0).length}`,
    `${(share * 100).toFixed(0)} %${share >= BUSY_SHARE ? ' (!)' : ''}`,
  ]
}

/** Why machines gave up, each reason with its count; empty when none did. */
export function stormFailures(runs: readonly StormRun[]): readonly string[] {
  return runs.flatMap(({ server, count, repeat, yield: { machines } }) => {
    const reasons = Map.groupBy(
      machines.flatMap(({ failed }) => (failed === undefined ? [] : [failed])),
      (why) => why,
    )
    return [...reasons].map(
      ([why, all]) => `${count} machines, ${server}, run ${repeat}: ${all.length} gave up: ${why}`,
    )
  })
}
