import { err, ok, type Result } from '../lib/result.ts'
import type { KeyStep } from './plan.ts'

/** Keys that no letter stands for, as a serial terminal sends them (ECMA-48; VT100 cursor keys). */
const KEYS: Readonly<Record<string, string>> = {
  enter: '\r',
  esc: '\x1b',
  tab: '\t',
  space: ' ',
  backspace: '\x7f',
  up: '\x1b[A',
  down: '\x1b[B',
  right: '\x1b[C',
  left: '\x1b[D',
}

const TOKEN = /\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"#]+)|(#.*))/y

/**
 * Reads the file of `--keys`: a line for each step, in the order in which a machine's steps are done,
 * `MACHINE "text its serial console shows" KEY...`, a key being a name (`enter`, `esc`, `down`, `ctrl-b`, ...), a single
 * character, or a text in double quotes that is typed as it stands. `#` begins a comment. The errors, all of them, begin
 * with `file:line:column`.
 */
export function parseKeys(text: string, file: string): Result<readonly KeyStep[], readonly string[]> {
  const steps: KeyStep[] = []
  const errors: string[] = []
  text.split('\n').forEach((line, index) => {
    const place = (column: number): string => `${file}:${index + 1}:${column + 1}`
    const tokens = tokenize(line)
    if (typeof tokens === 'number') {
      errors.push(`${place(tokens)}: a quote without an end`)
      return
    }
    const [machine, waitFor, ...keys] = tokens
    if (machine === undefined) return
    if (waitFor?.quoted !== true || keys.length === 0) {
      errors.push(
        `${place(machine.column)}: expected MACHINE "text to wait for" KEY..., such as node01 "Centra boot" 2`,
      )
      return
    }
    const unknown = keys.filter((key) => keyBytes(key) === undefined)
    for (const { text: name, column } of unknown)
      errors.push(
        `${place(column)}: there is no key ${name}; there are ${Object.keys(KEYS).join(', ')}, ctrl-a to ctrl-z, single characters and "text"`,
      )
    if (unknown.length === 0)
      steps.push({
        machine: machine.text,
        waitFor: waitFor.text,
        send: keys.map((key) => keyBytes(key) ?? '').join(''),
      })
  })
  return errors.length > 0 ? err(errors) : ok(steps)
}

interface Token {
  readonly text: string
  readonly quoted: boolean
  /** From 0. */
  readonly column: number
}

/** The words of a line; the column of a quote that does not end. */
function tokenize(line: string): readonly Token[] | number {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < line.trimEnd().length) {
    const start = TOKEN.lastIndex
    const match = TOKEN.exec(line)
    if (match === null) return start + line.slice(start).indexOf('"')
    const [whole, quoted, plain, comment] = match
    if (comment !== undefined) break
    const column = start + whole.length - whole.trimStart().length
    if (quoted !== undefined) tokens.push({ text: unescaped(quoted), quoted: true, column })
    else tokens.push({ text: plain ?? '', quoted: false, column })
  }
  return tokens
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\r' : char))
}

function keyBytes({ text, quoted }: Token): string | undefined {
  if (quoted || text.length === 1) return text
  const control = /^ctrl-([a-z])$/.exec(text)?.[1]
  return control === undefined ? KEYS[text] : String.fromCharCode(control.charCodeAt(0) - 96)
}
