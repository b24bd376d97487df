/** The firmware matrix as people read it. */
import { formatTable } from '../../src/lib/text.ts'
import type { PathRow } from './paths.ts'

const BEGIN = '<!-- written by npm run matrix -- --write -->'
const END = '<!-- end -->'
const HEAD = ['firmware', 'path', 'booted', 'result', 's'] as const

function cells({ firmware, way, boots, result, seconds }: PathRow): readonly string[] {
  return [firmware, way, boots, result === 'ok' ? 'ok' : 'FAILED', seconds.toFixed(1)]
}

export function matrixTable(rows: readonly PathRow[]): string {
  const failed = rows.filter(({ result }) => result === 'failed')
  const said = failed.map(({ name, trouble = '' }) => `\n* ${name}: ${trouble}`).join('')
  return `${formatTable([HEAD, ...rows.map(cells)])}\n${said}\n${rows.length} paths, ${failed.length} failed\n`
}

/** The page with its table replaced: what stands between the two marks. `made` is the line above the table. */
export function matrixPage(page: string, rows: readonly PathRow[], made: string): string {
  const [before, rest] = page.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error(`the page has no ${BEGIN} and ${END}`)
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`
  const table = [line(HEAD), line(HEAD.map(() => '---')), ...rows.map((row) => line(cells(row)))]
  return `${before}${BEGIN}\n${made}\n\n${table.join('\n')}\n${END}${after}`
}
