import { z } from 'zod'
import { err, ok, type Result } from '../lib/result.ts'
import { fromHex, toHex } from '../lib/text.ts'
import { isPlaceholderText, isPlaceholderUuid } from '../model/placeholders.ts'
import { CLIENT_ARCHES } from '../protocol/iana/arch.ts'
import { LoaderSchema } from './loader-schema.ts'
import { HttpsUseSchema, OptionsSchema } from './network-schema.ts'
import {
  address,
  KernelArgumentsSchema,
  LocalDiskSchema,
  listOf,
  mac,
  NameSchema,
  read,
  screenText,
  subnet,
} from './shapes.ts'

/** Nodes, and the rules that match machines. */
const name = NameSchema
const cmdline = KernelArgumentsSchema
const noArguments: readonly string[] = []

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

/** One of `nodes:`, the shape alone; that something tells it from all others is checked in `check-node-keys.ts`. */
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
  localDisk: LocalDiskSchema,
  nextServer: address
    .optional()
    .describe('Where it fetches its loader (siaddr, option 66); default: as its network says, or from us'),
  https: HttpsUseSchema.optional().describe(
    'What goes over HTTPS; default: as its network says, [] for nothing',
  ),
  options: OptionsSchema.prefault({}).describe("What it is told; replaces its network's"),
})

const texts = z.string('expected text').min(1, 'expected at least one character')

const hasKeys = (value: object): boolean => Object.keys(value).length > 0
const someOf = <T>(item: z.ZodType<T>, what: string): z.ZodType<readonly T[]> =>
  listOf(item, { empty: `expected at least one ${what}` })

/** A condition without a value, as a program writes it that has none, would fit every machine, or none. */
const SelectorSchema = z
  .strictObject({
    labels: z
      .record(labelKey, label)
      .refine(hasKeys, 'expected at least one label, such as rack: r7')
      .optional()
      .describe("What a node's labels: say"),
    network: someOf(name, 'network').optional().describe('The network on which it is, or one of several'),
    arch: someOf(clientArch, 'client architecture')
      .optional()
      .describe('Its client architecture, such as uefi-x64, or one of several'),
    vendor: someOf(texts, 'manufacturer')
      .optional()
      .describe('Its manufacturer as SMBIOS has it, or one of several; known to scripts, not to DHCP'),
    product: someOf(texts, 'product').optional().describe('Its product name, likewise'),
    relayPort: portSchema
      .refine(hasKeys, 'expected circuitId:, remoteId: or relay:')
      .optional()
      .describe('The port at which it is, as a relay tells that relays: of its network lists'),
    subnet: someOf(subnet, 'subnet')
      .optional()
      .describe('Where its address is, or one of several; known to scripts, not to DHCP'),
  })
  .refine(hasKeys, 'expected at least one thing to match, such as arch: uefi-x64')

/** One of `rules:`; the first one that matches a machine without a profile of its own decides. */
export const RuleSchema = z.strictObject({
  name: screenText.optional().describe('How explanations call this rule'),
  match: SelectorSchema.describe('The machines it is for: all that is written here must hold'),
  profile: name.describe('What they boot'),
})
