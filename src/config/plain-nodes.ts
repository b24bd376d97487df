/** A list of `nodes:` in the plain form that programs write, read without a syntax tree. */
export interface PlainNodes {
  readonly items: readonly Readonly<Record<string, unknown>>[]
  /** Where each item stands, from 1; its columns likewise. */
  readonly lines: readonly number[]
  readonly columns: readonly number[]
  /** The text without the items. */
  readonly rest: string
  /** Where they were, in characters, and how many lines they took. */
  readonly cut: number
  readonly cutLines: number
}

const HEAD = /^nodes:\n/m
/** Nothing to read here. */
const BLANK = /[ ]*(?:#[^\n]*)?\n/y
const DASH = /([ ]*)- (?=\S)/y
const INDENT = /[ ]*/y
const KEY = /([A-Za-z][A-Za-z0-9_./-]{0,127}):[ ]+(?=\S)/y
const QUOTED = /"([\x20\x21\x23-\x5b\x5d-\x7e]*)"|'([\x20-\x26\x28-\x7e]*)'/y
/** Texts alone, whatever a YAML parser makes of numbers; a colon is within a word. */
const TEXT =
  /(?:[A-Za-z]|[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![\w:.-])|(?:[0-9]+\.){3}[0-9]+(?![\w:.-]))(?::?[\w./-])*/y
const NUMBER = /(?:0|[1-9][0-9]{0,14})(?![\w:.+-])/y
const END = /[ ]*(?:[ ]#[^\n]*)?(?:\n|$)/y
const SEPARATOR = /[ ]*,[ ]*/y
/** What YAML 1.2's core schema does not take for a text (10.3.2), but for the two below. */
const RESERVED = /^(?:null|true|false)$/i
/** Brackets within brackets. */
const MOST_DEPTH = 8

/**
 * Reads the list as YAML 1.2 would: items of one line in braces, or of lines `key: value`, whose values are texts, whole
 * numbers, or these in brackets or braces. Undefined for anything else: anchors, tags, escapes, texts of several lines, faults.
 */
export function readPlainNodes(text: string): PlainNodes | undefined {
  const head = HEAD.exec(text)
  if (head === null || text.startsWith('\ufeff') || /^%/m.test(text)) return undefined
  const cut = head.index + head[0].length
  const scan = new PlainScan(text, cut)
  const found = scan.list()
  if (found === undefined || found.items.length === 0) return undefined
  const first = countLines(text, 0, cut)
  return {
    ...{ items: found.items, columns: found.columns, lines: found.lines.map((line) => first + 1 + line) },
    rest: text.slice(0, cut) + text.slice(scan.at),
    ...{ cut, cutLines: scan.line },
  }
}

function countLines(text: string, from: number, to: number): number {
  let lines = 0
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) lines += 1
  return lines
}

type List = Pick<PlainNodes, 'items' | 'lines' | 'columns'>
type Item = Record<string, unknown>

/** Lives for one list. */
class PlainScan {
  readonly #text: string
  at: number
  /** Lines since the list began. */
  line = 0
  #depth = 0

  constructor(text: string, at: number) {
    this.#text = text
    this.at = at
  }

  list(): List | undefined {
    const list = { items: [] as Item[], lines: [] as number[], columns: [] as number[] }
    let indent: number | undefined
    for (;;) {
      this.#blanks()
      const dash = this.#take(DASH)
      // The next section begins in the first column; whatever else stands there is YAML's to judge.
      if (dash === null)
        return this.at === this.#text.length || /[A-Za-z]/.test(this.#text[this.at] ?? '') ? list : undefined
      indent ??= dash[1]?.length ?? 0
      if (dash[1]?.length !== indent) return undefined
      const column = indent + 2
      list.lines.push(this.line)
      list.columns.push(column + 1)
      const item = this.#text[this.at] === '{' ? this.#oneLine() : this.#block(column)
      if (item === undefined) return undefined
      list.items.push(item)
    }
  }

  #oneLine(): Item | undefined {
    const item = this.#braces()
    return item !== undefined && this.#end() ? item : undefined
  }

  #block(column: number): Item | undefined {
    const item: Item = {}
    for (;;) {
      if (!this.#pair(item) || !this.#end()) return undefined
      this.#blanks()
      INDENT.lastIndex = this.at
      const indent = INDENT.exec(this.#text)?.[0].length ?? 0
      if (indent > column) return undefined
      if (indent < column) return item
      this.at += indent
    }
  }

  #pair(item: Item): boolean {
    const key = this.#take(KEY)?.[1]
    if (key === undefined || RESERVED.test(key) || Object.hasOwn(item, key)) return false
    const value = this.#value()
    if (value === undefined) return false
    item[key] = value
    return true
  }

  #value(): unknown {
    const char = this.#text[this.at]
    if (char === '{') return this.#braces()
    if (char === '[') return this.#brackets()
    const quoted = this.#take(QUOTED)
    if (quoted !== null) return quoted[1] ?? quoted[2]
    const text = this.#take(TEXT)?.[0]
    if (text === undefined) {
      const number = this.#take(NUMBER)?.[0]
      return number === undefined ? undefined : Number(number)
    }
    if (RESERVED.test(text)) return text === 'true' ? true : text === 'false' ? false : undefined
    return text
  }

  #braces(): Item | undefined {
    const item: Item = {}
    return this.#enclosed('}', () => this.#pair(item)) ? item : undefined
  }

  #brackets(): readonly unknown[] | undefined {
    const list: unknown[] = []
    const read = (): boolean => {
      const value = this.#value()
      return value !== undefined && list.push(value) > 0
    }
    return this.#enclosed(']', read) ? list : undefined
  }

  #enclosed(close: string, read: () => boolean): boolean {
    this.#depth += 1
    const isRead = this.#depth <= MOST_DEPTH && this.#inside(close, read)
    this.#depth -= 1
    return isRead
  }

  #inside(close: string, read: () => boolean): boolean {
    this.at += 1
    this.#take(INDENT)
    while (read()) {
      if (this.#take(SEPARATOR) !== null) continue
      this.#take(INDENT)
      if (this.#text[this.at] !== close) return false
      this.at += 1
      return true
    }
    return false
  }

  /** The end of a line, with a comment or without. */
  #end(): boolean {
    const isEnd = this.#take(END) !== null
    if (isEnd) this.line += 1
    return isEnd
  }

  #blanks(): void {
    while (this.#take(BLANK) !== null) this.line += 1
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.#text)
    if (found !== null) this.at = pattern.lastIndex
    return found
  }
}
