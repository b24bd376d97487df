import type { BootEvent } from '../model/event.ts'
import { type Board, oneLine } from './board.ts'
import type { MachineView } from './machine-progress.ts'
import type { Recording } from './recording.ts'
import { renderRows, type ScreenSize } from './rows.ts'

/** Milliseconds between two frames. */
const FRAME_MS = 100
/** Lines that are kept while the picture pauses; of more the oldest are left out. */
const PAUSED_LINES = 10_000
/** A terminal that does not tell its size. */
const DEFAULT_SIZE: ScreenSize = { columns: 80, rows: 24 }

/** DECTCEM (DEC STD 070): the cursor. */
const HIDE_CURSOR = '\x1b[?25l'
const SHOW_CURSOR = '\x1b[?25h'
/** DECAWM: SeaBIOS turns it off on the terminal that its console gets. */
export const WRAP_LINES = '\x1b[?7h'
/** EL 2 (ECMA-48 8.3.41). */
const ERASE_LINE = '\x1b[2K'
/** ED 0 (8.3.39) beside the first column: tmux keeps in its history what is erased from the corner of the screen. */
const ERASE_BELOW = `${ERASE_LINE}\x1b[C\x1b[J\r`
/** SGR 0 (ECMA-48 8.3.117): whatever somebody else left. */
const NO_STYLE = '\x1b[m'

/** What the lab shows while it runs: the timeline, and on a terminal the machines below it. */
export interface Picture {
  /** Notes an event on the board and shows its line. */
  take(event: BootEvent): void
  /** One line; control characters in it are not obeyed. */
  line(text: string): void
  /** Text of ours that may have several lines. */
  text(text: string): void
  /** Leaves the terminal to somebody else; what happens meanwhile is shown afterwards. Recordings go on. */
  pause(): void
  resume(): void
  /** Takes the machines' rows away: what follows, such as the table, is the end. */
  endRows(): void
  /** Shows what is still to be shown, and the cursor; the rows stay unless they were ended. Once is enough. */
  close(): void
}

/** Where a picture goes to: standard output or a recording. */
export interface Terminal {
  write(text: string): unknown
  readonly columns?: number | undefined
  readonly rows?: number | undefined
}

/** Where the picture goes: rows on a terminal, or lines. */
interface Sink {
  /** Something happened; it stays readable. */
  line(text: string): void
  /** How far a transfer is, for whoever has no rows. */
  progress(text: string): void
  /** The next frame. */
  draw(): void
  /** Leaves the terminal to somebody else; the newest lines are kept meanwhile. */
  pause(): void
  /** Takes the terminal back, below what the other one left. */
  resume(): void
  /** From now on lines alone. */
  endRows(): void
  /** Draws for the last time; the cursor stands below. */
  close(): void
}

export interface PictureOptions {
  readonly board: Board
  /** `process.stdout`. */
  readonly stdout: Terminal & {
    readonly isTTY?: boolean | undefined
    readonly hasColors?: (() => boolean) | undefined
  }
  /** Closed with the picture. */
  readonly record?: Recording | undefined
  /** Milliseconds since 1970, as the board's events. */
  readonly now?: () => number
  readonly env?: NodeJS.ProcessEnv
}

/** Rows that redraw on a terminal, plain lines anywhere else; both into the recording. */
export function openPicture({
  board,
  stdout,
  record,
  now = Date.now,
  env = process.env,
}: PictureOptions): Picture {
  const machines = (): readonly MachineView[] => board.views(now())
  const wantsColour = (env['NO_COLOR'] ?? '') === ''
  const isColoured = wantsColour && (stdout.hasColors?.() ?? false)
  const screen: Sink =
    stdout.isTTY === true && env['TERM'] !== 'dumb'
      ? new LiveRows(stdout, { machines, now, isColoured })
      : plainSink(stdout)
  const sinks = [screen]
  if (record !== undefined)
    sinks.push(
      record.kind === 'cast'
        ? new LiveRows(record, { machines, now, isColoured: wantsColour })
        : plainSink(record),
    )
  return new LabPicture(board, sinks, record)
}

/** Shows the cursor again after a process that drew rows was killed; nothing when that is no terminal. */
export function restoreCursor(stdout: Terminal & { readonly isTTY?: boolean | undefined }): void {
  if (stdout.isTTY === true) stdout.write(`${SHOW_CURSOR}${WRAP_LINES}`)
}

class LabPicture implements Picture {
  readonly #board: Board
  readonly #sinks: readonly Sink[]
  readonly #record: Recording | undefined
  readonly #timer: NodeJS.Timeout
  readonly #onExit = (): void => this.close()
  #isOpen = true
  #hasToldProblem = false

  constructor(board: Board, sinks: readonly Sink[], record: Recording | undefined) {
    this.#board = board
    this.#sinks = sinks
    this.#record = record
    this.#timer = setInterval(() => this.#draw(), FRAME_MS).unref()
    process.on('exit', this.#onExit)
  }

  take(event: BootEvent): void {
    const line = this.#board.take(event)
    if (line === undefined) return
    for (const sink of this.#sinks) {
      if (line.kind === 'progress') sink.progress(line.text)
      else sink.line(line.text)
    }
  }

  line(text: string): void {
    for (const sink of this.#sinks) sink.line(oneLine(text))
  }

  text(text: string): void {
    for (const line of text.split('\n')) this.line(line)
  }

  pause(): void {
    this.#sinks[0]?.pause()
  }

  resume(): void {
    this.#sinks[0]?.resume()
  }

  endRows(): void {
    for (const sink of this.#sinks) sink.endRows()
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    clearInterval(this.#timer)
    process.off('exit', this.#onExit)
    this.#draw()
    for (const sink of this.#sinks) sink.close()
    this.#record?.close()
  }

  #draw(): void {
    for (const sink of this.#sinks) sink.draw()
    const problem = this.#record?.problem
    if (problem === undefined || this.#hasToldProblem) return
    this.#hasToldProblem = true
    this.line(problem)
  }
}

function plainSink(out: Terminal): Sink {
  const line = (text: string): void => void out.write(`${text}\n`)
  const nothing = (): void => {}
  const rest = { draw: nothing, pause: nothing, resume: nothing, endRows: nothing, close: nothing }
  return { line, progress: line, ...rest }
}

interface LiveOptions {
  readonly machines: () => readonly MachineView[]
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly isColoured: boolean
}

/**
 * Timeline lines that scroll, and below them rows that are drawn over. Between two frames the cursor stands on the
 * first of the rows: a terminal that wraps lines anew when it becomes narrower (VTE, kitty, tmux) takes the cursor
 * along, one that cuts them (xterm) leaves it there, so that erasing below hits all of the rows and nothing else.
 */
export class LiveRows implements Sink {
  readonly #out: Terminal
  readonly #options: LiveOptions
  #lines: string[] = []
  #drawn: readonly string[] = []
  #size: ScreenSize = DEFAULT_SIZE
  #leftOut = 0
  #hasRows = true
  #isHidden = false
  #isPaused = false
  #isOpen = true

  constructor(out: Terminal, options: LiveOptions) {
    this.#out = out
    this.#options = options
  }

  /** Comes with the next frame, above the rows. */
  line(text: string): void {
    this.#lines.push(oneLine(text))
    if (this.#lines.length <= PAUSED_LINES) return
    this.#lines.shift()
    this.#leftOut += 1
  }

  /** The rows show it. */
  progress(): void {}

  /** One frame in one write; nothing when it looks as the last. */
  draw(): void {
    if (this.#isPaused || !this.#isOpen) return
    const { columns = DEFAULT_SIZE.columns, rows: height = DEFAULT_SIZE.rows } = this.#out
    // A terminal of 0 x 0 is one that nobody has told its size, a serial line for instance.
    const size = { columns: columns || DEFAULT_SIZE.columns, rows: height || DEFAULT_SIZE.rows }
    const { machines, now, isColoured } = this.#options
    const rows = this.#hasRows ? renderRows(machines(), size, now(), isColoured) : []
    const isSameSize = size.columns === this.#size.columns && size.rows === this.#size.rows
    const isOver = isSameSize && this.#lines.length === 0 && rows.length === this.#drawn.length
    const body = isOver ? changed(this.#drawn, rows) : this.#redrawn(rows)
    this.#size = size
    this.#drawn = rows
    this.#lines = []
    if (body === '') return
    const up = rows.length > 1 ? `\x1b[${rows.length - 1}A` : ''
    this.#out.write(`${this.#isHidden ? '' : HIDE_CURSOR}${body}${up}\r`)
    this.#isHidden = true
  }

  pause(): void {
    this.draw()
    this.#isPaused = true
    if (this.#isHidden) this.#out.write(`${ERASE_BELOW}${SHOW_CURSOR}`)
    this.#isHidden = false
    this.#drawn = []
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    if (this.#leftOut > 0) this.#lines.unshift(`... ${this.#leftOut} lines are left out here`)
    this.#leftOut = 0
    this.#out.write(`${NO_STYLE}\r\n`)
    this.draw()
  }

  endRows(): void {
    this.#hasRows = false
    this.draw()
  }

  close(): void {
    this.resume()
    this.draw()
    this.#isOpen = false
    if (!this.#isHidden) return
    this.#out.write(`${'\r\n'.repeat(this.#drawn.length)}${SHOW_CURSOR}`)
    this.#isHidden = false
  }

  #redrawn(rows: readonly string[]): string {
    return `${ERASE_BELOW}${this.#lines.map((line) => `${line}\r\n`).join('')}${rows.join('\r\n')}`
  }
}

/** The rows that differ, written over; '' when none does. */
function changed(before: readonly string[], rows: readonly string[]): string {
  if (rows.every((row, i) => row === before[i])) return ''
  return rows.map((row, i) => (row === before[i] ? '' : `${ERASE_LINE}${row}`)).join('\r\n')
}
