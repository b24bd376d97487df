import { type Document, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import type { Origin } from '../model/config.ts'
import { type PlainNodes, readPlainNodes } from './plain-nodes.ts'
import { notAMap, type YamlProblem, yamlProblems } from './yaml-problems.ts'

export interface ConfigText {
  /** Absolute, or as the operator named it: errors and traces repeat it. */
  readonly file: string
  readonly text: string
}

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

/** A text as a syntax tree. */
class Tree {
  readonly document: Document
  readonly #file: string
  readonly #lines = new LineCounter()
  readonly #plain: PlainNodes | undefined

  /** Of a part, where `plain` was cut out of it. */
  constructor(file: string, text: string, plain?: PlainNodes) {
    this.#file = file
    this.#plain = plain
    // maxAliasCount: an alias that expands a million times is an attack, not a configuration ("billion laughs").
    this.document = parseDocument(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      uniqueKeys: true,
      logLevel: 'error',
    })
  }

  originAt(offset: number): Origin {
    const { line, col } = this.#lines.linePos(offset)
    const skipped = this.#plain !== undefined && offset >= this.#plain.cut ? this.#plain.cutLines : 0
    return { file: this.#file, line: Math.max(line, 1) + skipped, column: Math.max(col, 1) }
  }
}

/** The same text is read once for what it includes and once for what it says. */
const sources = new WeakMap<ConfigText, ConfigSource>()

/** Parses a text once, for as long as the same `ConfigText` object lives. Never throws: what is wrong is in `problems`. */
export function readSource(text: ConfigText): ConfigSource {
  const known = sources.get(text)
  if (known !== undefined) return known
  const source = new ConfigSource(text.file, text.text)
  sources.set(text, source)
  return source
}

/**
 * A YAML text with the places of its keys. A long list of plain nodes is read without a syntax tree, of 100 000 nodes half a
 * gigabyte; the tree of the whole text is made when a place below a node is asked for: for what is wrong with one.
 */
export class ConfigSource {
  readonly file: string
  /** Why the text cannot be read; then it has no value, and nothing else can be said about it. */
  readonly problems: readonly ConfigProblem[]
  /** The keys and their values; undefined when there are none, or when the text cannot be read. */
  readonly value: unknown
  readonly #text: string
  readonly #plain: PlainNodes | undefined
  /** Of all but the plain nodes. */
  readonly #tree: Tree
  #whole: Tree | undefined

  constructor(file: string, text: string) {
    this.file = file
    this.#text = text
    const quick = readQuickly(file, text)
    if (quick !== undefined) {
      this.#plain = quick.plain
      this.#tree = quick.tree
      this.value = quick.value
      this.problems = []
      return
    }
    const tree = new Tree(file, text)
    const { document } = tree
    this.#tree = tree
    const lineOf = (offset: number): number => tree.originAt(offset).line
    const found = yamlProblems({ document, text, lineOf })
    const { value, problem } = found.length === 0 ? readValue(document) : {}
    this.value = value
    this.problems = [...found, ...(problem === undefined ? [] : [problem])].map(({ offset, message }) => ({
      severity: 'error',
      origin: tree.originAt(offset),
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
    const plain = this.#plainOrigin(path)
    if (plain !== undefined) return plain
    const tree = this.#treeOf(path)
    let node: unknown = tree.document.contents
    let offset = rangeStart(node) ?? 0
    for (const key of path) {
      node = child(node, key)
      const start = rangeStart(node)
      if (start === undefined) break
      offset = start
    }
    return tree.originAt(offset)
  }

  /** Of a node as a whole, when the nodes are plain. */
  #plainOrigin([key, index, ...below]: Path): Origin | undefined {
    if (key !== 'nodes' || typeof index !== 'number' || below.length > 0) return undefined
    const [line, column] = [this.#plain?.lines[index], this.#plain?.columns[index]]
    return line === undefined || column === undefined ? undefined : { file: this.file, line, column }
  }

  #treeOf([key]: Path): Tree {
    if (this.#plain === undefined || key !== 'nodes') return this.#tree
    this.#whole ??= new Tree(this.file, this.#text)
    return this.#whole
  }

  /** Whether the text gives a value for this path. */
  has(path: Path): boolean {
    if (this.#plain === undefined || path[0] !== 'nodes') return this.#node(path) !== undefined
    let value: unknown = this.value
    for (const key of path) value = partOf(value, key)
    return value !== undefined
  }

  /** Where a key itself stands, for keys that should not be there. */
  originOfKey(path: Path, key: string): Origin {
    const node = this.#node(path)
    const pair = isMap(node)
      ? node.items.find((item) => isScalar(item.key) && item.key.value === key)
      : undefined
    return this.#treeOf(path).originAt(rangeStart(isPair(pair) ? pair.key : node) ?? 0)
  }

  /** A problem at the value of this key, or of the nearest enclosing one when the key is absent. */
  problem(path: Path, message: string, severity: ConfigProblem['severity'] = 'error'): ConfigProblem {
    return { severity, ...this.place(path), message }
  }

  /** Without the index that a single value has only because it counts as a list of one. */
  #written(path: Path): Path {
    const list = path.slice(0, -1)
    return typeof path.at(-1) === 'number' && isScalar(this.#node(list)) ? list : path
  }

  #node(path: Path): unknown {
    let node: unknown = this.#treeOf(path).document.contents
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
    const form = issue.code === 'invalid_union' ? closestForm(issue) : undefined
    if (form !== undefined)
      return form.flatMap((one) => this.#issueProblems({ ...one, path: [...issue.path, ...one.path] }))
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
}

/** What is wrong with the form that was meant, where a union tells nothing itself: the one that knows the most of the keys. */
function closestForm(union: z.core.$ZodIssueInvalidUnion): readonly z.core.$ZodIssue[] | undefined {
  if (union.message !== 'Invalid input') return undefined
  const strange = (form: readonly z.core.$ZodIssue[]): number =>
    form.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 0), 0)
  return [...union.errors].sort((a, b) => strange(a) - strange(b) || a.length - b.length)[0]
}

interface QuickSource {
  readonly plain: PlainNodes
  readonly tree: Tree
  readonly value: unknown
}

/** Undefined where the whole text has to be read, or anything is wrong with it. */
function readQuickly(file: string, text: string): QuickSource | undefined {
  const plain = readPlainNodes(text)
  if (plain === undefined) return undefined
  const tree = new Tree(file, plain.rest, plain)
  const { document } = tree
  const lineOf = (offset: number): number => tree.originAt(offset).line
  const list = child(document.contents, 'nodes')
  const isCut = isScalar(list) && list.value === null
  if (!isCut || yamlProblems({ document, text: plain.rest, lineOf }).length > 0) return undefined
  const { value, problem } = readValue(document)
  return problem === undefined && isRecord(value)
    ? { plain, tree, value: { ...value, nodes: plain.items } }
    : undefined
}

/** A YAML mapping: an object, but no list. */
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

function partOf(value: unknown, key: string | number): unknown {
  if (Array.isArray(value)) return typeof key === 'number' ? value[key] : undefined
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined
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
