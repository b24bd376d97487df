import { type Document, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import type { Origin } from '../model/config.ts'

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

/** A YAML text with the places of its keys. */
export class ConfigSource {
  readonly file: string
  readonly problems: readonly ConfigProblem[]
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
    const found = [...this.#document.errors, ...this.#document.warnings].map((error) =>
      this.#problemAt(error.pos[0], error.message),
    )
    let value: unknown
    try {
      // `toJS` throws on an alias without an anchor although `errors` is empty.
      value =
        found.length === 0 ? withoutEmptySections(this.#document.toJS({ maxAliasCount: 100 })) : undefined
    } catch (error) {
      found.push(this.#problemAt(0, error instanceof Error ? error.message : String(error)))
    }
    this.value = value
    this.problems = found
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
    const written = this.#written(path)
    return { severity, origin: this.origin(written), path: formatPath(written), message }
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

  #problemAt(offset: number, message: string): ConfigProblem {
    return {
      severity: 'error',
      origin: this.#originAt(offset),
      path: '',
      message: message.split('\n')[0] ?? message,
    }
  }

  #originAt(offset: number): Origin {
    const { line, col } = this.#lines.linePos(offset)
    return { file: this.file, line: Math.max(line, 1), column: Math.max(col, 1) }
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
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([, section]) => section !== null))
}
