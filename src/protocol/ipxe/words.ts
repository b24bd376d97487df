import { err, ok, type Result } from '../../lib/result.ts'

/**
 * The lexical rules of iPXE scripts (iPXE src/core/exec.c `split_command`, src/core/settings.c
 * `expand_settings`): words are split on white space before `${...}` expands; there is no quoting and no escape;
 * a word that begins with `#` ends the line; `||`, `&&` and `;` as words of their own separate commands; a
 * backslash at the end of a line joins the next. So a text is either harmless as it stands or refused.
 */
export type IpxeWord = string & { readonly __brand: 'IpxeWord' }

/**
 * Settings that may be expanded in our scripts. iPXE expands again what a setting expands to, so only forms whose
 * value cannot contain `${` are here: hex, addresses, numbers, UUIDs, what our own scripts `set`, and what iPXE was
 * built with. Never a bare or `:uristring` form of `${hostname}` or `${serial}` (a DHCP reply or SMBIOS can set them
 * to `${...}`, and a value that names itself hangs iPXE for ever).
 */
export const SETTINGS = {
  mac: '${netX/mac:hexhyp}',
  uuid: '${uuid}',
  serial: '${serial:hexraw}',
  asset: '${asset:hexraw}',
  manufacturer: '${manufacturer:hexraw}',
  product: '${product:hexraw}',
  buildarch: '${buildarch}',
  platform: '${platform}',
  address: '${netX/ip}',
  errno: '${errno:hexraw}',
  fault: '${fault}',
  choice: '${choice}',
  step: '${step}',
  version: '${version}',
  url: '${url}',
  urlAsHex: '${url:hexraw}',
  report: '${report}',
  trouble: '${trouble}',
  password: '${password:hexraw}',
  card: '${card}',
  ...{ net0: '${net0/mac}', net1: '${net1/mac}', net2: '${net2/mac}', net3: '${net3/mac}' },
  ...{ net4: '${net4/mac}', net5: '${net5/mac}', net6: '${net6/mac}', net7: '${net7/mac}' },
} as const

/** Network cards by iPXE's names, as far as our scripts look for one. */
export const CARDS = ['net0', 'net1', 'net2', 'net3', 'net4', 'net5', 'net6', 'net7'] as const

const ALLOWED_SETTINGS: ReadonlySet<string> = new Set(Object.values(SETTINGS))
const SETTING = /\$\{[^}]*\}/g

/** Nearly every word: nothing in it means anything to iPXE. */
const HARMLESS = /^[A-Za-z0-9_./()-][A-Za-z0-9_./:?&=,+~%@()-]*$/
/** Such words with single spaces between them. */
const HARMLESS_TEXT =
  /^[A-Za-z0-9_./()-][A-Za-z0-9_./:?&=,+~%@()-]*(?: [A-Za-z0-9_./()-][A-Za-z0-9_./:?&=,+~%@()-]*)*$/

/** Why a text cannot be one word of an iPXE script; undefined when it can. */
export function wordProblem(text: string): string | undefined {
  if (HARMLESS.test(text)) return undefined
  if (text === '') return 'is empty'
  if (!/^[\x21-\x7e]+$/.test(text)) return 'has white space or characters outside printable ASCII'
  if (text.startsWith('#')) return 'begins with #, which begins a comment in iPXE'
  if (text.startsWith(':')) return 'begins with a colon, which begins a label in iPXE'
  if (text === '||' || text === '&&' || text === ';') return `is ${text}, which separates commands in iPXE`
  if (text.endsWith('\\')) return 'ends in a backslash, which joins lines in iPXE'
  if (!text.includes('${')) return undefined
  const rest = text.replace(SETTING, (setting) => (ALLOWED_SETTINGS.has(setting) ? '' : setting))
  if (rest.includes('${')) return 'has ${...}, which iPXE expands'
  return undefined
}

/** One word of a script. Throws: whoever calls this has validated, or has a constant. */
export function word(text: string): IpxeWord {
  const problem = wordProblem(text)
  if (problem !== undefined) throw new Error(`not an iPXE word: ${JSON.stringify(text)} ${problem}`)
  return text as IpxeWord
}

/** Why a text cannot stand in a script as words separated by single spaces; undefined when it can. */
export function textProblem(text: string): string | undefined {
  if (text.includes('${')) return 'has ${...}, which iPXE expands'
  for (const part of text.split(' ')) {
    const problem = wordProblem(part)
    if (problem === 'is empty') return 'has two spaces in a row, or one at an end, or is empty'
    if (problem !== undefined) return problem
  }
  return undefined
}

/** A text of words with single spaces between them. Throws like `word`. */
export function words(text: string): string {
  if (!HARMLESS_TEXT.test(text)) for (const part of text.split(' ')) word(part)
  return text
}

/**
 * Any text as words for a screen, empty when there is nothing to show: where iPXE would act on a word or expand it, the
 * characters that make it do so are shown as dots. Never throws.
 */
export function shownText(text: string): string {
  return HARMLESS_TEXT.test(text) ? text : shownWords(text).join(' ')
}

function shownWords(text: string): readonly IpxeWord[] {
  return text
    .replace(/[^\x20-\x7e]|\$(?=\{)/g, '.')
    .split(' ')
    .filter((part) => part !== '')
    .map((part) => word(wordProblem(part) === undefined ? part : part.replace(/[#:|&;\\]/g, '.')))
}

const KEY = /^[A-Za-z0-9_.-]+/

/**
 * Splits a kernel command line into its arguments: `key`, `key=value` or `key="a value"` (the kernel's own quoting;
 * Documentation/admin-guide/kernel-parameters.rst). The error is one sentence for the operator.
 */
export function parseKernelCommandLine(text: string): Result<readonly string[], string> {
  const args: string[] = []
  let rest = text.trim()
  while (rest !== '') {
    const match = /^(?:[^\s"]|"[^"]*")+/.exec(rest)
    if (match === null) return err(`has a quote without an end: ${rest}`)
    const problem = kernelArgumentProblem(match[0])
    if (problem !== undefined) return err(`the kernel argument ${JSON.stringify(match[0])} ${problem}`)
    args.push(match[0])
    rest = rest.slice(match[0].length)
    if (rest !== '' && !/^\s/.test(rest)) return err(`has a quote without an end: ${rest}`)
    rest = rest.trimStart()
  }
  return ok(args)
}

/** Why a text cannot be one kernel argument; undefined when it can. */
export function kernelArgumentProblem(argument: string): string | undefined {
  const key = KEY.exec(argument)?.[0]
  if (key === undefined) return 'must begin with a name of letters, digits, "_", "." or "-"'
  const rest = argument.slice(key.length)
  if (rest !== '' && !rest.startsWith('=')) return `has ${JSON.stringify(rest[0])} in its name`
  if (argument.includes("'")) return "has a single quote, which GRUB's scripts cannot carry"
  const quotes = argument.split('"').length - 1
  const quoted = /^="[^"]*"$/.test(rest)
  if (quotes !== 0 && !quoted) return 'must have its quotes around the whole value'
  return textProblem(argument)
}
