/** The interop matrix as people read it. */
import type { Found } from '../../bench/peers.ts'
import { formatTable } from '../../src/lib/text.ts'
import { VERSION } from '../../src/version.ts'
import type { Row } from './matrix.ts'

const BEGIN = '<!-- written by npm run interop -- --write -->'
const END = '<!-- end -->'

/** A client's own defect, seen with every other server, fails nobody. */
export function hasFailed({ result }: Row): boolean {
  return result === 'failed' || result === 'missing'
}

export function interopTable(rows: readonly Row[]): string {
  const header = ['client', 'plane', 'option', 'path', 'result', 'proof', 's', 'MB/s']
  const lines = rows.map((row) => [
    ...[row.client, row.plane, row.option, row.path, shownResult(row), row.proof],
    ...[row.seconds.toFixed(1), shownSpeed(row)],
  ])
  return `${formatTable([header, ...lines])}${footer(rows)}\n`
}

function shownResult({ result, identical, files }: Row): string {
  const share = `${identical}/${files}`
  switch (result) {
    case 'ok':
      return `ok ${share}`
    case 'client':
      return `client ${share}`
    case 'failed':
      return `FAILED ${share}`
    case 'missing':
      return 'MISSING'
    default:
      return result satisfies never
  }
}

/** What little there is to measure in a small file is the start of a program. */
function shownSpeed({ octets, megabytesPerSecond }: Row): string {
  return octets < 1_000_000 ? '-' : megabytesPerSecond.toFixed(0)
}

function footer(rows: readonly Row[]): string {
  const count = (result: Row['result']): number => rows.filter((row) => row.result === result).length
  const sum = [
    `${count('ok')} ok`,
    ...(count('client') > 0
      ? [`${count('client')} with a defect that the client shows with every server`]
      : []),
    `${rows.filter(hasFailed).length} failed`,
  ]
  const said = notes(rows)
  return ['', ...said, ...(said.length > 0 ? [''] : []), `${rows.length} rows: ${sum.join(', ')}`].join('\n')
}

/** What went wrong, each thing once. */
function notes(rows: readonly Row[]): readonly string[] {
  const said = rows.flatMap(({ client, option, troubles }) =>
    troubles.map(({ file, seed, why, others }) => {
      const besides = others.length === 0 ? '' : ` (${others.join(', ')})`
      const where = `${option}${seed === undefined ? '' : `, seed ${seed}`}`
      return { where, what: `${file}: ${why}${besides}`, client }
    }),
  )
  const groups = Map.groupBy(said, ({ client, what }) => `${client}, ${what}`)
  return [...groups].map(([what, group]) => `* ${what}: with ${group.map(({ where }) => where).join('; ')}`)
}

/** The page with its table replaced: what stands between the two marks. */
export function interopPage(
  page: string,
  rows: readonly Row[],
  peers: readonly { readonly name: string; readonly found: Found }[],
): string {
  const [before, rest] = page.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error(`the page has no ${BEGIN} and ${END}`)
  const header = ['client', 'plane', 'option', 'path', 'result', 'proof', 's', 'MB/s']
  const cells = rows.map((row) => [
    ...[row.client, row.plane, row.option, row.path, shownResult(row), row.proof],
    ...[row.seconds.toFixed(1), shownSpeed(row)],
  ])
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`
  const versions = new Map(rows.map(({ client, version }) => [client, version]))
  const clients = [...versions].map(([client, version]) => `${client} ${version}`).join(', ')
  const others = peers.flatMap(({ name, found }) =>
    found.kind === 'found' ? [`${name} ${found.program.version}`] : [],
  )
  const text = [
    `Centra PXE ${VERSION}, Node ${process.version}. Clients: ${clients}. Other servers: ${others.join(', ')}.`,
    '',
    ...[line(header), line(header.map(() => '---')), ...cells.map(line)],
    footer(rows),
  ]
  return `${before}${BEGIN}\n${text.join('\n')}\n${END}${after}`
}
