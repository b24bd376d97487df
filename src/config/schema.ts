import { z } from 'zod'
import { err, ok, type Result } from '../lib/result.ts'
import { fromHex, toHex } from '../lib/text.ts'
import { isPlaceholderText, isPlaceholderUuid } from '../model/placeholders.ts'
import { CLIENT_ARCHES } from '../protocol/iana/arch.ts'
import { parseKernelCommandLine, textProblem } from '../protocol/ipxe/words.ts'
import { DocumentSchema } from './document-schema.ts'
import { HttpLimitsSchema, TftpLimitsSchema } from './limits-schema.ts'
import { LoaderSchema } from './loader-schema.ts'
import { HttpsUseSchema, NetworkSchema, OptionsSchema } from './network-schema.ts'
import { address, duration, listOf, mac, NameSchema, read, subnet } from './shapes.ts'

/**
 * The shape of `centra-pxe.yaml`, the only description of it: error messages, defaults and the editor's JSON
 * Schema come from here. Meaning that crosses keys (references, addresses in subnets) is checked in `resolve.ts`.
 */

export const PathSchema = z.string('expected a path').min(1, 'expected a path')
const name = NameSchema
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

const cmdline = read('kernel arguments in one line, such as quiet console=ttyS0', (text) => {
  const parsed = parseKernelCommandLine(text)
  return parsed.ok ? parsed : err(parsed.error)
})
const noArguments: readonly string[] = []

/** `127.0.0.1:8081` or `[::1]:8081`. */
const LISTEN = /^(?:\[([0-9a-fA-F:]+)\]|([^:\s]+)):([0-9]{1,5})$/
const listen = read(
  'HOST:PORT, such as 127.0.0.1:8081',
  (text) => {
    const [, bracketed, plain, digits] = LISTEN.exec(text) ?? []
    const port = Number(digits)
    const host = bracketed ?? plain
    if (host === undefined || !(port >= 1 && port <= 65535))
      return err(`expected HOST:PORT, such as 127.0.0.1:8081, got "${text}"`)
    return ok({ host, port })
  },
  LISTEN.source,
)

const port = z.number('expected a port number').int().min(1).max(65535, 'expected a port number')

const HttpsSchema = z.strictObject({
  port: port.default(8443).describe('TCP port of the same over TLS'),
  certificate: path.describe(
    "PEM file: the server's certificate, then its issuers; read again when it changes",
  ),
  key: path.describe('PEM file: its private key, without a passphrase'),
})

export const ServerSchema = z.strictObject({
  stateDir: path
    .default('/var/lib/centra-pxe')
    .describe('Where leases, events, the image store and the control socket live'),
  boot: z
    .strictObject({
      http: port.default(8080).describe('TCP port for scripts, kernels and reports'),
      https: HttpsSchema.optional().describe(
        'The same over TLS besides; who is sent there is said by https: of networks and nodes',
      ),
      listing: z
        .boolean('expected true or false')
        .default(false)
        .describe('Whether /images/ and /firmware/ list what is published, for people and programs'),
    })
    .prefault({})
    .describe('The node plane: boot HTTP on the address of every served network'),
  operator: z
    .strictObject({
      listen: listen.prefault('127.0.0.1:8081').describe('HOST:PORT; keep it off the networks that boot'),
    })
    .prefault({})
    .describe('The operator plane: /health for monitoring'),
  limits: z
    .strictObject({
      tftp: TftpLimitsSchema.prefault({}).describe('Of TFTP, on each network'),
      http: HttpLimitsSchema.prefault({}).describe('Of the HTTP node plane, plain and over TLS'),
    })
    .prefault({})
    .describe('What clients may cost; times and sizes with their units'),
  accessLog: path
    .optional()
    .describe(
      'A file for every request over TFTP, HTTP and HTTPS, one JSON line each; or stdout; default: none is written',
    ),
  firmware: listOf(path)
    .optional()
    .describe(
      "Directories with loaders; default: the state directory's firmware/, then the distribution's iPXE",
    ),
})

export const ImageSchema = z.strictObject({
  kernel: imagePath.describe('The kernel file; relative paths count from this file'),
  initrd: listOf(imagePath).default([]).describe('The initrd, or several, which are loaded in this order'),
  cmdline: cmdline.default(noArguments).describe('Kernel arguments of every machine that boots this image'),
})

/** `true`: by the kernel, which needs nothing of the installer. */
const installSchema = z
  .union([z.literal(true), z.enum(['kernel', 'installer'])], 'expected kernel, installer or true')
  .transform((value) => (value === true ? 'kernel' : value))

export const ProfileSchema = z.strictObject({
  title: screenText.optional().describe("The menu's line for this profile"),
  description: screenText.optional().describe('What the profile is for, in one sentence'),
  services: z.array(screenText).optional().describe('What runs on such a machine, for people'),
  requires: z
    .strictObject({
      cores: count.optional().describe('Processor cores'),
      memoryGB: count.optional().describe('Memory in GB'),
      diskGB: count.optional().describe('Disk space in GB'),
    })
    .optional()
    .describe('What a machine needs for this profile, for people: nothing checks it'),
  warning: screenText.optional().describe('Shown on the screen before the profile boots'),
  image: name.optional().describe('The image it boots; without one the profile stays out of the menu'),
  document: name
    .optional()
    .describe('What its installer or first boot reads, one of documents:; its kernel is told the address'),
  cmdline: cmdline.optional().describe("Kernel arguments after those of the image; replaces a built-in's"),
  install: installSchema
    .optional()
    .describe(
      'It writes the disk: it boots by `node install` alone, once. What uses that up: kernel (or true), as soon as it is fetched; installer, which asks before it writes',
    ),
  loader: LoaderSchema.optional().describe(
    'The first loader of its nodes instead of the usual one: a file name, or names by architecture',
  ),
})

/** Text as it stands, or `0x` and hexadecimal digits; here always digits. */
function hexOf(text: string): Result<string, string> {
  const digits = text.startsWith('0x') ? text.slice(2).toLowerCase() : toHex(new TextEncoder().encode(text))
  const bytes = fromHex(digits)
  return bytes === undefined || bytes.length < 1 || bytes.length > 254
    ? err(`expected 1 to 254 octets, as text or as 0x and pairs of digits, got "${text}"`)
    : ok(digits)
}

const OCTETS = 'text in quotes, or octets such as "0x0004000a"'
const octets = read(OCTETS, hexOf)

/** A text may have the type octet 0 before it, which says that it is no hardware address (RFC 2132 §9.14). */
const clientId = read(OCTETS, (text): Result<readonly string[], string> => {
  const hex = hexOf(text)
  if (!hex.ok) return hex
  return ok(text.startsWith('0x') ? [hex.value] : [hex.value, `00${hex.value}`])
})

const UUID = '[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}'
const uuid = read(
  'a UUID such as 12345678-1234-5678-9abc-def012345678',
  (text) => {
    const isUuid = new RegExp(`^${UUID}$`).test(text)
    if (isUuid && isPlaceholderUuid(text)) return err(`${text} is what many machines have`)
    return isUuid
      ? ok(text.toLowerCase())
      : err(`expected a UUID such as 12345678-1234-5678-9abc-def012345678, got "${text}"`)
  },
  `^${UUID}$`,
)

/** 64 characters are compared. */
const smbiosText = z
  .string('expected text in quotes')
  .regex(/^[\x20-\x7e]{1,64}$/, 'expected 1 to 64 printable characters')
  .check(({ value, issues }) => {
    if (isPlaceholderText(value))
      issues.push({ code: 'custom', input: value, message: `"${value}" is what many machines have` })
  })

const labelKey = z
  .string()
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9_./-]{0,61}[A-Za-z0-9])?$/,
    'expected a name of letters, digits, "_", ".", "/" and "-"',
  )
const label = z
  .string('expected text in quotes')
  .regex(/^[\x20-\x7e]{0,63}$/, 'expected at most 63 printable characters')

const ARCH_NAMES: readonly string[] = CLIENT_ARCHES.map(({ name: arch }) => arch)
const clientArch = z
  .string('expected a client architecture')
  .refine((text) => ARCH_NAMES.includes(text), `expected one of ${ARCH_NAMES.join(', ')}`)

const portSchema = z.strictObject({
  relay: address.optional().describe('The giaddr of the relay; default: any that relays: lists'),
  circuitId: octets.optional().describe('Option 82.1 as the relay or switch sends it: text, or 0x000400'),
  remoteId: octets.optional().describe('Option 82.2, likewise'),
})

export const NodeSchema = z.strictObject({
  name: name.describe('How events, explanations and messages call this machine'),
  mac: listOf(mac, {
    expected: 'expected a MAC address, or a list of them',
    empty: 'expected at least one MAC address',
  })
    .optional()
    .describe('The MAC address of its network card, in quotes; a list when several cards may boot'),
  clientId: clientId
    .optional()
    .describe(
      'Its client identifier (option 61): text, also where the octet 0 stands before it, or octets as 0xff01',
    ),
  relayPort: portSchema
    .optional()
    .describe('The port at which it is, as a relay tells that relays: of its network lists'),
  uuid: uuid
    .optional()
    .describe('Its UUID (SMBIOS, option 97) in either byte order; where nothing else tells who it is'),
  serial: smbiosText
    .optional()
    .describe('Its serial number (SMBIOS type 1), as dmidecode -s system-serial-number prints it'),
  assetTag: smbiosText
    .optional()
    .describe('Its asset tag (SMBIOS type 3); it counts beside another key, not alone'),
  labels: z.record(labelKey, label).optional().describe('For rules: to match, such as rack: r7'),
  address: address.optional().describe('A reservation: the address that this machine always gets'),
  profile: name.optional().describe('What it boots without being asked; none: what unknown: says'),
  install: name
    .optional()
    .describe('The profile that `node install` boots; default: its profile, where that installs'),
  cmdline: cmdline.default(noArguments).describe('Kernel arguments after those of image and profile'),
  loader: LoaderSchema.optional().describe(
    "Its first loader instead of the usual one or its profile's: a file name, or names by architecture",
  ),
  nextServer: address
    .optional()
    .describe('Where it fetches its loader (siaddr, option 66); default: as its network says, or from us'),
  https: HttpsUseSchema.optional().describe(
    'What goes over HTTPS; default: as its network says, [] for nothing',
  ),
  options: OptionsSchema.prefault({}).describe("What it is told; replaces its network's"),
})

const texts = z.string('expected text').min(1, 'expected at least one character')

const SelectorSchema = z
  .strictObject({
    labels: z.record(labelKey, label).optional().describe("What a node's labels: say"),
    network: listOf(name).optional().describe('The network on which it is, or one of several'),
    arch: listOf(clientArch)
      .optional()
      .describe('Its client architecture, such as uefi-x64, or one of several'),
    vendor: listOf(texts)
      .optional()
      .describe('Its manufacturer as SMBIOS has it, or one of several; known to scripts, not to DHCP'),
    product: listOf(texts).optional().describe('Its product name, likewise'),
    relayPort: portSchema
      .optional()
      .describe('The port at which it is, as a relay tells that relays: of its network lists'),
    subnet: listOf(subnet)
      .optional()
      .describe('Where its address is, or one of several; known to scripts, not to DHCP'),
  })
  .refine(
    (match) => Object.keys(match).length > 0,
    'expected at least one thing to match, such as arch: uefi-x64',
  )

export const RuleSchema = z.strictObject({
  name: screenText.optional().describe('How explanations call this rule'),
  match: SelectorSchema.describe('The machines it is for: all that is written here must hold'),
  profile: name.describe('What they boot'),
})

export const MenuSchema = z.strictObject({
  title: screenText.default('Centra PXE').describe("The menu's first line"),
  timeout: duration('1s', '1d').prefault('30s').describe('How long the menu waits for a key'),
  default: name.default('local').describe('What the menu does when nobody chooses: local, or a profile'),
})

/** A screen and a serial port; the kernel skips what the machine does not have. */
const DEFAULT_CONSOLES: readonly string[] = ['tty0', 'ttyS0,115200']

const consoleDevice = z
  .string('expected a console such as tty0 or ttyS0,115200')
  .regex(/^[A-Za-z]+[0-9]*(,[0-9]+[a-z]?[0-9]*[a-z]*)?$/, 'expected a console such as tty0 or ttyS0,115200')

const DEFAULT_INSTALL_TRIES = 3

/** What an included file may hold. */
const parts = {
  networks: z
    .array(NetworkSchema, 'expected a list of networks')
    .default([])
    .describe('The networks on which machines boot'),
  images: z
    .record(name, ImageSchema, 'expected images by name')
    .default({})
    .describe('What can be booted, by name: a kernel with its initrd and arguments'),
  documents: z
    .record(name, DocumentSchema, 'expected documents by name')
    .default({})
    .describe('What installers and first boots read, by name: templates of preseed, kickstart and others'),
  profiles: z
    .record(name, ProfileSchema, 'expected profiles by name')
    .default({})
    .describe(
      'What machines are for, by name; control-plane, worker and all-in-one exist, what is written replaces parts',
    ),
  nodes: z
    .array(NodeSchema, 'expected a list of nodes')
    .default([])
    .describe('The machines that are known, by MAC address'),
  rules: z
    .array(RuleSchema, 'expected a list of rules')
    .default([])
    .describe('What machines boot of which no node names a profile: the first rule that fits'),
}

export const IncludedSchema = z.strictObject(parts)

export const ConfigSchema = z.strictObject({
  version: z.literal(1, 'expected version: 1').describe('The version of this format: 1'),
  server: ServerSchema.prefault({}).describe('The server itself: its folders and ports'),
  ...parts,
  menu: MenuSchema.prefault({}).describe('The menu of machines that boot nothing of their own'),
  console: listOf(consoleDevice)
    .default(DEFAULT_CONSOLES)
    .describe('Kernel consoles of every profile, as in console=; the last one gets /dev/console'),
  sharedAdapters: z
    .array(mac, 'expected a list of MAC addresses')
    .default([])
    .describe(
      'MAC addresses of USB adapters that go from machine to machine: another key must tell which it is',
    ),
  installTries: z
    .int('expected a whole number')
    .min(1, 'expected at least 1')
    .max(100, 'expected at most 100')
    .default(DEFAULT_INSTALL_TRIES)
    .describe(
      'Boots of installers on one node without success, after which it is quarantined until node release',
    ),
  unknown: z
    .enum(['menu', 'local', 'ignore'], 'expected menu, local or ignore')
    .default('menu')
    .describe('What a machine gets that no node describes: the menu, its local disk, or no answer'),
  include: listOf(path)
    .default([])
    .describe('More files with networks, images, profiles and nodes; globs allowed'),
})
