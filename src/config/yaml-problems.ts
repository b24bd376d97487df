import {
  type Document,
  type ErrorCode,
  isCollection,
  isMap,
  isScalar,
  Scalar,
  visit,
  type YAMLError,
  type YAMLMap,
} from 'yaml'

/** What is wrong with a text as YAML, with its place counted in characters from the start. */
export interface YamlProblem {
  readonly offset: number
  readonly message: string
}

interface Parsed {
  readonly document: Document
  readonly text: string
  /** The line of an offset, counted from 1. */
  readonly lineOf: (offset: number) => number
}

/**
 * The faults that are worth mending first. A key given twice and an unknown alias stand for themselves; after a
 * fault in the structure the parser guesses, and what it finds further down is mostly a consequence.
 */
export function yamlProblems(parsed: Parsed): readonly YamlProblem[] {
  const faults = [...parsed.document.errors, ...parsed.document.warnings].sort((a, b) => a.pos[0] - b.pos[0])
  const structural = faults.findIndex(({ code }) => code !== 'DUPLICATE_KEY')
  const first = structural < 0 ? faults : faults.slice(0, structural + 1)
  const worded = first.map((fault) => indentedByTab(fault, parsed) ?? reword(fault, parsed))
  return structural < 0
    ? [...worded, ...unknownAliases(parsed.document)].sort((a, b) => a.offset - b.offset)
    : worded
}

/** The parser describes the consequences of a tab in many ways; YAML 1.2.2, 6.1: tabs must not indent. */
function indentedByTab(fault: YAMLError, { text }: Parsed): YamlProblem | undefined {
  const start = text.lastIndexOf('\n', fault.pos[0] - 1) + 1
  const indent = /^[ \t]*/.exec(text.slice(start))?.[0] ?? ''
  const tab = indent.indexOf('\t')
  return tab < 0 || fault.pos[0] > start + indent.length
    ? undefined
    : { offset: start + tab, message: 'a tab indents this line; indent with spaces' }
}

function reword(fault: YAMLError, parsed: Parsed): YamlProblem {
  const [offset] = fault.pos
  const char = parsed.text.charAt(offset)
  switch (fault.code) {
    case 'DUPLICATE_KEY':
      return { offset, message: keyTwice(offset, parsed) }
    case 'MULTIPLE_DOCS': {
      const marker = parsed.text.startsWith('---', offset) ? '---' : '...'
      return { offset, message: `one document a file: remove the line ${marker}${orBefore(marker)}` }
    }
    case 'BAD_SCALAR_START':
      return { offset, message: `a text cannot begin with ${char}; put it in quotes` }
    case 'TAG_RESOLVE_FAILED':
      return {
        offset,
        message: `there is no tag ${parsed.text.slice(...fault.pos)}; remove it, or put the text in quotes`,
      }
    case 'MISSING_CHAR':
    case 'BAD_INDENT':
      return unclosed(fault, parsed) ?? { offset, message: variant(fault) ?? MESSAGES[fault.code] }
    default:
      return { offset, message: MESSAGES[fault.code] }
  }
}

function orBefore(marker: '---' | '...'): string {
  return marker === '---' ? '' : ' before this one'
}

type Worded = Exclude<
  ErrorCode,
  'DUPLICATE_KEY' | 'MULTIPLE_DOCS' | 'BAD_SCALAR_START' | 'TAG_RESOLVE_FAILED'
>

const ALIAS =
  'anchors (&name), aliases (*name) and tags (!name) do not go together like this; write it plainly'

const MESSAGES: Readonly<Record<Worded, string>> = {
  ALIAS_PROPS: ALIAS,
  BAD_ALIAS: ALIAS,
  BAD_COLLECTION_TYPE: ALIAS,
  BAD_DIRECTIVE: 'remove this line: directives (%NAME) mean nothing here',
  BAD_DQ_ESCAPE: 'there is no such escape in double quotes; write \\\\ for a backslash, or use single quotes',
  BAD_INDENT:
    'this line begins in another column than its neighbours; indent what belongs together by the same number of spaces',
  BAD_PROP_ORDER: ALIAS,
  BLOCK_AS_IMPLICIT_KEY:
    'a second "key: value" in one value; put a text with ": " in quotes, or mend the indentation of the next line',
  BLOCK_IN_FLOW: 'inside [ ] and { } everything is separated by commas; look for a comma that is missing',
  IMPOSSIBLE: 'this is not YAML',
  KEY_OVER_1024_CHARS: 'a key of more than 1024 characters; look for a line break that is missing',
  MISSING_CHAR: 'something is missing here: a space, a comma, a colon or a quote',
  MULTILINE_IMPLICIT_KEY:
    'this line is no "key: value" and no "- item"; look for a missing colon, space or dash',
  MULTIPLE_ANCHORS: ALIAS,
  MULTIPLE_TAGS: ALIAS,
  NON_STRING_KEY: 'expected a text as key',
  RESOURCE_EXHAUSTION: 'nested too deeply',
  TAB_AS_INDENT: 'a tab indents this line; indent with spaces',
  UNEXPECTED_TOKEN:
    'this does not belong here; begin a list in a line of its own, remove a bracket too many, or use quotes',
}

/** The parser has one code for all that is missing; only its sentence tells which. */
function variant({ message }: YAMLError): string | undefined {
  if (message.startsWith('Implicit map keys'))
    return 'a key without a value; write a colon and a space after it'
  if (message.startsWith('Comments must be')) return 'write a space before #'
  if (message.startsWith('Missing ,')) return 'a comma is missing before this'
  if (message.startsWith('Sequence item')) return 'a dash is missing before this item'
  if (message.startsWith('Flow end')) return 'indent the closing bracket further than its key'
  return undefined
}

/** Told where it opens: where the parser gives up is often the end of the file. */
function unclosed({ message, pos: [end] }: YAMLError, parsed: Parsed): YamlProblem | undefined {
  if (message.startsWith('Missing closing')) {
    const offset = lastBefore(parsed, end, (node) => isScalar(node) && isQuoted(node))
    const quote = parsed.text[offset ?? end] ?? 'quote'
    return offset === undefined
      ? undefined
      : { offset, message: `the ${quote} that opens here is never closed` }
  }
  if (!/end with a [\]}]/.test(message)) return undefined
  const offset = lastBefore(
    parsed,
    end,
    (node) => isCollection(node) && node.flow === true && !isClosed(node, parsed),
  )
  const bracket = parsed.text[offset ?? end] ?? 'bracket'
  const because = `the ${bracket} that opens here is not closed, or what it encloses is not indented further than its key`
  return offset === undefined ? undefined : { offset, message: because }
}

function isQuoted({ type }: Scalar): boolean {
  return type === Scalar.QUOTE_DOUBLE || type === Scalar.QUOTE_SINGLE
}

function isClosed(
  node: { readonly range?: readonly number[] | null | undefined },
  { text }: Parsed,
): boolean {
  const [start, end] = node.range ?? []
  return start !== undefined && end !== undefined && text[end - 1] === (text[start] === '[' ? ']' : '}')
}

function lastBefore({ document }: Parsed, end: number, fits: (node: unknown) => boolean): number | undefined {
  let last: number | undefined
  visit(document, {
    Node: (_key, node) => {
      const start = node.range?.[0]
      if (start !== undefined && start < end && start >= (last ?? 0) && fits(node)) last = start
    },
  })
  return last
}

function keyTwice(offset: number, { document, lineOf }: Parsed): string {
  let message = 'this key is there twice; keep one of them'
  visit(document, {
    Map: (_key, map) => {
      const second = keyAt(map, offset)
      if (second === undefined) return undefined
      const first = map.items.find(({ key }) => isScalar(key) && key.value === second.value)?.key
      const line = lineOf(isScalar(first) ? (first.range?.[0] ?? offset) : offset)
      message = `the key ${String(second.value)} is already in line ${line}; keep one of them`
      return visit.BREAK
    },
  })
  return message
}

function keyAt(map: YAMLMap, offset: number): Scalar | undefined {
  const key = map.items.find((item) => isScalar(item.key) && item.key.range?.[0] === offset)?.key
  return isScalar(key) ? key : undefined
}

/** `include: *.yaml` without quotes is an alias to YAML. */
function unknownAliases(document: Document): readonly YamlProblem[] {
  const anchors = new Set<string>()
  const found: YamlProblem[] = []
  visit(document, {
    Node: (_key, node) => {
      if ((isScalar(node) || isCollection(node)) && node.anchor !== undefined) anchors.add(node.anchor)
    },
    Alias: (_key, { source, range }) => {
      if (anchors.has(source)) return
      const message = `nothing above is named &${source}; a text that begins with * must be in quotes`
      found.push({ offset: range?.[0] ?? 0, message })
    },
  })
  return found
}

/** Whether a document has its keys and values; otherwise what it has instead. */
export function notAMap(document: Document): string | undefined {
  const { contents } = document
  if (contents === null || isMap(contents) || (isScalar(contents) && contents.value === null))
    return undefined
  return `expected keys with values, such as nodes:, but the file is ${isScalar(contents) ? 'a single text' : 'a list'}`
}
