import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Which conformance cases have tests: the table of docs/conformance.md, printed when this is the program. A test belongs
 * to the cases that its name begins with: `D15, D16: every reply ...`.
 */
const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const CASES = 'test/conformance/cases.txt'
const OPEN = 'test/conformance/open.txt'
/** A string of a test file that begins with case ids and a colon. */
const NAMED = /['"`]((?:[A-Z]\d\d, )*[A-Z]\d\d): /g

export interface Case {
  readonly id: string
  readonly what: string
  /** Test files that name it, in order. */
  readonly files: readonly string[]
  /** Why it has none. */
  readonly open?: string
}

/** Every case with its tests, or the reason why it has none where one is written down. */
export function conformanceCases(): readonly Case[] {
  const named = namedIn(globSync(['src/**/*.test.ts', 'test/**/*.test.ts'], { cwd: ROOT }).sort())
  const open = openReasons()
  return rowsOf(CASES).map(([id, what]) => {
    const files = named.get(id) ?? []
    const reason = files.length === 0 ? open.get(id) : undefined
    return { id, what, files, ...(reason === undefined ? {} : { open: reason }) }
  })
}

/** The text of docs/conformance.md. */
export function conformanceDocument(cases: readonly Case[]): string {
  const tested = cases.filter(({ files }) => files.length > 0)
  const without = cases.filter(({ files }) => files.length === 0)
  return [
    '# Conformance',
    '',
    `${tested.length} of ${cases.length} cases that concern DHCP, PXE, HTTP and TFTP have tests named by their id; D: parsing and`,
    'building, S: states and leases, I: identity, A: addresses of replies, X: PXE and proxyDHCP, E: iPXE, O: other servers,',
    'H: HTTP, T: TFTP.',
    'Written by `UPDATE_GOLDEN=1 node --test test/conformance.test.ts`; printed by `npm run conformance`.',
    '',
    '| id | what | tests |',
    '|---|---|---|',
    ...cases.map(
      ({ id, what, files, open }) => `| ${id} | ${what} | ${files.join(', ') || `open: ${open}`} |`,
    ),
    '',
    `Open: ${without.map(({ id }) => id).join(', ') || 'none'}.`,
    '',
  ].join('\n')
}

function namedIn(files: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const named = new Map<string, string[]>()
  for (const file of files)
    for (const [, ids = ''] of readFileSync(join(ROOT, file), 'utf8').matchAll(NAMED))
      for (const id of ids.split(', ')) {
        const known = named.get(id) ?? []
        if (!known.includes(file)) named.set(id, [...known, file])
      }
  return named
}

function openReasons(): ReadonlyMap<string, string> {
  return new Map(rowsOf(OPEN).flatMap(([ids, reason]) => idsOf(ids).map((id) => [id, reason] as const)))
}

/** `X14-X16` is X14, X15, X16. */
function idsOf(text: string): readonly string[] {
  const [first = '', last = first] = text.split('-')
  const [from, to] = [Number(first.slice(1)), Number(last.slice(1))]
  return Array.from({ length: to - from + 1 }, (_, i) => `${first[0]}${String(from + i).padStart(2, '0')}`)
}

function rowsOf(file: string): readonly (readonly [string, string])[] {
  const lines = readFileSync(join(ROOT, file), 'utf8').split('\n')
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)])
}

if (import.meta.main) {
  const cases = conformanceCases()
  for (const { id, what, files, open } of cases)
    console.log(`${id} ${files.length > 0 ? 'tested' : 'open  '} ${what}\n    ${files.join(' ') || open}`)
  const tested = cases.filter(({ files }) => files.length > 0).length
  console.log(`${tested} of ${cases.length} cases have tests`)
}
