import { formatBytes } from '../lib/text.ts'
import { bar, oneLine, seconds } from './board.ts'
import type { MachineState, MachineView, Stage } from './machine-progress.ts'
import type { TransferView } from './transfer-progress.ts'

/** In characters. */
export interface ScreenSize {
  readonly columns: number
  readonly rows: number
}

/** Rows of the screen that stay to the timeline. */
const TIMELINE_ROWS = 4
const NAME_WIDTH = { min: 10, max: 24 }
const FIRMWARE_WIDTH = 4
const STAGE_WIDTH = 14
const BAR_WIDTH = { min: 5, max: 20 }
const RATE_WIDTH = 10

/** SGR parameters (ECMA-48 8.3.117). */
const COLOURS: Readonly<Partial<Record<Stage, number>>> = {
  ...{ 'in service': 32, 'local disk': 36, failed: 31, silent: 33 },
}

interface Layout {
  readonly columns: number
  readonly now: number
  readonly nameWidth: number
  readonly barWidth: number
  readonly isColoured: boolean
}

/**
 * The block below the timeline: a row a machine under a header, each at most `columns` wide. When the screen is too
 * low, machines that are through make way first, and the last row counts those not shown.
 */
export function renderRows(
  machines: readonly MachineView[],
  size: ScreenSize,
  now: number,
  isColoured = false,
): readonly string[] {
  const room = Math.max(1, size.rows - TIMELINE_ROWS)
  const hasHeader = room >= 3 && machines.length > 0
  const shown = choose(machines, room - (hasHeader ? 1 : 0))
  const hidden = machines.filter((machine) => !shown.includes(machine))
  const layout = layOut(shown, size.columns, now, isColoured)
  const header = `${'TIME'.padStart(8)}  ${'MACHINE'.padEnd(layout.nameWidth)} FW    ${'STAGE'.padEnd(STAGE_WIDTH)}  TRANSFER`
  return [
    ...(hasHeader ? [header.slice(0, size.columns).trimEnd()] : []),
    ...shown.map((machine) => machineRow(machine, layout)),
    ...(hidden.length > 0 ? [count(hidden, shown.length > 0).slice(0, size.columns)] : []),
  ]
}

/** As many as fit, in their order; one row is left for the count when not all do. */
function choose(machines: readonly MachineView[], room: number): readonly MachineView[] {
  if (machines.length <= room) return machines
  const isThrough = ({ state }: MachineView): boolean => state === 'in-service' || state === 'local-disk'
  const byInterest = [...machines.filter((one) => !isThrough(one)), ...machines.filter(isThrough)]
  const chosen = new Set(byInterest.slice(0, Math.max(0, room - 1)))
  return machines.filter((machine) => chosen.has(machine))
}

const STATES: readonly (readonly [MachineState, string])[] = [
  ['in-service', 'in service'],
  ['booting', 'booting'],
  ['local-disk', 'on the local disk'],
  ['failed', 'failed'],
]

/** "... and 12 more: 8 in service, 4 booting". */
function count(machines: readonly MachineView[], isRest: boolean): string {
  const counts = STATES.map(([state, word]) => ({
    word,
    n: machines.filter((one) => one.state === state).length,
  }))
  const words = counts.flatMap(({ word, n }) => (n === 0 ? [] : [`${n} ${word}`]))
  return `${isRest ? `... and ${machines.length} more` : `${machines.length} machines`}: ${words.join(', ')}`
}

function layOut(shown: readonly MachineView[], columns: number, now: number, isColoured: boolean): Layout {
  const longest = (texts: readonly string[]): number => Math.max(0, ...texts.map((text) => text.length))
  const nameWidth = clamp(longest(shown.map(({ name }) => name)), NAME_WIDTH)
  const file = longest(
    shown.map((one) => (one.transfer === undefined ? '' : `${bootNumber(one)}${one.transfer.file}`)),
  )
  // Before the bar: time, name, firmware, stage; beside it: brackets, percent, rate.
  const before = 10 + nameWidth + 1 + FIRMWARE_WIDTH + 2 + STAGE_WIDTH + 2
  const barWidth = clamp(columns - before - 2 - 5 - 1 - RATE_WIDTH - 1 - file, BAR_WIDTH)
  return { columns, now, nameWidth, barWidth, isColoured }
}

function machineRow(machine: MachineView, { columns, now, nameWidth, barWidth, isColoured }: Layout): string {
  const { stage, reason } = machine
  const name = machine.name.slice(0, nameWidth).padEnd(nameWidth)
  const before = `${elapsed(machine, now).padStart(8)}  ${name} ${machine.firmware.padEnd(FIRMWARE_WIDTH)}  `
  const label = reason === undefined ? stage : `${stage}: ${reason}`
  const row = `${before}${label.padEnd(STAGE_WIDTH)}  ${details(machine, barWidth)}`
  const shown = oneLine(row).slice(0, columns).trimEnd()
  const colour = isColoured ? COLOURS[stage] : undefined
  return colour === undefined ? shown : paint(shown, colour, before.length, before.length + label.length)
}

/** The transfer under way, else what the machine is and where; a reason leaves no room for either. */
function details(machine: MachineView, barWidth: number): string {
  const { transfer, profile, address, reason } = machine
  if (transfer !== undefined) return transferText(transfer, bootNumber(machine), barWidth)
  if (reason !== undefined) return bootNumber(machine)
  return `${bootNumber(machine)}${[profile, address].filter((part) => part !== undefined).join(' ')}`
}

/** Said from the second boot on. */
function bootNumber({ boots }: MachineView): string {
  return boots > 1 ? `boot ${boots} ` : ''
}

/** Whole seconds while it runs, tenths when it stands. */
function elapsed({ poweredOn, settled }: MachineView, now: number): string {
  if (settled !== undefined) return seconds(settled - poweredOn)
  return `${Math.max(0, Math.floor((now - poweredOn) / 1000))} s`
}

function transferText(
  { file, done, size, rate, quietFor }: TransferView,
  boot: string,
  barWidth: number,
): string {
  const fraction = size === 0 ? 0 : done / size
  const percent = `${Math.min(100, Math.floor(100 * fraction))}%`.padStart(4)
  const quiet = quietFor === undefined ? '' : `quiet ${Math.floor(quietFor / 1000)} s`
  const speed = rate === undefined ? quiet : `${formatBytes(Math.round(rate))}/s`
  return `${bar(fraction, barWidth)} ${percent} ${speed.padStart(RATE_WIDTH)} ${boot}${file}`
}

function paint(text: string, colour: number, from: number, to: number): string {
  if (text.length <= from) return text
  return `${text.slice(0, from)}\x1b[${colour}m${text.slice(from, to)}\x1b[m${text.slice(to)}`
}

function clamp(value: number, { min, max }: { readonly min: number; readonly max: number }): number {
  return Math.min(max, Math.max(min, value))
}
