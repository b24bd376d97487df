import type { StageProgress } from '../files/stage-file.ts'
import { formatBytes } from '../lib/text.ts'

export interface ProgressBar {
  readonly observe: (progress: StageProgress) => void
  /** Leaves the line. */
  readonly end: () => void
}

/** Milliseconds between two drawings. */
const REDRAW_MS = 100
const CELLS = 24
/** Columns of a terminal that does not tell, such as a serial line. */
const WIDTH = 80

/** One line of stderr that is drawn over itself; nothing where stderr is no terminal. */
export function startProgressBar(): ProgressBar {
  const { stderr } = process
  if (!stderr.isTTY) return { observe: () => {}, end: () => {} }
  let name: string | undefined
  let begun = { at: 0, done: 0 }
  let drawn = 0
  return {
    observe: (progress) => {
      const now = performance.now()
      if (progress.name !== name) {
        if (name !== undefined) stderr.write('\n')
        name = progress.name
        // What an earlier try left was not moved in this time.
        begun = { at: now, done: progress.done }
        drawn = 0
      }
      if (now - drawn < REDRAW_MS && progress.done !== progress.total) return
      drawn = now
      const perSecond = ((progress.done - begun.done) * 1000) / Math.max(1, now - begun.at)
      stderr.write(
        `\r${progressLine(progress, perSecond, stderr.columns > 0 ? stderr.columns : WIDTH)}\x1b[K`,
      )
    },
    end: () => {
      if (name !== undefined) stderr.write('\n')
    },
  }
}

/** `perSecond` in octets; at most `columns - 1` characters, so that no terminal breaks the line. */
export function progressLine(progress: StageProgress, perSecond: number, columns: number): string {
  const { name, done, total } = progress
  const rate = perSecond > 0 ? `  ${formatBytes(Math.round(perSecond))}/s` : ''
  if (total === undefined || total === 0)
    return `${name}  ${formatBytes(done)}${rate}`.slice(0, Math.max(0, columns - 1))
  const filled = Math.floor((done / total) * CELLS)
  const bar = `[${'='.repeat(filled)}${' '.repeat(CELLS - filled)}]`
  const percent = `${Math.floor((done / total) * 100)}`.padStart(3)
  const left = perSecond > 0 && done < total ? `  ${Math.ceil((total - done) / perSecond)} s left` : ''
  const line = `${name}  ${bar} ${percent} %  ${formatBytes(done)} of ${formatBytes(total)}${rate}${left}`
  return line.slice(0, Math.max(0, columns - 1))
}
