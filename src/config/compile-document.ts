import { isMap, LineCounter, parseDocument, Scalar, visit } from 'yaml'
import type { DocumentKind, DocumentPart, Hole, HoleForm, Template } from '../model/document.ts'
import { type Placeholder, readPlaceholders, type TextPart } from '../model/variables.ts'
import { lineHoles } from './line-documents.ts'
import { isRecord } from './source.ts'
import { yamlProblems } from './yaml-problems.ts'

export interface DocumentProblem {
  /** From 1. */
  readonly line: number
  readonly message: string
}

export interface CompiledDocument {
  /** Absent when anything is wrong. */
  readonly template?: Template
  readonly problems: readonly DocumentProblem[]
}

/**
 * A part of a document as a template: its syntax is checked, and every placeholder stands in a value. YAML and JSON: a scalar
 * with placeholders becomes a double-quoted one; the rest stays as it is written, comments and all.
 */
export function compileDocument(text: string, kind: DocumentKind, part: DocumentPart): CompiledDocument {
  const lineAt = (offset: number): number => text.slice(0, offset).split('\n').length
  const found = readPlaceholders(text.replace(/^\ufeff/, ''))
  if (!found.ok) return failed(lineAt(found.error.at), found.error.message)
  const tokens = new Tokens(found.value)
  switch (part) {
    case 'ks.cfg':
    case 'preseed.cfg': {
      const { forms, problems } = lineHoles(tokens, part)
      return problems.length > 0 ? { problems } : { template: tokens.template(forms), problems }
    }
    case 'config.ign':
      return compileJson(tokens)
    default:
      return compileYaml(tokens, headerProblems(text, part), (value) => shapeProblem(value, kind, part))
  }
}

function failed(line: number, message: string): CompiledDocument {
  return { problems: [{ line, message }] }
}

/** A text in which a word stands for each placeholder, that is nowhere else in it, so that parsers can read it. */
export class Tokens {
  readonly text: string
  readonly placeholders: readonly Placeholder[]
  readonly #prefix: string

  constructor(parts: readonly TextPart[]) {
    const literal = parts.filter((part) => typeof part === 'string').join('\0')
    let mark = 0
    while (literal.includes(`CENTRA${mark}Q`)) mark += 1
    this.#prefix = `CENTRA${mark}Q`
    this.placeholders = parts.filter((part) => typeof part !== 'string')
    let count = 0
    this.text = parts.map((part) => (typeof part === 'string' ? part : this.#token(count++))).join('')
  }

  #token(index: number): string {
    return `${this.#prefix}${index}Q`
  }

  /** A text of this one's in pieces: the indices of placeholders, and what is between them. */
  split(text: string): readonly (string | number)[] {
    return text
      .split(new RegExp(`(${this.#prefix}[0-9]+Q)`))
      .map((piece) => (piece.startsWith(this.#prefix) ? Number(piece.slice(this.#prefix.length, -1)) : piece))
      .filter((piece) => piece !== '')
  }

  /** The placeholders with a form become holes, the others are text: they stand in comments. */
  template(forms: ReadonlyMap<number, HoleForm>, text: string = this.text): Template {
    let line = 1
    return this.split(text).flatMap((piece): Template => {
      if (typeof piece === 'string') {
        line += piece.split('\n').length - 1
        return [piece]
      }
      const [placeholder, form] = [this.placeholders[piece], forms.get(piece)]
      if (placeholder === undefined) return []
      const hole: Hole | undefined = form && { variable: placeholder.variable, form, line }
      return [hole ?? `{{${placeholder.variable}}}`]
    })
  }
}

function compileJson(tokens: Tokens): CompiledDocument {
  const { text } = tokens
  const unquoted = text.replace(/"(?:[^"\\\n]|\\.)*"/g, (quoted) => ' '.repeat(quoted.length))
  const [first = ''] = tokens.split(unquoted)
  if (tokens.split(unquoted).some((piece) => typeof piece === 'number'))
    return failed(
      typeof first === 'string' ? first.split('\n').length : 1,
      'a placeholder stands in quotes: "{{node.name}}"',
    )
  try {
    JSON.parse(text)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const at = Number(/position (\d+)/.exec(message)?.[1] ?? 0)
    return failed(text.slice(0, at).split('\n').length, `is not JSON: ${message.split('\n')[0]}`)
  }
  return compileYaml(tokens, [], ignitionProblem)
}

function compileYaml(
  tokens: Tokens,
  before: readonly DocumentProblem[],
  shape: (value: unknown) => string | undefined,
): CompiledDocument {
  const { text } = tokens
  const counter = new LineCounter()
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false, logLevel: 'error' })
  const lineOf = (offset: number): number => Math.max(counter.linePos(offset).line, 1)
  const faults = yamlProblems({ document, text, lineOf })
  if (before.length > 0 || faults.length > 0)
    return {
      problems: [...before, ...faults.map(({ offset, message }) => ({ line: lineOf(offset), message }))],
    }
  const { edits, forms, problems } = scalarHoles(tokens, document.contents, lineOf)
  const wrong = shape(document.toJS({ maxAliasCount: 100 }))
  if (wrong !== undefined) return failed(1, wrong)
  if (problems.length > 0) return { problems }
  return { template: tokens.template(forms, edited(text, edits)), problems: [] }
}

interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

interface ScalarHoles {
  readonly edits: readonly Edit[]
  readonly forms: ReadonlyMap<number, HoleForm>
  readonly problems: readonly DocumentProblem[]
}

function scalarHoles(tokens: Tokens, contents: unknown, lineOf: (offset: number) => number): ScalarHoles {
  const edits: Edit[] = []
  const forms = new Map<number, HoleForm>()
  const problems: DocumentProblem[] = []
  visit(isMap(contents) ? contents : null, {
    Scalar(key, node) {
      const [start, end] = node.range ?? [0, 0]
      const pieces = tokens.split(tokens.text.slice(start, end))
      if (!pieces.some((piece) => typeof piece === 'number')) return
      if (key === 'key' || typeof node.value !== 'string') {
        const message = 'a placeholder stands in a value, not in a key'
        problems.push({ line: lineOf(start), message })
        return
      }
      const isBlock = node.type === Scalar.BLOCK_LITERAL || node.type === Scalar.BLOCK_FOLDED
      const inside = tokens.split(node.value)
      const form: HoleForm = !isBlock && inside.length === 1 ? 'quoted' : 'word'
      for (const piece of pieces) if (typeof piece === 'number') forms.set(piece, form)
      if (!isBlock) edits.push({ start, end, text: doubleQuoted(node.value) })
    },
  })
  return { edits, forms, problems }
}

/** Characters that JSON leaves as they are, and YAML 1.1 takes for line ends or refuses. */
function doubleQuoted(value: string): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function edited(text: string, edits: readonly Edit[]): string {
  let [out, at] = ['', 0]
  for (const { start, end, text: replacement } of [...edits].sort((a, b) => a.start - b.start)) {
    out += text.slice(at, start) + replacement
    at = end
  }
  return out + text.slice(at)
}

/** cloud-init tells by its first line what a text is (cloud-init, "User data formats"). */
function headerProblems(text: string, part: DocumentPart): readonly DocumentProblem[] {
  if (part !== 'user-data' && part !== 'vendor-data') return []
  const isHeaded = /^#cloud-config[ \t]*(\r?\n|$)/.test(text)
  const message = 'begins with the line #cloud-config, or cloud-init ignores it'
  return isHeaded ? [] : [{ line: 1, message }]
}

function shapeProblem(value: unknown, kind: DocumentKind, part: DocumentPart): string | undefined {
  if (part === 'vendor-data' && (value === null || value === undefined)) return undefined
  if (!isRecord(value)) return 'expected keys with values'
  if (part === 'network-config') {
    const { version } = isRecord(value['network']) ? value['network'] : value
    return version === 1 || version === 2 ? undefined : 'expected version: 1 or version: 2'
  }
  if (kind !== 'autoinstall' || part !== 'user-data') return undefined
  const { autoinstall } = value
  if (!isRecord(autoinstall)) return 'expected the key autoinstall: with what Subiquity shall do'
  return autoinstall['version'] === 1 ? undefined : 'expected version: 1 below autoinstall:'
}

function ignitionProblem(value: unknown): string | undefined {
  const ignition = isRecord(value) ? value['ignition'] : undefined
  const version = isRecord(ignition) ? ignition['version'] : undefined
  return typeof version === 'string' && /^[23]\.\d+\.\d+(-experimental)?$/.test(version)
    ? undefined
    : 'expected ignition.version, such as "3.3.0"'
}
