import type { Command } from 'commander'
import { formatIpv4 } from '../lib/ipv4.ts'
import { formatTable } from '../lib/text.ts'
import type { Config } from '../model/config.ts'
import { type Lease, UNKNOWN_MAC } from '../model/lease.ts'
import { indexNodes } from '../model/world.ts'
import { addStateOptions, print, printJson, requireStateConfig, type StateFlags } from './output.ts'
import { withState } from './state.ts'

export function addLeases(program: Command): void {
  addStateOptions(program.command('leases'))
    .summary('the addresses that were given out')
    .description('Leases of a running or stopped server, by address.')
    .option('--json', 'one JSON document on stdout')
    .action(async (flags: StateFlags & { readonly json?: boolean }) => {
      const config = await requireStateConfig(flags)
      const leases = (await withState(config, (reader) => reader.leases())) ?? []
      const sorted = [...leases].sort((a, b) => a.address - b.address)
      if (flags.json) printJson(sorted.map((lease) => leaseJson(lease, config)))
      else if (sorted.length > 0) print(leaseTable(sorted, config))
    })
}

function leaseJson(lease: Lease, config: Config): object {
  const { address, mac, startedAt, expiresAt, ...rest } = lease
  const node = indexNodes(config.nodes).get(mac)?.name
  return {
    address: formatIpv4(address),
    ...(mac === UNKNOWN_MAC ? {} : { mac }),
    ...rest,
    state: shownState(lease),
    ...(node === undefined ? {} : { node }),
    started: new Date(startedAt).toISOString(),
    expires: new Date(expiresAt).toISOString(),
  }
}

function leaseTable(leases: readonly Lease[], config: Config): string {
  const nodes = indexNodes(config.nodes)
  const rows = leases.map((lease) => [
    formatIpv4(lease.address),
    lease.mac === UNKNOWN_MAC ? '-' : lease.mac,
    nodes.get(lease.mac)?.name ?? '-',
    lease.network,
    shownState(lease),
    new Date(lease.expiresAt).toISOString(),
  ])
  return formatTable([['ADDRESS', 'MAC', 'NODE', 'NETWORK', 'STATE', 'UNTIL'], ...rows])
}

function shownState({ state, expiresAt }: Lease): string {
  return state === 'bound' && expiresAt <= Date.now() ? 'expired' : state
}
