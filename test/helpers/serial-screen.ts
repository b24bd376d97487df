const COLUMNS = 80
const ROWS = 25
/** A control sequence (ECMA-48 5.4), a terminal reset, or one character. */
const TOKEN = new RegExp(`${'\x1b'}\\[([?=0-9;]*)([A-Za-z])|${'\x1b'}c|[^]`, 'g')

/**
 * What a terminal of 80 columns shows of a serial console: a page for every time that the screen was cleared, with what
 * scrolled off its top. Colours are left out; so are pages without text.
 */
export function screensOf(log: string): readonly string[] {
  const pages: string[] = []
  let lines: string[][] = []
  let [row, column] = [0, 0]
  const top = (): number => Math.max(0, lines.length - ROWS)
  const clear = (): void => {
    const page = lines.map((cells) =>
      Array.from(cells, (cell) => cell ?? ' ')
        .join('')
        .trimEnd(),
    )
    if (page.some((line) => line !== '')) pages.push(page.join('\n').trimEnd())
    ;[lines, row, column] = [[], 0, 0]
  }
  const put = (character: string): void => {
    if (column === COLUMNS) [row, column] = [row + 1, 0]
    while (lines.length <= row) lines.push([])
    const cells = lines[row] ?? []
    cells[column] = character
    column += 1
  }
  for (const [all, parameters = '', final] of log.matchAll(TOKEN)) {
    if (final === 'H') {
      const [down = 1, right = 1] = parameters.split(';').map((text) => Number(text || 1))
      ;[row, column] = [top() + down - 1, right - 1]
    } else if (final === 'J' || all === '\x1bc') clear()
    else if (all === '\r') column = 0
    else if (all === '\n') row += 1
    else if (all === '\b') column = Math.max(0, column - 1)
    else if (final === undefined && all >= ' ') put(all)
  }
  clear()
  return pages
}
