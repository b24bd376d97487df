import { formatBytes, formatTable } from '../lib/text.ts'
import type { BootEvent } from '../model/event.ts'
import { describeEvent } from '../render/event.ts'
import type { PlannedMachine } from './plan.ts'

/** One milestone of a boot, in milliseconds since the machine was switched on. */
interface Progress {
  readonly machine: PlannedMachine
  readonly poweredOn: number
  offer?: number
  loader?: number
  script?: number
  kernel?: number
  initrd?: number
  inService?: number
  bytes: number
  profile?: string
  address?: string
  failed?: string
  /** The last quarter of a transfer that was shown. */
  quarter: number
}

/** What the machines have reached, and the line to show for each event. No clock: events carry their time. */
export class Board {
  readonly #machines = new Map<string, Progress>()

  /** `time` in milliseconds since 1970. */
  powerOn(machine: PlannedMachine, time: number): void {
    this.#machines.set(machine.mac, { machine, poweredOn: time, bytes: 0, quarter: 0 })
  }

  /** Notes why a machine will not get any further. */
  fail(mac: string, reason: string): void {
    const progress = this.#machines.get(mac)
    if (progress !== undefined && progress.inService === undefined) progress.failed ??= reason
  }

  /** The line for the timeline; undefined for events of no machine of ours, and for progress between quarters. */
  take(event: BootEvent): string | undefined {
    const progress = event.mac === undefined ? undefined : this.#machines.get(event.mac)
    if (progress === undefined) return undefined
    const at = event.time - progress.poweredOn
    note(progress, event, at)
    const text = event.kind.endsWith('.progress') ? quarterLine(progress, event) : describeEvent(event)
    if (text === undefined) return undefined
    if (!event.kind.endsWith('.progress')) progress.quarter = 0
    const { name, firmware } = progress.machine
    return `${seconds(at).padStart(8)}  ${name.padEnd(10)} ${firmware}  ${text}`
  }

  /** True when every machine is in service or has failed. */
  get isOver(): boolean {
    return [...this.#machines.values()].every(
      ({ inService, failed }) => inService !== undefined || failed !== undefined,
    )
  }

  get allInService(): boolean {
    return [...this.#machines.values()].every(({ inService }) => inService !== undefined)
  }

  /** The end: a row a machine, seconds since power-on. */
  table(): string {
    const rows = [...this.#machines.values()].map((progress) => [
      progress.machine.name,
      progress.machine.firmware,
      progress.profile ?? '-',
      progress.address ?? '-',
      seconds(progress.offer),
      seconds(progress.loader),
      seconds(progress.script),
      seconds(progress.kernel),
      seconds(progress.initrd),
      formatBytes(progress.bytes),
      progress.inService === undefined
        ? `FAILED: ${progress.failed ?? 'unknown'}`
        : seconds(progress.inService),
    ])
    const head = [
      'MACHINE',
      'FIRMWARE',
      'PROFILE',
      'ADDRESS',
      'OFFER',
      'LOADER',
      'SCRIPT',
      'KERNEL',
      'INITRD',
      'BYTES',
      'IN SERVICE',
    ]
    return formatTable([head, ...rows])
  }
}

function note(progress: Progress, { kind, detail, address }: BootEvent, at: number): void {
  const { file } = detail
  if (kind === 'dhcp.offer') progress.offer ??= at
  if (kind === 'dhcp.ack' && address !== undefined) progress.address = address
  if (kind === 'http.script') progress.script ??= at
  if (kind === 'tftp.done') progress.loader ??= at
  if (kind === 'tftp.done') progress.bytes += Number(detail['bytes'] ?? 0)
  if (kind === 'http.done') progress.bytes += Number(detail['sent'] ?? 0)
  if (kind === 'http.done' && file === 'vmlinuz') progress.kernel ??= at
  if (kind === 'http.done' && file !== 'vmlinuz') progress.initrd ??= at
  if (kind !== 'report' || detail['standing'] !== 'verified') return
  if (detail['stage'] === 'failed')
    progress.failed ??= String(detail['detail'] ?? 'the machine reports a failure')
  if (detail['stage'] !== 'in-service') return
  progress.inService ??= at
  progress.profile = String(detail['profile'] ?? '-')
}

function quarterLine(progress: Progress, { detail }: BootEvent): string | undefined {
  const done = Number(detail['sent'] ?? detail['bytes'] ?? 0)
  const size = Number(detail['size'] ?? 0)
  const quarter = size === 0 ? 0 : Math.floor((4 * done) / size)
  if (quarter === progress.quarter || quarter === 0) return undefined
  progress.quarter = quarter
  return `${bar(done / size)} ${String(detail['file'] ?? '')} ${formatBytes(done)} of ${formatBytes(size)}`
}

function bar(fraction: number): string {
  const full = Math.round(fraction * 20)
  return `[${'#'.repeat(full)}${'.'.repeat(20 - full)}]`
}

function seconds(milliseconds: number | undefined): string {
  return milliseconds === undefined ? '-' : `${(milliseconds / 1000).toFixed(1)} s`
}
