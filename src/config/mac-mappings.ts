import { Document, Scalar } from 'yaml'
import { isGroupMac, type Mac, parseMac } from '../lib/mac.ts'
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
  readonly profile: string
  readonly name: string
  readonly comment: string
  readonly number: number
}

/**
 * The nodes of a file with a machine on each line: MAC address, profile, host name and, if any, a comment, separated by blanks,
 * tabs, commas, semicolons or `|`. Empty lines and those that begin with `#` do not count. All problems at once.
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
  const nodes = new Map<string, MappedNode>()
  const seen = new Map<Mac, number>()
  for (const line of lines) {
    const problem = tell(line.number)
    const first = seen.get(line.mac)
    if (first !== undefined) problem(`${line.mac} is on line ${first} already`)
    else if (context.macs.has(line.mac)) problem(`${line.mac} is a node's of the configuration already`)
    else if (context.names.has(line.name)) problem(`the configuration has a node ${line.name} already`)
    seen.set(line.mac, first ?? line.number)
    const before = nodes.get(line.name)
    if (before !== undefined && before.profile !== line.profile)
      problem(`${line.name} has the profile ${before.profile} on an earlier line, and ${line.profile} here`)
    nodes.set(line.name, {
      name: line.name,
      macs: [...(before?.macs ?? []), line.mac],
      profile: line.profile,
      comments: [...(before?.comments ?? []), ...(line.comment === '' ? [] : [line.comment])],
    })
    if (before === undefined && !context.profiles.has(line.profile))
      problem(`there is no profile ${line.profile}; write it under profiles:`, 1, 'warning')
  }
  return { nodes: [...nodes.values()], problems }
}

/** Control and format characters, separators of lines, halves of characters: a comment stays a comment. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\uFFFE\uFFFF]/gu

type Tell = (message: string, column?: number) => void

function readLine(line: string, number: number, tell: Tell): readonly Line[] | undefined {
  if (/^\s*(#|$)/.test(line)) return undefined
  const [, fields = '', comment = ''] = /^([^#]*)(?:#(.*))?$/s.exec(line) ?? []
  const words = [...fields.matchAll(/[^\s,;|]+/g)].map(({ 0: text, index }) => ({ text, column: index + 1 }))
  const [macWord, profileWord, nameWord, ...rest] = words
  if (macWord === undefined || profileWord === undefined || nameWord === undefined) {
    tell('expected a MAC address, a profile and a host name, such as 52:54:00:12:34:56 worker web-01')
    return undefined
  }
  const mac = parseMac(macWord.text)
  if (mac === undefined || isGroupMac(mac))
    tell(`expected the MAC address of a network card, got "${shown(macWord.text)}"`, macWord.column)
  const [profile, name] = [profileWord, nameWord].map(({ text, column }) => {
    const lower = text.toLowerCase().replaceAll('_', '-')
    if (NAME.test(lower) && lower.length <= 63) return lower
    tell(`expected a name of letters, digits and dashes, got "${shown(text)}"`, column)
    return undefined
  })
  if (mac === undefined || isGroupMac(mac) || profile === undefined || name === undefined) return undefined
  const said = [...rest.map(({ text }) => text), comment.trim()].filter((part) => part !== '')
  return [{ mac, profile, name, comment: said.join(' ').replace(UNSEEN, ' ').slice(0, 500), number }]
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
