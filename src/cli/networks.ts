import type { Command } from 'commander'
import { z } from 'zod'
import { formatTable } from '../lib/text.ts'
import { EXIT } from './exit-codes.ts'
import { addStateOptions, print, printJson, requireStateConfig, type StateFlags } from './output.ts'
import { askServer } from './state.ts'

/** Another server as the running one tells of it; times in milliseconds since 1970. */
export const ForeignSchema = z.object({
  network: z.string(),
  address: z.string(),
  kind: z.enum(['dhcp', 'proxy']).optional(),
  mac: z.string().optional(),
  offered: z.string().optional(),
  boot: z.record(z.string(), z.union([z.string(), z.boolean()])).optional(),
  client: z.string().optional(),
  expected: z.boolean(),
  current: z.boolean(),
  warnings: z.array(z.string()),
  firstSeen: z.number(),
  lastSeen: z.number(),
  count: z.number(),
})

const NetworksSchema = z.array(
  z.object({
    name: z.string(),
    dhcp: z.string(),
    interface: z.string().optional(),
    subnet: z.string(),
    address: z.string().optional(),
    state: z.enum(['up', 'down']),
    reason: z.string().optional(),
    pool: z.object({ size: z.number(), used: z.number() }),
    leases: z.number(),
    listens: z.boolean(),
    foreign: z.array(ForeignSchema),
  }),
)

/** `networks`: asks the running server over its control socket, whose answer is checked like any other input. */
export function addNetworks(program: Command): void {
  addStateOptions(program.command('networks'))
    .summary('the networks of the running server')
    .description(
      'Mode, interface, address, state and pool of each network, and the other DHCP servers that were noticed there. ' +
        'Exit code 1 when no server answers or a network is down.',
    )
    .option('--json', 'one JSON document on stdout')
    .action(async (flags: StateFlags & { readonly json?: boolean }) => {
      const config = await requireStateConfig(flags)
      const networks = NetworksSchema.parse(await askServer(config, 'GET', '/v1/networks'))
      if (flags.json) printJson(networks)
      else print(formatNetworks(networks))
      process.exitCode = networks.every(({ state }) => state === 'up') ? EXIT.ok : EXIT.failure
    })
}

const HEAD = ['NETWORK', 'DHCP', 'INTERFACE', 'ADDRESS', 'STATE', 'POOL', 'LEASES', 'OTHER SERVERS']

function formatNetworks(networks: z.infer<typeof NetworksSchema>): string {
  const rows = networks.map(({ name, dhcp, interface: device, subnet, address, state, ...rest }) => [
    ...[name, dhcp, device ?? 'relays', address ?? subnet, state],
    `${rest.pool.used}/${rest.pool.size}`,
    String(rest.leases),
    rest.foreign.map((one) => one.address).join(' ') || (rest.listens ? '-' : 'not listening'),
  ])
  const notes = networks.flatMap(({ name, reason, foreign }) => [
    ...(reason === undefined ? [] : [`${name}: ${reason}`]),
    ...foreign.map((one) => `${name}: another DHCP server: ${describeForeign(one)}`),
    ...foreign.flatMap(({ warnings }) => warnings.map((text) => `${name}: warning: ${text}`)),
  ])
  return [formatTable([HEAD, ...rows]), ...notes].join('\n')
}

/** "10.77.0.9 on rack (dhcp, from 52:54:00:12:34:56, expected), offers ..., chosen by ..., seen 2026-11-23T...". */
export function describeForeign(server: z.infer<typeof ForeignSchema>): string {
  const { address, network, kind, mac, boot, client, expected, lastSeen } = server
  const traits = [kind, mac === undefined ? undefined : `from ${mac}`, expected ? 'expected' : undefined]
  const known = traits.filter((trait) => trait !== undefined).join(', ')
  const facts = [
    `${address} on ${network}${known === '' ? '' : ` (${known})`}`,
    ...(boot === undefined
      ? []
      : [
          Object.entries(boot)
            .map(([key, value]) => `${key} ${value}`)
            .join(' '),
        ]),
    ...(client === undefined ? [] : [`chosen by ${client}`]),
    `seen ${new Date(lastSeen).toISOString()}`,
  ]
  return facts.join(', ')
}
