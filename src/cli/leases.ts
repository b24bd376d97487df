import type { Command } from 'commander'
import { formatIpv4 } from '../lib/ipv4.ts'
import { isGroupMac } from '../lib/mac.ts'
import { formatTable } from '../lib/text.ts'
import type { Config } from '../model/config.ts'
import { type Lease, UNKNOWN_MAC } from '../model/lease.ts'
import { indexNodes } from '../model/world.ts'
import { addStateOptions, print, printJson, requireStateConfig, type StateFlags } from './output.ts'
import { withState } from './state.ts'

/** `leases`: from the database, also of a stopped server. A bound lease that has run out is shown as `expired`. */
export function addLeases(program: Command): void {
  addStateOptions(program.command('leases'))
    .summary('the addresses that were given out')
    .description('Leases of a running or stopped server, by address.')
    .option('--json', 'one JSON document on stdout')
    .action(async (flags: StateFlags & { readonly json?: boolean }) => {
      const config = await requireStateConfig(flags)
      const leases = (await withState(config, (reader) => reader.leases())) ?? []
      const nodeOf = nodeNames(config)
      const sorted = [...leases].sort((a, b) => a.address - b.address)
      if (flags.json) printJson(sorted.map((lease) => leaseJson(lease, nodeOf)))
      else if (sorted.length > 0) print(leaseTable(sorted, nodeOf))
    })
}

function leaseJson(lease: Lease, nodeOf: ReturnType<typeof nodeNames>): object {
  const { address, mac, startedAt, expiresAt, ...rest } = lease
  const node = nodeOf(lease)
  return {
    address: formatIpv4(address),
    ...(mac === UNKNOWN_MAC || isGroupMac(mac) ? {} : { mac }),
    ...rest,
    state: shownState(lease),
    ...(node === undefined ? {} : { node }),
    started: new Date(startedAt).toISOString(),
    expires: new Date(expiresAt).toISOString(),
  }
}

function leaseTable(leases: readonly Lease[], nodeOf: ReturnType<typeof nodeNames>): string {
  const rows = leases.map((lease) => [
    formatIpv4(lease.address),
    clientOf(lease),
    nodeOf(lease) ?? '-',
    lease.network,
    shownState(lease),
    new Date(lease.expiresAt).toISOString(),
  ])
  return formatTable([['ADDRESS', 'MAC', 'NODE', 'NETWORK', 'STATE', 'UNTIL'], ...rows])
}

/** A key that stands for an identifier is nobody's MAC. */
function clientOf({ mac, clientId }: Lease): string {
  if (isGroupMac(mac)) return clientId === undefined ? '-' : `id 0x${clientId}`
  return mac === UNKNOWN_MAC ? '-' : mac
}

/** The name of a lease's node: by MAC, or by its reservation where it is known by something else. */
function nodeNames({ nodes }: Config): (lease: Lease) => string | undefined {
  const byMac = indexNodes(nodes)
  const reserved = new Map(
    nodes.flatMap((node) => (node.macs.length > 0 ? [] : [[node.address, node] as const])),
  )
  return ({ mac, address }) => (byMac.get(mac) ?? reserved.get(address))?.name
}

function shownState({ state, expiresAt }: Lease): string {
  return state === 'bound' && expiresAt <= Date.now() ? 'expired' : state
}
