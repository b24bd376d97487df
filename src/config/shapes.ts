import { z } from 'zod'
import { parseIpv4, parseRange, parseSubnet } from '../lib/ipv4.ts'
import { isGroupMac, isNoCardMac, parseMac } from '../lib/mac.ts'
import { err, ok, type Result } from '../lib/result.ts'
import { LOCAL_DISK_METHODS } from '../model/config.ts'
import { NAME } from '../model/names.ts'
import { readPlaceholders } from '../model/variables.ts'
import { parseKernelCommandLine, textProblem } from '../protocol/ipxe/words.ts'

/** The values that stand in a configuration, each read by one of our parsers: names, addresses, durations, lists. */

/** A name of the operator's; it may become part of a URL, a host name or an iPXE label without any quoting. */
export const NameSchema = z
  .string('expected a name of lower-case letters, digits and dashes, such as worker or rack-1')
  .regex(NAME, 'expected a name of lower-case letters, digits and dashes, such as worker or rack-1')
  .max(63, 'expected at most 63 characters')
const OCTET = '(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])'
/** An IPv4 address as `parseIpv4` takes it, as the source of a regular expression for the JSON Schema. */
export const DOTTED = `(${OCTET}\\.){3}${OCTET}`
const PAIR = '[0-9A-Fa-f]{2}'
/** The second digit is even: a network card has an individual address. */
const FIRST_PAIR = '[0-9A-Fa-f][02468ACEace]'

/** One host's address; whether it lies in a subnet is not known here. */
export const address = read(
  'an IPv4 address such as 10.77.0.1',
  (text) => {
    const value = parseIpv4(text)
    return value === undefined ? err(`expected an IPv4 address such as 10.77.0.1, got "${text}"`) : ok(value)
  },
  `^${DOTTED}$`,
)
/**
 * The address of a network card in any of the usual forms; group addresses are refused (IEEE 802: the first octet
 * is odd).
 */
export const mac = read(
  'a MAC address in quotes, such as "52:54:00:12:34:56"',
  (text) => {
    const value = parseMac(text)
    if (value === undefined) return err(`expected a MAC address such as "52:54:00:12:34:56", got "${text}"`)
    if (isGroupMac(value)) return err(`${text} is a group address; a network card has an individual one`)
    return isNoCardMac(value) ? err(`${text} is what a network card without an address shows`) : ok(value)
  },
  `^${FIRST_PAIR}((:${PAIR}){5}|(-${PAIR}){5}|(${PAIR}){5})$`,
)
/** A network address with its prefix length; host bits that are set are an error, as nobody knows which part was meant. */
export const subnet = read(
  'a subnet such as 10.77.0.0/24',
  parseSubnet,
  `^${DOTTED}/(3[0-2]|[12][0-9]|0?[0-9])$`,
)
/** Two addresses, or one; both ends belong to it. */
export const range = read(
  'a range such as 10.77.0.100-10.77.0.199',
  parseRange,
  `^\\s*${DOTTED}\\s*(-\\s*${DOTTED}\\s*)?$`,
)

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 }

/** Seconds, between two such texts. */
export function duration(least: string, most: string): z.ZodType<number, string> {
  return read(
    'a duration such as 30s, 90m, 1h or 1d',
    (text) => {
      const seconds = secondsOf(text)
      if (seconds === undefined) return err(`expected a duration such as 30s, 90m, 1h or 1d, got "${text}"`)
      const fits = seconds >= (secondsOf(least) ?? 0) && seconds <= (secondsOf(most) ?? 0)
      return fits ? ok(seconds) : err(`expected a duration from ${least} to ${most}, got "${text}"`)
    },
    DURATION.source,
  )
}

const DURATION = /^([1-9][0-9]{0,8})(s|m|h|d)$/

function secondsOf(text: string): number | undefined {
  const [, digits, unit] = DURATION.exec(text) ?? []
  const size = UNIT_SECONDS[unit ?? '']
  return size === undefined ? undefined : Number(digits) * size
}

const UNIT_OCTETS: Readonly<Record<string, number>> = {
  ...{ B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 },
  ...{ KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 },
}
const SIZE = /^([1-9][0-9]{0,8})(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/

/** Octets, between two such texts. */
export function size(least: string, most: string): z.ZodType<number, string> {
  return read('a size such as 16KiB or 256MiB', between('size', sizeOf, least, most), SIZE.source)
}

function sizeOf(text: string): number | undefined {
  return unitsOf(text, SIZE, UNIT_OCTETS)
}

/** Links are told in bits, files in octets. */
const UNIT_OCTETS_A_SECOND: Readonly<Record<string, number>> = {
  ...Object.fromEntries(Object.entries(UNIT_OCTETS).map(([unit, octets]) => [`${unit}/s`, octets])),
  ...{ 'kbit/s': 1e3 / 8, 'Mbit/s': 1e6 / 8, 'Gbit/s': 1e9 / 8 },
}
const RATE = /^([1-9][0-9]{0,8})((?:B|kB|MB|GB|TB|KiB|MiB|GiB|TiB|kbit|Mbit|Gbit)\/s)$/

/** Octets a second, between two such texts. */
export function rate(least: string, most: string): z.ZodType<number, string> {
  return read('a rate such as 100MB/s or 800Mbit/s', between('rate', rateOf, least, most), RATE.source)
}

function rateOf(text: string): number | undefined {
  return unitsOf(text, RATE, UNIT_OCTETS_A_SECOND)
}

function unitsOf(text: string, form: RegExp, units: Readonly<Record<string, number>>): number | undefined {
  const [, digits, unit] = form.exec(text) ?? []
  const one = units[unit ?? '']
  return one === undefined ? undefined : Math.round(Number(digits) * one)
}

const SUCH_AS = { size: 'size such as 16KiB or 256MiB', rate: 'rate such as 100MB/s or 800Mbit/s' } as const

function between(
  what: keyof typeof SUCH_AS,
  parse: (text: string) => number | undefined,
  ...[least, most]: readonly [string, string]
): (text: string) => Result<number, string> {
  return (text) => {
    const value = parse(text)
    if (value === undefined) return err(`expected a ${SUCH_AS[what]}, got "${text}"`)
    const fits = value >= (parse(least) ?? 0) && value <= (parse(most) ?? 0)
    return fits ? ok(value) : err(`expected a ${what} from ${least} to ${most}, got "${text}"`)
  }
}

/**
 * A text that one of our parsers turns into a value. The pattern (ECMA-262) is for the JSON Schema alone, where no
 * parser of ours runs; it accepts whatever the parser accepts.
 */
export function read<T>(
  expected: string,
  parse: (text: string) => Result<T, string>,
  pattern?: string,
): z.ZodType<T, string> {
  const text = z.string(`expected ${expected}`)
  const shown = pattern === undefined ? text : text.meta({ pattern })
  return shown.transform((text, context) => {
    const parsed = parse(text)
    if (parsed.ok) return parsed.value
    context.issues.push({ code: 'custom', input: text, message: parsed.error })
    return z.NEVER
  })
}

interface ListOptions {
  readonly expected?: string
  /** What an empty list is told; without it a list may be empty. */
  readonly empty?: string
}

/** A list; a single value counts as a list of one, which `json-schema.ts` says as `anyOf`. */
export function listOf<T>(item: z.ZodType<T>, options: ListOptions = {}): z.ZodType<readonly T[]> {
  const { expected = 'expected a list', empty } = options
  const list = z.array(item, expected)
  return z.preprocess(
    (value) => (value === undefined || Array.isArray(value) ? value : [value]),
    empty === undefined ? list : list.min(1, empty),
  )
}

/** One line of arguments, split into words that iPXE and GRUB can carry; `{{variables}}` are checked, but filled in later. */
export const KernelArgumentsSchema = read(
  'kernel arguments in one line, such as quiet console=ttyS0',
  (text) => {
    const placeholders = readPlaceholders(text)
    return placeholders.ok ? parseKernelCommandLine(text) : err(placeholders.error.message)
  },
)

/** Text for a machine's screen, which iPXE and GRUB must be able to print as it stands. */
export const screenText = z.string('expected text').check(({ value, issues }) => {
  const problem = screenTextProblem(value)
  if (problem !== undefined)
    issues.push({ code: 'custom', input: value, message: `cannot be shown on a machine: it ${problem}` })
})

/** GRUB's grammar on top of iPXE's: both take a first word with a dash for an option, and GRUB knows no `'`. */
function screenTextProblem(text: string): string | undefined {
  if (text.startsWith('-')) return 'begins with a dash, which begins an option in iPXE and GRUB'
  if (text.includes("'")) return 'has a single quote, which GRUB cannot show'
  return textProblem(text)
}

/** `localDisk:` of nodes and profiles. Optional: absent is not the same as any of the methods. */
export const LocalDiskSchema = z
  .enum(
    LOCAL_DISK_METHODS,
    `expected ${LOCAL_DISK_METHODS.slice(0, -1).join(', ')} or ${LOCAL_DISK_METHODS.at(-1)}`,
  )
  .optional()
  .describe(
    'How its loader leaves it to its own disk; default: as is known of its model, or usual for its firmware',
  )
