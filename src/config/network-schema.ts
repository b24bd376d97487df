import { z } from 'zod'
import { parseIpv4, parseSubnet } from '../lib/ipv4.ts'
import { err, ok } from '../lib/result.ts'
import { fromHex } from '../lib/text.ts'
import { type CustomOption, HTTPS_USES, type StaticRoute } from '../model/config.ts'
import { ipv4ListValue } from '../protocol/dhcp4/option-values.ts'
import { FilesSchema } from './files-schema.ts'
import { LoaderSchema } from './loader-schema.ts'
import { address, DOTTED, duration, listOf, NameSchema, range, rate, read, subnet } from './shapes.ts'

/** A network of `centra-pxe.yaml`, and what its clients and nodes are told. */

const DOMAIN = /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/

const domain = z
  .string('expected a domain name such as example.org')
  .regex(DOMAIN, 'expected a domain name such as example.org')
  .max(200, 'expected at most 200 characters')

/** RFC 1123 §2.1. */
const hostName = z
  .string('expected a host name such as node01')
  .regex(DOMAIN, 'expected a host name such as node01 or node01.example.org')
  .max(200, 'expected at most 200 characters')

const route = read(
  'a route such as 10.1.0.0/16 via 10.77.0.254',
  (text) => {
    const [to = '', via = ''] = text.split(/\s+via\s+/)
    const [parsed, gateway] = [parseSubnet(to === 'default' ? '0.0.0.0/0' : to.trim()), parseIpv4(via.trim())]
    if (!parsed.ok || gateway === undefined)
      return err(`expected a route such as 10.1.0.0/16 via 10.77.0.254, got "${text}"`)
    const found: StaticRoute = { to: parsed.value, via: gateway }
    return ok(found)
  },
  `^(default|${DOTTED}/[0-9]{1,2})\\s+via\\s+${DOTTED}$`,
)

const CODE_MESSAGE = 'expected an option code from 1 to 254'

/** Exactly one of the forms of a value. */
const custom = z
  .strictObject({
    code: z
      .number(CODE_MESSAGE)
      .int(CODE_MESSAGE)
      .min(1, CODE_MESSAGE)
      .max(254, CODE_MESSAGE)
      .describe('The number of the option; 224 to 254 are for local use'),
    text: z
      .string('expected text')
      .min(1, 'expected at least one character')
      .max(255, 'expected at most 255 characters')
      .optional()
      .describe('The value as text'),
    hex: z
      .string('expected octets in hexadecimal, such as 01a2ff')
      .regex(/^([0-9A-Fa-f]{2}){1,255}$/, 'expected 1 to 255 octets in hexadecimal, such as 01a2ff')
      .optional()
      .describe('The value as octets in hexadecimal'),
    addresses: listOf(address, { empty: 'expected at least one address' })
      .optional()
      .describe('The value as one or more IPv4 addresses'),
    always: z
      .boolean('expected true or false')
      .default(false)
      .describe('Told also to clients that do not ask for it (option 55)'),
  })
  .transform(({ code, text, hex, addresses, always }, context): CustomOption => {
    const values = [
      ...(text === undefined ? [] : [new TextEncoder().encode(text)]),
      ...(hex === undefined ? [] : [fromHex(hex) ?? new Uint8Array()]),
      ...(addresses === undefined ? [] : [ipv4ListValue(addresses)]),
    ]
    const [data] = values
    if (data !== undefined && values.length === 1 && data.length <= 255) return { code, data, always }
    const message =
      data === undefined || values.length !== 1
        ? 'expected one value: text, hex or addresses'
        : 'expected at most 255 octets'
    context.issues.push({ code: 'custom', input: code, message })
    return z.NEVER
  })

/** The same keys for a network and for a node, whose own come first. */
export const OptionsSchema = z.strictObject({
  router: address.optional().describe('The default gateway (option 3)'),
  dns: listOf(address).optional().describe('Name servers (option 6)'),
  ntp: listOf(address).optional().describe('Time servers (option 42)'),
  domain: domain.optional().describe('The domain name (option 15)'),
  search: listOf(domain).optional().describe('Domains in which short names are looked up (option 119)'),
  mtu: z
    .number('expected a number of octets')
    .int('expected a whole number of octets')
    .min(576, 'expected at least 576 octets')
    .max(65535, 'expected at most 65535 octets')
    .optional()
    .describe('The MTU of the link in octets (option 26)'),
  routes: listOf(route).optional().describe('Static routes (option 121), as 10.1.0.0/16 via 10.77.0.254'),
  hostName: hostName.optional().describe('The host name (option 12)'),
  custom: z.array(custom, 'expected a list of options').optional().describe('Other options by number'),
})

const lease = duration('10s', '3650d')

const leaseTimes = z.strictObject({
  default: lease.prefault('1h').describe('Of a client that wishes nothing'),
  min: lease.optional().describe('The shortest that a client may wish for'),
  max: lease.optional().describe('The longest that a client may wish for'),
})

/** What is wrong with the form that was tried: an error of a union names both otherwise. */
function leaseProblem(issue: z.core.$ZodRawIssue): string {
  const forms = issue.code === 'invalid_union' ? issue.errors : []
  const tried = forms[typeof issue.input === 'string' ? 0 : 1]?.[0]
  const isForm = typeof issue.input === 'string' || isMap(issue.input)
  if (tried === undefined || !isForm) return 'expected a duration such as 1h, or default:, min: and max:'
  return [...tried.path, tried.message].join(': ')
}

function isMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A machine must trust the certificate before it is sent there. */
export const HttpsUseSchema = listOf(z.enum(HTTPS_USES, 'expected firmware, scripts, documents or reports'))

const flag = z.boolean('expected true or false')

const PING_CHECK_MS = 100
/** The OFFER has to leave within half a second. */
const PING_CHECK_LIMITS = { least: 10, most: 400 }

const pingCheckTime = read(
  'a time such as 100ms',
  (text) => {
    const milliseconds = Number(/^([1-9][0-9]{0,3})ms$/.exec(text)?.[1])
    const { least, most } = PING_CHECK_LIMITS
    return milliseconds >= least && milliseconds <= most
      ? ok(milliseconds)
      : err(`expected false, or a time from ${least}ms to ${most}ms, got "${text}"`)
  },
  '^[1-9][0-9]{0,2}ms$',
)

/** Milliseconds; undefined when it is off. */
const pingCheck = z
  .union([pingCheckTime, z.boolean()], {
    error: ({ input, code, ...issue }) =>
      (code === 'invalid_union' && typeof input === 'string' ? issue.errors[0]?.[0]?.message : undefined) ??
      'expected true, false or a time such as 100ms',
  })
  .transform((value) => (value === true ? PING_CHECK_MS : value === false ? undefined : value))

const BOOTS_MESSAGE = 'expected auto, a whole number of machines from 1 to 10000, or false'

/** Undefined when there is no limit. */
const boots = z
  .union(
    [
      z.number(BOOTS_MESSAGE).int(BOOTS_MESSAGE).min(1, BOOTS_MESSAGE).max(10_000, BOOTS_MESSAGE),
      z.literal('auto'),
      z.literal(false),
    ],
    BOOTS_MESSAGE,
  )
  .transform((value) => (value === false ? undefined : value))

/** Linux names VLAN interfaces PARENT.ID by custom; an id has 12 bits, of which 0 and 4095 are reserved (802.1Q). */
function vlanProblem(name: string): string | undefined {
  const [, digits] = /\.([0-9]+)$/.exec(name) ?? []
  const id = Number(digits ?? 1)
  return id >= 1 && id <= 4094 ? undefined : `VLAN ids are 1 to 4094, and ${name} has ${digits}`
}

const interfaceName = z
  .string('expected the name of a network interface')
  .regex(/^[^\s/]{1,15}$/, 'expected the name of a network interface, at most 15 characters')
  .check(({ value, issues }) => {
    const problem = vlanProblem(value)
    if (problem !== undefined) issues.push({ code: 'custom', input: value, message: problem })
  })

/**
 * One of `networks:`, the shape alone: that addresses lie in the subnet and pools do not overlap is checked in
 * `check-networks.ts`. Durations become seconds, `pingCheck` milliseconds, rates octets a second.
 */
export const NetworkSchema = z.strictObject({
  name: NameSchema.describe('How events and messages call this network'),
  interface: interfaceName
    .optional()
    .describe('Where we listen, eth1 or a VLAN eth1.20; a network reached only through a relay names none'),
  sharedNetwork: NameSchema.optional().describe(
    'The name that several subnets of one link have in common: a machine there gets an address of any of them',
  ),
  subnet: subnet.describe('The network address with its prefix length, 10.77.0.0/24'),
  address: address
    .optional()
    .describe(
      "Ours; default: the interface's own address in the subnet. Without interface: the address that relays send to",
    ),
  dhcp: z
    .enum(['off', 'observe', 'proxy', 'server'], 'expected off, observe, proxy or server')
    .default('observe')
    .describe(
      "off: no DHCP; observe: silent, says what it would do; proxy: where to boot, beside another's addresses; server: authoritative",
    ),
  clients: z
    .enum(['all', 'netboot', 'known'], 'expected all, netboot or known')
    .default('all')
    .describe('Who is answered: all; netboot: firmware, loaders and nodes; known: nodes alone'),
  pool: listOf(range)
    .default([])
    .describe('Addresses for machines without a reservation; none: only reservations are given out'),
  // Below 10 s the times T1 and T2 (options 58, 59) leave no room; option 51 counts in 32 bits.
  lease: z
    .union([lease, leaseTimes], { error: leaseProblem })
    .prefault('1h')
    .describe('How long a lease lasts, such as 1h or 1d; or default:, and what clients may wish for'),
  identity: z
    .enum(['mac', 'client-id'], 'expected mac or client-id')
    .default('mac')
    .describe(
      'What a lease belongs to: the MAC address, so that firmware, loader and system have one; or option 61 where there is one',
    ),
  authoritative: flag
    .default(true)
    .describe('Clients with an address that is not theirs here are told so (NAK); false: silence'),
  pingCheck: pingCheck
    .prefault(true)
    .describe(
      `Whether somebody uses a new address is probed before it is offered, by ARP, behind a relay by ICMP echo; true: for ${PING_CHECK_MS}ms`,
    ),
  bootp: flag.default(false).describe('Nodes that speak BOOTP alone get their reservation'),
  besides: listOf(address)
    .default([])
    .describe(
      'Other DHCP servers that give addresses here by arrangement; dhcp: server does not start beside any other',
    ),
  probe: flag
    .default(true)
    .describe(
      'Whether dhcp: server and proxy ask for other servers at the start and every ten minutes; false: they only listen',
    ),
  quietRouter: flag
    .default(false)
    .describe(
      'Whether a machine that boots is told, alone, that no IPv6 router is there, for which iPXE waits 13 s otherwise; never where one is heard',
    ),
  relays: listOf(address)
    .default([])
    .describe('The relay agents that are believed, by giaddr; none: any that names an address of the subnet'),
  nextServer: address
    .optional()
    .describe('Where clients fetch their loader (siaddr, option 66); default: from us'),
  loader: LoaderSchema.optional().describe(
    'The first loader of its machines instead of the usual one, but for nodes and profiles that name theirs: a file name, or names by architecture',
  ),
  profile: NameSchema.optional().describe(
    'What machines boot here of which no node and no rule says anything; default: what unknown: says',
  ),
  foreignIpxe: z
    .enum(['script', 'chain'], 'expected script or chain')
    .default('script')
    .describe(
      "What a card's own iPXE gets: its script at once, or first our loader, which then gets the script",
    ),
  https: HttpsUseSchema.default([]).describe(
    'What goes over HTTPS: firmware, the loader of UEFI HTTP boot; scripts, what iPXE loads; reports of booted systems',
  ),
  files: FilesSchema.optional().describe(
    'Another server with the files of the images, which machines load them from; default: from us',
  ),
  rate: rate('10kB/s', '1TB/s')
    .optional()
    .describe('What all its machines together load files with over HTTP, such as 800Mbit/s; none: no limit'),
  clientRate: rate('10kB/s', '1TB/s')
    .optional()
    .describe('What each of its machines loads files with over HTTP, such as 100MB/s; none: no limit'),
  boots: boots
    .prefault('auto')
    .describe(
      'Machines that load an image at the same time, the others wait in a queue; auto: as many as have 8 GB to load together, 8 at least; false: any number. Images below 32 MiB do not count',
    ),
  router: address.optional().describe('The default gateway that clients are told; none: none'),
  dns: listOf(address).default([]).describe('The name servers that clients are told'),
  domain: domain.optional().describe('The domain name that clients are told'),
  options: OptionsSchema.prefault({}).describe('What else clients are told'),
})
