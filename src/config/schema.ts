import { z } from 'zod'
import { parseIpv4, parseRange, parseSubnet } from '../lib/ipv4.ts'
import { isGroupMac, parseMac } from '../lib/mac.ts'
import { err, ok, type Result } from '../lib/result.ts'
import { parseKernelCommandLine, textProblem } from '../protocol/ipxe/words.ts'

/**
 * The shape of `centra-pxe.yaml`, the only description of it: error messages, defaults and the editor's JSON
 * Schema come from here. Meaning that crosses keys (references, addresses in subnets) is checked in `resolve.ts`.
 */

const NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/

export const NameSchema = z
  .string('expected a name of lower-case letters, digits and dashes, such as worker or rack-1')
  .regex(NAME, 'expected a name of lower-case letters, digits and dashes, such as worker or rack-1')
  .max(63, 'expected at most 63 characters')
const name = NameSchema
export const PathSchema = z.string('expected a path').min(1, 'expected a path')
const path = PathSchema
const count = z
  .number('expected a number')
  .int('expected a whole number')
  .positive('expected a number above 0')

/** Text for a machine's screen, which iPXE and GRUB must be able to print as it stands. */
const screenText = z.string('expected text').check(({ value, issues }) => {
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

/** A file that machines load: its name becomes part of a URL and a word of iPXE and GRUB scripts. */
export const ImagePathSchema = z
  .string('expected a path')
  .regex(
    /(^|\/)[A-Za-z0-9_][A-Za-z0-9_.+~-]*$/,
    'expected a file name of letters, digits, "_", ".", "+", "~" and "-", which loaders can carry',
  )

const imagePath = ImagePathSchema

const address = read('an IPv4 address such as 10.77.0.1', (text) => {
  const value = parseIpv4(text)
  return value === undefined ? err(`expected an IPv4 address such as 10.77.0.1, got "${text}"`) : ok(value)
})
const mac = read('a MAC address in quotes, such as "52:54:00:12:34:56"', (text) => {
  const value = parseMac(text)
  if (value === undefined) return err(`expected a MAC address such as "52:54:00:12:34:56", got "${text}"`)
  return isGroupMac(value)
    ? err(`${text} is a group address; a network card has an individual one`)
    : ok(value)
})
const cmdline = read('kernel arguments in one line, such as quiet console=ttyS0', (text) => {
  const parsed = parseKernelCommandLine(text)
  return parsed.ok ? parsed : err(parsed.error)
})
const noArguments: readonly string[] = []

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 }

/** Seconds, between two such texts. */
function duration(least: string, most: string): z.ZodType<number, string> {
  return read('a duration such as 30s, 90m, 1h or 1d', (text) => {
    const seconds = secondsOf(text)
    if (seconds === undefined) return err(`expected a duration such as 30s, 90m, 1h or 1d, got "${text}"`)
    const fits = seconds >= (secondsOf(least) ?? 0) && seconds <= (secondsOf(most) ?? 0)
    return fits ? ok(seconds) : err(`expected a duration from ${least} to ${most}, got "${text}"`)
  })
}

function secondsOf(text: string): number | undefined {
  const [, digits, unit] = /^([1-9][0-9]{0,8})(s|m|h|d)$/.exec(text) ?? []
  const size = UNIT_SECONDS[unit ?? '']
  return size === undefined ? undefined : Number(digits) * size
}

/** A text that one of our parsers turns into a value. */
function read<T>(expected: string, parse: (text: string) => Result<T, string>): z.ZodType<T, string> {
  return z.string(`expected ${expected}`).transform((text, context) => {
    const parsed = parse(text)
    if (parsed.ok) return parsed.value
    context.issues.push({ code: 'custom', input: text, message: parsed.error })
    return z.NEVER
  })
}

/** A list; a single value counts as a list of one. */
function listOf<T>(item: z.ZodType<T>, expected = 'expected a list'): z.ZodType<readonly T[]> {
  return z.preprocess(
    (value) => (value === undefined || Array.isArray(value) ? value : [value]),
    z.array(item, expected),
  )
}

/** `127.0.0.1:8081` or `[::1]:8081`. */
const listen = read('HOST:PORT, such as 127.0.0.1:8081', (text) => {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:]+)\]|([^:\s]+)):([0-9]{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  const host = bracketed ?? plain
  if (host === undefined || !(port >= 1 && port <= 65535))
    return err(`expected HOST:PORT, such as 127.0.0.1:8081, got "${text}"`)
  return ok({ host, port })
})

export const ServerSchema = z.strictObject({
  stateDir: path.default('/var/lib/centra-pxe').describe('Where leases, events and the control socket live'),
  boot: z
    .strictObject({
      http: z
        .number('expected a port number')
        .int()
        .min(1)
        .max(65535, 'expected a port number')
        .default(8080),
    })
    .prefault({})
    .describe('The node plane: boot HTTP on the address of every served network'),
  operator: z
    .strictObject({ listen: listen.prefault('127.0.0.1:8081') })
    .prefault({})
    .describe('The operator plane: /health for monitoring'),
  firmware: listOf(path)
    .optional()
    .describe(
      "Directories with loaders; default: the state directory's firmware/, then the distribution's iPXE",
    ),
})

export const NetworkSchema = z.strictObject({
  name,
  interface: z
    .string('expected the name of a network interface')
    .regex(/^[^\s/]{1,15}$/, 'expected the name of a network interface, at most 15 characters')
    .optional()
    .describe('Where we listen; a network reached only through a relay names none'),
  subnet: read('a subnet such as 10.77.0.0/24', parseSubnet),
  address: address.optional().describe("Ours; default: the interface's own address in the subnet"),
  dhcp: z
    .enum(['off', 'observe', 'proxy', 'server'], 'expected off, observe, proxy or server')
    .default('observe')
    .describe('off: no DHCP; observe: silent, says what it would do; server: authoritative for the subnet'),
  clients: z.enum(['all', 'netboot', 'known'], 'expected all, netboot or known').default('all'),
  pool: listOf(read('a range such as 10.77.0.100-10.77.0.199', parseRange)).default([]),
  // Below 10 s the times T1 and T2 (options 58, 59) leave no room; option 51 counts in 32 bits.
  lease: duration('10s', '3650d').prefault('1h').describe('Lease time'),
  router: address.optional(),
  dns: listOf(address).default([]),
  domain: z
    .string()
    .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/, 'expected a domain name such as example.org')
    .max(200, 'expected at most 200 characters')
    .optional(),
})

export const ImageSchema = z.strictObject({
  kernel: imagePath,
  initrd: listOf(imagePath).default([]),
  cmdline: cmdline.default(noArguments),
})

export const ProfileSchema = z.strictObject({
  title: screenText.optional(),
  description: screenText.optional(),
  services: z.array(screenText).optional(),
  requires: z
    .strictObject({ cores: count.optional(), memoryGB: count.optional(), diskGB: count.optional() })
    .optional(),
  warning: screenText.optional().describe('Shown on the screen before the profile boots'),
  image: name.optional(),
  cmdline: cmdline.optional(),
})

export const NodeSchema = z.strictObject({
  name,
  mac: listOf(mac, 'expected a MAC address, or a list of them').refine(
    (macs) => macs.length > 0,
    'expected at least one MAC address',
  ),
  address: address.optional().describe('A reservation'),
  profile: name.optional(),
  cmdline: cmdline.default(noArguments),
})

export const MenuSchema = z.strictObject({
  title: screenText.default('Centra PXE'),
  timeout: duration('1s', '1d').prefault('30s'),
  default: name.default('local').describe('What the menu does when nobody chooses: local, or a profile'),
})

/** What an included file may hold. */
const parts = {
  networks: z.array(NetworkSchema, 'expected a list of networks').default([]),
  images: z.record(name, ImageSchema, 'expected images by name').default({}),
  profiles: z.record(name, ProfileSchema, 'expected profiles by name').default({}),
  nodes: z.array(NodeSchema, 'expected a list of nodes').default([]),
}

export const IncludedSchema = z.strictObject(parts)

export const ConfigSchema = z.strictObject({
  version: z.literal(1, 'expected version: 1'),
  server: ServerSchema.prefault({}),
  ...parts,
  menu: MenuSchema.prefault({}),
  unknown: z.enum(['menu', 'local', 'ignore'], 'expected menu, local or ignore').default('menu'),
  include: listOf(path)
    .default([])
    .describe('More files with networks, images, profiles and nodes; globs allowed'),
})
