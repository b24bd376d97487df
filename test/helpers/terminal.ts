const ESC = String.fromCharCode(0x1b)
/** A control sequence (ECMA-48 5.4), or one character. */
const TOKEN = new RegExp(`${ESC}\\[([?0-9;]*)([A-Za-z])|[\\s\\S]`, 'g')

interface Row {
  cells: string[]
  /** The next row goes on where this one ends: it was too long. */
  isWrapped: boolean
}

/**
 * As much of a terminal as the lab's live picture uses. Throws for any sequence that it does not know, so that a test
 * says when the picture begins to use another one. Reference: ECMA-48, and xterm for the pending wrap.
 */
export class FakeTerminal {
  columns: number
  rows: number
  isCursorShown = true
  isWrapping = true
  /** SGR parameters in force. */
  style = ''
  /** One entry a call of `write`. */
  readonly writes: string[] = []
  #lines: Row[] = [emptyRow()]
  /** In #lines: the first row on the screen, and the cursor's. */
  #top = 0
  #row = 0
  #column = 0
  /** The last column was written: the next character goes to the next row. */
  #isPending = false

  constructor(columns: number, rows: number) {
    this.columns = columns
    this.rows = rows
  }

  /** The screen, blank rows at its end left out. */
  get screen(): readonly string[] {
    return withoutBlankEnd(this.#lines.slice(this.#top).map(textOf))
  }

  /** What has left the screen at its top. */
  get scrollback(): readonly string[] {
    return this.#lines.slice(0, this.#top).map(textOf)
  }

  get cursor(): { readonly row: number; readonly column: number } {
    return { row: this.#row - this.#top, column: this.#column }
  }

  write(text: string): boolean {
    this.writes.push(text)
    for (const [all, parameter = '', final] of text.matchAll(TOKEN)) {
      if (final !== undefined) this.#obey(parameter, final)
      else if (all === '\r') this.#move(this.#row, 0)
      else if (all === '\n') this.#feed()
      else if (/^[\x20-\x7e]$/.test(all)) this.#put(all)
      else throw new Error(`the terminal got ${JSON.stringify(all)} in ${JSON.stringify(text)}`)
    }
    return true
  }

  /** `cut`: as xterm. `wrap`: lines too long for the new width go on in the next row, as VTE, kitty and tmux do. */
  resize(columns: number, rows: number, how: 'cut' | 'wrap'): void {
    if (how === 'wrap') this.#rewrap(columns)
    else for (const line of this.#lines) line.cells.length = Math.min(line.cells.length, columns)
    this.columns = columns
    this.rows = rows
    this.#column = Math.min(this.#column, columns - 1)
    while (this.#lines.length > this.#row + 1 && textOf(this.#lines.at(-1) ?? emptyRow()) === '')
      this.#lines.pop()
    this.#top = Math.max(0, Math.min(this.#row, this.#lines.length - rows))
    // The cursor stays on the screen: what does not fit below it is lost.
    this.#lines.length = Math.min(this.#lines.length, this.#top + rows)
  }

  #obey(parameter: string, final: string): void {
    const sequence = `${parameter}${final}`
    const count = Number(parameter === '' ? 1 : parameter)
    if (final === 'A') this.#move(Math.max(this.#top, this.#row - count), this.#column)
    else if (sequence === 'C') this.#move(this.#row, Math.min(this.columns - 1, this.#column + 1))
    else if (sequence === 'J') this.#eraseBelow()
    else if (sequence === '2K') this.#current().cells = []
    else if (sequence === '?25l') this.isCursorShown = false
    else if (sequence === '?25h') this.isCursorShown = true
    else if (final === 'm') this.style = parameter
    else if (sequence === '?7h') this.isWrapping = true
    else throw new Error(`the terminal does not know CSI ${sequence}`)
  }

  #move(row: number, column: number): void {
    this.#row = row
    this.#column = column
    this.#isPending = false
  }

  #put(character: string): void {
    if (this.#isPending) {
      this.#current().isWrapped = true
      this.#feed()
      this.#column = 0
    }
    const { cells } = this.#current()
    while (cells.length < this.#column) cells.push(' ')
    cells[this.#column] = character
    if (this.#column === this.columns - 1) this.#isPending = true
    else this.#column += 1
  }

  #feed(): void {
    this.#move(this.#row + 1, this.#column)
    this.#current()
    if (this.#row - this.#top >= this.rows) this.#top += 1
  }

  #eraseBelow(): void {
    // tmux: clearing all of the screen scrolls it away.
    if (this.#row === this.#top && this.#column === 0) {
      this.#top = this.#lines.length
      this.#row = this.#top
    }
    this.#current()
    this.#current().cells.length = Math.min(this.#current().cells.length, this.#column)
    this.#current().isWrapped = false
    this.#lines.length = this.#row + 1
  }

  #current(): Row {
    while (this.#lines.length <= this.#row) this.#lines.push(emptyRow())
    return this.#lines[this.#row] ?? emptyRow()
  }

  #rewrap(columns: number): void {
    const lines: Row[] = []
    let cursor = { row: 0, column: 0 }
    let cells: string[] = []
    let offset: number | undefined
    this.#lines.forEach((line, i) => {
      if (i === this.#row) offset = cells.length + this.#column
      cells.push(...line.cells)
      if (line.isWrapped) return
      if (offset !== undefined)
        cursor = { row: lines.length + Math.floor(offset / columns), column: offset % columns }
      do {
        const part = cells.slice(0, columns)
        cells = cells.slice(columns)
        lines.push({ cells: part, isWrapped: cells.length > 0 })
      } while (cells.length > 0)
      offset = undefined
    })
    this.#lines = lines
    this.#move(cursor.row, cursor.column)
  }
}

function emptyRow(): Row {
  return { cells: [], isWrapped: false }
}

function textOf({ cells }: Row): string {
  return Array.from(cells, (cell) => cell ?? ' ')
    .join('')
    .trimEnd()
}

function withoutBlankEnd(lines: readonly string[]): readonly string[] {
  return lines.slice(0, lines.findLastIndex((line) => line !== '') + 1)
}
