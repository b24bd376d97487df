import { formatBytes, formatTable } from '../lib/text.ts'
import type { BootEvent } from '../model/event.ts'
import { describeEvent } from '../render/event.ts'
import {
  type BoardMachine,
  type MachineOutcome,
  MachineProgress,
  type MachineView,
} from './machine-progress.ts'

/** A line for the timeline; `progress` is only of use where nothing else shows how far a transfer is. */
export interface BoardLine {
  readonly kind: 'happening' | 'progress'
  readonly text: string
}

/** What the machines have reached, and the line to show for each event. No clock: events carry their time. */
export class Board {
  readonly #machines = new Map<string, MachineProgress>()
  /** By MAC: the last quarter of the transfer under way that had a line. */
  readonly #quarters = new Map<string, number>()

  /** `time` in milliseconds since 1970. */
  powerOn(machine: BoardMachine, time: number): void {
    this.#machines.set(machine.mac, new MachineProgress(machine, time))
  }

  /** Notes why a machine will not get any further; `time` in milliseconds since 1970, default: its last event's. */
  fail(mac: string, reason: string, time?: number): void {
    this.#machines.get(mac)?.fail(oneLine(reason), time)
  }

  /** The line for the timeline; undefined for events of no machine of ours, and for progress between quarters. */
  take(event: BootEvent): BoardLine | undefined {
    const progress = event.mac === undefined ? undefined : this.#machines.get(event.mac)
    if (progress === undefined) return undefined
    progress.note(event)
    const { mac, name, firmware } = progress.machine
    const isProgress = event.kind.endsWith('.progress')
    const said = isProgress ? this.#quarterLine(mac, event) : describeEvent(event)
    if (!isProgress) this.#quarters.delete(mac)
    if (said === undefined) return undefined
    const at = seconds(event.time - progress.poweredOn).padStart(8)
    const text = oneLine(`${at}  ${name.padEnd(10)} ${firmware.padEnd(4)}  ${said}`)
    return { kind: isProgress ? 'progress' : 'happening', text }
  }

  /** True when every machine is in service, on its local disk, or has failed. */
  get isOver(): boolean {
    return [...this.#machines.values()].every(({ state }) => state !== 'booting')
  }

  /** Whether the lab was a success: exit code 0. */
  get allInService(): boolean {
    return [...this.#machines.values()].every(({ state }) => state === 'in-service')
  }

  /** The machines in the order in which they were switched on; `now` in milliseconds since 1970. */
  views(now: number): readonly MachineView[] {
    return [...this.#machines.values()].map((progress) => progress.view(now))
  }

  outcome(): readonly MachineOutcome[] {
    return [...this.#machines.values()].map((progress) => progress.outcome())
  }

  /** The end: a row a machine, seconds since power-on. */
  table(): string {
    return formatTable([HEAD, ...this.outcome().map((outcome) => tableRow(outcome).map(oneLine))])
  }

  #quarterLine(mac: string, { detail }: BootEvent): string | undefined {
    const done = Number(detail['sent'] ?? detail['bytes'] ?? 0)
    const size = Number(detail['size'] ?? 0)
    const quarter = size === 0 ? 0 : Math.floor((4 * done) / size)
    if (quarter === 0 || quarter === this.#quarters.get(mac)) return undefined
    this.#quarters.set(mac, quarter)
    return `${bar(done / size, 20)} ${String(detail['file'] ?? '')} ${formatBytes(done)} of ${formatBytes(size)}`
  }
}

const HEAD = [
  ...['MACHINE', 'FIRMWARE', 'PROFILE', 'ADDRESS', 'OFFER', 'LOADER', 'SCRIPT', 'KERNEL', 'INITRD', 'BYTES'],
  'IN SERVICE',
]

function tableRow(outcome: MachineOutcome): readonly string[] {
  const { name, firmware, profile, address, milliseconds, bytes } = outcome
  const { offer, loader, script, kernel, initrd } = milliseconds
  return [
    ...[name, firmware, profile ?? '-', address ?? '-'],
    ...[offer, loader, script, kernel, initrd].map(seconds),
    formatBytes(bytes),
    result(outcome),
  ]
}

function result({ state, milliseconds, reason }: MachineOutcome): string {
  switch (state) {
    case 'in-service':
      return seconds(milliseconds.inService)
    case 'local-disk':
      return 'local disk'
    case 'failed':
      return `FAILED: ${reason ?? 'unknown'}`
    case 'booting':
      return 'not in service'
    default:
      return state satisfies never
  }
}

/** `[#####.....]`: `width` cells between the brackets, `fraction` of them full. */
export function bar(fraction: number, width: number): string {
  const full = Math.min(width, Math.max(0, Math.round(fraction * width)))
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}]`
}

/** `12.3 s` for 12345 milliseconds. */
export function seconds(milliseconds: number | undefined): string {
  return milliseconds === undefined ? '-' : `${(milliseconds / 1000).toFixed(1)} s`
}

/** What a terminal shows as it is, a column a character; whatever else a text has become `?`. */
export function oneLine(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?')
}
