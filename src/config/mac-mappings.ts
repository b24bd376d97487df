import { Document, Scalar } from 'yaml'
import { isNoCardMac, type Mac, parseMac } from '../lib/mac.ts'
import { printable } from '../lib/text.ts'
import { NAME } from '../model/names.ts'
import type { ConfigProblem } from './source.ts'

/** A machine of a mappings file; several lines of one name and profile are its network cards. */
export interface MappedNode {
  readonly name: string
  readonly macs: readonly Mac[]
  readonly profile: string
  /** One line each, in the order of the lines. */
  readonly comments: readonly string[]
}

/** What a name of the file stands for already, in the configuration that the nodes shall join. */
export interface MappingsContext {
  readonly profiles: ReadonlySet<string>
  readonly names: ReadonlySet<string>
  readonly macs: ReadonlySet<Mac>
}

interface Line {
  readonly mac: Mac
  readonly profile: Name
  readonly name: Name
  readonly comment: string
  readonly number: number
}

interface Name {
  readonly name: string
  /** As the file has it, but for capitals. */
  readonly spelled: string
  readonly column: number
  /** Cut from behind it. */
  readonly domain?: string
}

/**
 * The nodes of a file with a machine on each line: MAC address, profile, host name and, if any, a comment, separated by blanks,
 * tabs, commas, semicolons or `|`. Empty lines do not count, nor what follows a `#` at the beginning of a line or after a blank.
 * Names are written with dashes and without their domain; two spellings that become one name are an error: they may be two
 * machines. All problems at once, in the order of the lines.
 */
export function readMacMappings(
  { file, text }: { readonly file: string; readonly text: string },
  context: MappingsContext,
): { readonly nodes: readonly MappedNode[]; readonly problems: readonly ConfigProblem[] } {
  const problems: ConfigProblem[] = []
  const tell =
    (line: number) =>
    (message: string, column = 1, severity: ConfigProblem['severity'] = 'error'): void => {
      problems.push({ severity, origin: { file, line, column }, path: '', message })
    }
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .flatMap((line, i) => readLine(line, i + 1, tell(i + 1)) ?? [])
  tellSpellings(lines, file, tell)
  tellDomains(lines, tell)
  const nodes = new Map<string, MappedNode>()
  const seen = new Map<Mac, number>()
  for (const { mac, number, comment, ...line } of lines) {
    const problem = tell(number)
    const [name, profile] = [line.name.name, line.profile.name]
    const first = seen.get(mac)
    if (first !== undefined) problem(`${mac} is on line ${first} already`)
    else if (context.macs.has(mac)) problem(`${mac} is a node's of the configuration already`)
    else if (context.names.has(name)) problem(`the configuration has a node ${name} already`)
    seen.set(mac, first ?? number)
    const before = nodes.get(name)
    if (before !== undefined && before.profile !== profile)
      problem(`${name} has the profile ${before.profile} on an earlier line, and ${profile} here`)
    nodes.set(name, {
      ...{ name, profile, macs: [...(before?.macs ?? []), mac] },
      comments: [...(before?.comments ?? []), ...(comment === '' ? [] : [comment])],
    })
    if (before === undefined && !context.profiles.has(profile))
      problem(`there is no profile ${profile}; write it under profiles:`, 1, 'warning')
  }
  return { nodes: [...nodes.values()], problems: problems.toSorted(inOrder) }
}

function inOrder({ origin: one }: ConfigProblem, { origin: other }: ConfigProblem): number {
  return one.line - other.line || one.column - other.column
}

type TellOf = (
  line: number,
) => (message: string, column?: number, severity?: ConfigProblem['severity']) => void

/** `web_01` and `web-01`, `web-01.a.example` and `web-01.b.example`. */
function tellSpellings(lines: readonly Line[], file: string, tell: TellOf): void {
  for (const key of ['name', 'profile'] as const) {
    const first = new Map<string, { readonly spelled: string; readonly at: string }>()
    for (const { [key]: word, number } of lines) {
      const { name, spelled, column } = word
      const before = first.get(name)
      if (before === undefined) first.set(name, { spelled, at: `${file}:${number}:${column}` })
      else if (before.spelled !== spelled)
        tell(number)(
          `${spelled} here and ${before.spelled} (${before.at}) both become ${name}; if they are one, write them alike`,
          column,
        )
    }
  }
}

/** Each domain once, where it stands first. */
function tellDomains(lines: readonly Line[], tell: TellOf): void {
  const told = new Set<string>()
  for (const { name, number } of lines) {
    if (name.domain === undefined || told.has(name.domain)) continue
    told.add(name.domain)
    const message = `the domain ${name.domain} is left out of names: ${name.spelled} is the node ${name.name}`
    tell(number)(message, name.column, 'warning')
  }
}

/** Control and format characters, separators of lines, halves of characters: a comment stays a comment. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\uFFFE\uFFFF]/gu

type Tell = (message: string, column?: number) => void

function readLine(line: string, number: number, tell: Tell): readonly Line[] | undefined {
  const [fields = '', ...behind] = line.split(/(?:^|(?<=[ \t]))#/)
  const comment = behind.length === 0 ? '' : line.slice(fields.length + 1)
  const words = [...fields.matchAll(/[^\s,;|]+/g)].map(({ 0: text, index }) => ({ text, column: index + 1 }))
  if (words.length === 0 && /^\s*$/.test(fields)) return undefined
  const [macWord, profileWord, nameWord, ...rest] = words
  if (macWord === undefined || profileWord === undefined || nameWord === undefined) {
    tell('expected a MAC address, a profile and a host name, such as 52:54:00:12:34:56 worker web-01')
    return undefined
  }
  const mac = parseMac(macWord.text)
  if (mac === undefined || isNoCardMac(mac))
    tell(`expected the MAC address of a network card, got "${shown(macWord.text)}"`, macWord.column)
  const profile = readName(profileWord, tell)
  const name = readName(withoutDomain(nameWord), tell)
  if (mac === undefined || isNoCardMac(mac) || profile === undefined || name === undefined) return undefined
  const said = [...rest.map(({ text }) => text), comment.trim()].filter((part) => part !== '')
  return [{ mac, profile, name, comment: said.join(' ').replace(UNSEEN, ' ').slice(0, 500), number }]
}

interface Word {
  readonly text: string
  readonly column: number
  readonly domain?: string
}

/** RFC 1123 §2.1, with the underlines that people write; a host name is no address. */
const QUALIFIED =
  /^(?!(?:[0-9]+\.)*[0-9]+\.?$)([a-z0-9_-]{1,63})\.((?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63})\.?$/i

function withoutDomain({ text, column }: Word): Word {
  const [, host, domain] = QUALIFIED.exec(text) ?? []
  return host === undefined || domain === undefined
    ? { text, column }
    : { text, column, domain: domain.toLowerCase() }
}

function readName({ text, column, domain }: Word, tell: Tell): Name | undefined {
  const spelled = text.toLowerCase().replace(/\.$/, '')
  const host = domain === undefined ? spelled : (spelled.split('.')[0] ?? '')
  const name = host.replaceAll('_', '-')
  if (NAME.test(name) && name.length <= 63)
    return { name, spelled, column, ...(domain === undefined ? {} : { domain }) }
  tell(`expected a name of letters, digits and dashes, got "${shown(text)}"`, column)
  return undefined
}

function shown(text: string): string {
  return printable(text, 120)
}

/** The nodes as a file for `include:`, comments and all. */
export function mappingsYaml(nodes: readonly MappedNode[], from: string): string {
  const document = new Document({
    nodes: nodes.map(({ name, macs, profile }) => ({
      name,
      mac: macs.length === 1 ? quoted(macs[0] ?? '') : macs.map(quoted),
      profile,
    })),
  })
  document.commentBefore = ` Made of ${printable(from, 200)}.`
  const list = document.get('nodes')
  const items = typeof list === 'object' && list !== null && 'items' in list ? list.items : []
  for (const [i, item] of Array.isArray(items) ? items.entries() : [])
    item.commentBefore = nodes[i]?.comments.map((comment) => ` ${comment}`).join('\n')
  return document.toString()
}

/** A MAC address without quotes can be a number of base 60 to a reader of YAML 1.1. */
function quoted(text: string): Scalar {
  const scalar = new Scalar(text)
  scalar.type = 'QUOTE_DOUBLE'
  return scalar
}
