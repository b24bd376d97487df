import { err, ok, type Result } from '../lib/result.ts'

/**
 * What `{{name}}` may stand for in kernel command lines and installer documents: a fixed table, no language. Values come
 * from the configuration, from the lease and from ourselves; never from what a machine says of itself.
 */
export const VARIABLES = {
  'node.name': 'its name; node- and its MAC address with dashes where no node describes the machine',
  'node.mac': 'the MAC address of the card that boots, with colons',
  'node.dashed-mac': 'the same with dashes',
  'node.address': 'its IPv4 address',
  'node.uuid': 'uuid: of the node',
  'node.serial': 'serial: of the node',
  'node.asset-tag': 'assetTag: of the node',
  'profile.name': 'the profile that it boots',
  'image.name': 'the image of that profile',
  'network.name': 'the network on which it boots',
  'network.subnet': 'its subnet, as 10.77.0.0/24',
  'network.prefix': 'the length of the prefix, as 24',
  'network.netmask': 'the same as a mask, as 255.255.255.0',
  'network.router': 'the router that it is told',
  'network.dns': 'the first name server that it is told',
  'network.domain': 'the domain that it is told',
  'server.address': 'our IPv4 address on that network',
  'server.url': 'our node plane, as http://10.77.0.1:8080, without a slash at the end',
  'report.url': 'where it reports how far it is (POST, JSON)',
  'redeem.url': 'where an installer asks whether it may write (POST)',
  'documents.url': "the machine's own documents, with a slash at the end",
} as const

/** A name of the table, or `label.` and the key of a label. */
export type VariableName = keyof typeof VARIABLES | `label.${string}`

export interface Placeholder {
  readonly variable: VariableName
  /** Where it stands in the text, from 0, and how long it is. */
  readonly at: number
  readonly length: number
}

/** A text in pieces: as it stands, or to be filled in. */
export type TextPart = string | Placeholder

export interface PlaceholderProblem {
  /** Characters from the beginning of the text. */
  readonly at: number
  readonly message: string
}

const LABEL_KEY = /^[A-Za-z0-9]([A-Za-z0-9_./-]{0,61}[A-Za-z0-9])?$/
const BRACES = /\{\{([^{}\n]{0,80})\}\}|\{\{/g

/**
 * Finds the placeholders of a text: `{{node.name}}`, blanks inside the braces do not count. Every `{{` must begin one: a misspelt one
 * is an error, not text.
 */
export function readPlaceholders(text: string): Result<readonly TextPart[], PlaceholderProblem> {
  const parts: TextPart[] = []
  let end = 0
  for (const match of text.matchAll(BRACES)) {
    const variable = variableNamed(match[1]?.trim() ?? '')
    if (variable === undefined) return err({ at: match.index, message: unknownVariable(match) })
    if (match.index > end) parts.push(text.slice(end, match.index))
    parts.push({ variable, at: match.index, length: match[0].length })
    end = match.index + match[0].length
  }
  if (end < text.length) parts.push(text.slice(end))
  return ok(parts)
}

function variableNamed(name: string): VariableName | undefined {
  if (name.startsWith('label.') && LABEL_KEY.test(name.slice('label.'.length))) return name as VariableName
  return Object.hasOwn(VARIABLES, name) ? (name as VariableName) : undefined
}

function unknownVariable([whole, name]: RegExpMatchArray): string {
  if (name === undefined) return `${whole} begins a placeholder such as {{node.name}}, which has no end`
  const names = Object.keys(VARIABLES).join(', ')
  return `there is no variable ${JSON.stringify(name.trim())}; there are ${names} and label.KEY`
}

const WORD = /^[A-Za-z0-9_./][A-Za-z0-9_.:/@,=~-]*$/
const TEXT = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/

/** A word to shells, kernels and all documents alike: nothing in it means anything to any of them. */
export function isPlainWord(value: string): boolean {
  return WORD.test(value)
}

/** Printable ASCII in one line, without blanks at its ends: what a quoted value may be. */
export function isPlainText(value: string): boolean {
  return TEXT.test(value)
}
