import { type Document, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import type { Origin } from '../model/config.ts'
import { notAMap, type YamlProblem, yamlProblems } from './yaml-problems.ts'

/** One thing wrong, or doubtful, in a configuration, with the place to mend it. */
export interface ConfigProblem {
  readonly severity: 'error' | 'warning'
  readonly origin: Origin
  /** The key, `networks[0].subnet`; empty for the file as a whole. */
  readonly path: string
  /** What is wrong and what to write instead. */
  readonly message: string
}

/** `file:line:column: path: message`, as editors and grep read it. */
export function formatProblem({ severity, origin, path, message }: ConfigProblem): string {
  const place = `${origin.file}:${origin.line}:${origin.column}`
  return [
    place,
    ...(path === '' ? [] : [path]),
    severity === 'warning' ? `warning: ${message}` : message,
  ].join(': ')
}

export type Path = readonly (string | number)[]

/** By file, in the order in which the files are read, then by line and column. */
export function inOrder(
  problems: readonly ConfigProblem[],
  files: readonly string[],
): readonly ConfigProblem[] {
  const rank = new Map(files.map((file, index) => [file, index]))
  return [...problems].sort(
    ({ origin: a }, { origin: b }) =>
      (rank.get(a.file) ?? 0) - (rank.get(b.file) ?? 0) || a.line - b.line || a.column - b.column,
  )
}

/** A YAML text with the places of its keys. */
export class ConfigSource {
  readonly file: string
  /** Why the text cannot be read; then it has no value, and nothing else can be said about it. */
  readonly problems: readonly ConfigProblem[]
  /** The keys and their values; undefined when there are none, or when the text cannot be read. */
  readonly value: unknown
  readonly #document: Document
  readonly #lines = new LineCounter()

  constructor(file: string, text: string) {
    this.file = file
    // maxAliasCount: an alias that expands a million times is an attack, not a configuration ("billion laughs").
    this.#document = parseDocument(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      uniqueKeys: true,
      logLevel: 'error',
    })
    const lineOf = (offset: number): number => this.#originAt(offset).line
    const found = yamlProblems({ document: this.#document, text, lineOf })
    const { value, problem } = found.length === 0 ? readValue(this.#document) : {}
    this.value = value
    this.problems = [...found, ...(problem === undefined ? [] : [problem])].map(({ offset, message }) => ({
      severity: 'error',
      origin: this.#originAt(offset),
      path: '',
      message,
    }))
  }

  /** The value of a key at the top, of whatever shape. */
  section(key: string): unknown {
    return isRecord(this.value) ? this.value[key] : undefined
  }

  /** Where a path stands, and how it is called. */
  place(path: Path): { readonly origin: Origin; readonly path: string } {
    const written = this.#written(path)
    return { origin: this.origin(written), path: formatPath(written) }
  }

  /** Where a key's value stands; of the nearest enclosing value when the key is absent. */
  origin(path: Path): Origin {
    let node: unknown = this.#document.contents
    let offset = rangeStart(node) ?? 0
    for (const key of path) {
      node = child(node, key)
      const start = rangeStart(node)
      if (start === undefined) break
      offset = start
    }
    return this.#originAt(offset)
  }

  /** Whether the text gives a value for this path. */
  has(path: Path): boolean {
    return this.#node(path) !== undefined
  }

  /** Where a key itself stands, for keys that should not be there. */
  originOfKey(path: Path, key: string): Origin {
    const node = this.#node(path)
    const pair = isMap(node)
      ? node.items.find((item) => isScalar(item.key) && item.key.value === key)
      : undefined
    return this.#originAt(rangeStart(isPair(pair) ? pair.key : node) ?? 0)
  }

  problem(path: Path, message: string, severity: ConfigProblem['severity'] = 'error'): ConfigProblem {
    return { severity, ...this.place(path), message }
  }

  /** Without the index that a single value has only because it counts as a list of one. */
  #written(path: Path): Path {
    const list = path.slice(0, -1)
    return typeof path.at(-1) === 'number' && isScalar(this.#node(list)) ? list : path
  }

  #node(path: Path): unknown {
    let node: unknown = this.#document.contents
    for (const key of path) node = child(node, key)
    return node
  }

  /** Checks the shape. The value has its defaults; the problems name every key that is wrong. */
  check<T>(schema: z.ZodType<T>): { readonly value?: T; readonly problems: readonly ConfigProblem[] } {
    const parsed = schema.safeParse(this.value ?? {})
    if (parsed.success) return { value: parsed.data, problems: [] }
    return { problems: parsed.error.issues.flatMap((issue) => this.#issueProblems(issue)) }
  }

  #issueProblems(issue: z.core.$ZodIssue): readonly ConfigProblem[] {
    const path = issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key))
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({
        severity: 'error',
        origin: this.originOfKey(path, key),
        path: formatPath([...path, key]),
        message: 'there is no such key; look for a typing error, or remove it',
      }))
    if (issue.code === 'invalid_key') {
      const key = String(path.at(-1) ?? '')
      return [
        {
          severity: 'error',
          origin: this.originOfKey(path.slice(0, -1), key),
          path: formatPath(path),
          message: issue.issues[0]?.message ?? issue.message,
        },
      ]
    }
    const message =
      issue.code === 'invalid_type' && issue.expected === 'object'
        ? 'expected keys with values'
        : issue.message
    const missing = issue.code === 'invalid_type' && !this.has(this.#written(path))
    return [this.problem(path, missing ? `is missing: ${message}` : message)]
  }

  #originAt(offset: number): Origin {
    const { line, col } = this.#lines.linePos(offset)
    return { file: this.file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readValue(document: Document): { readonly value?: unknown; readonly problem?: YamlProblem } {
  const message = notAMap(document)
  if (message !== undefined) return { problem: { offset: rangeStart(document.contents) ?? 0, message } }
  try {
    return { value: withoutEmptySections(document.toJS({ maxAliasCount: 100 })) }
  } catch {
    // Every alias has its anchor by now: there are too many of them.
    return { problem: { offset: 0, message: 'its aliases (*name) expand to too much; write the values out' } }
  }
}

function child(node: unknown, key: string | number): unknown {
  if (isSeq(node) || isMap(node)) return node.get(key, true)
  return undefined
}

function rangeStart(node: unknown): number | undefined {
  return (isScalar(node) || isMap(node) || isSeq(node)) && node.range ? node.range[0] : undefined
}

function formatPath(path: Path): string {
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i === 0 ? '' : '.'}${key}`)).join('')
}

/** `nodes:` with nothing below it is an empty section, as people leave it behind when they comment everything out. */
function withoutEmptySections(value: unknown): unknown {
  if (!isRecord(value)) return undefined
  return Object.fromEntries(Object.entries(value).filter(([, section]) => section !== null))
}
