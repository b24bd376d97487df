import type { NetworkProposal } from '../config/propose.ts'
import { formatIpv4, formatSubnet, type Ipv4 } from '../lib/ipv4.ts'
import type { Result } from '../lib/result.ts'
import type { HeardServer, Hearing, Host, HostInterface } from '../model/host.ts'

/** What `init --json` prints: addresses as text, absent values left out. */
export function foundJson(host: Host, hearing: Hearing, proposed: Result<NetworkProposal, string>): object {
  return {
    interfaces: host.interfaces.map(interfaceJson),
    ...(hearing.kind === 'listened'
      ? {
          listened: { interfaces: hearing.interfaces, seconds: hearing.seconds },
          dhcpServers: hearing.servers.map(serverJson),
        }
      : { notListened: hearing.why }),
    dhcpServerOnThisMachine: host.hasDhcpServer,
    ...(proposed.ok ? { proposal: proposalJson(proposed.value) } : { noProposal: proposed.error }),
  }
}

function interfaceJson({ name, mac, subnets, isRunning, hasDefaultRoute, gateway }: HostInterface): object {
  return {
    name,
    mac,
    subnets: subnets.map(({ subnet, address }) => ({ subnet: formatSubnet(subnet), ...text({ address }) })),
    running: isRunning,
    defaultRoute: hasDefaultRoute,
    ...text({ gateway }),
  }
}

function serverJson({ interface: name, address, kind, offered, router, dns }: HeardServer): object {
  return { interface: name, kind, ...text({ address, offered, router }), dns: dns.map(formatIpv4) }
}

function proposalJson(proposal: NetworkProposal): object {
  const { interface: name, subnet, dhcp, why, address, pool, router, dns, warnings } = proposal
  return {
    interface: name,
    subnet: formatSubnet(subnet),
    ...text({ address }),
    dhcp,
    why,
    ...(pool === undefined ? {} : { pool: `${formatIpv4(pool.first)}-${formatIpv4(pool.last)}` }),
    ...text({ router }),
    dns: dns.map(formatIpv4),
    warnings,
  }
}

function text(addresses: Readonly<Record<string, Ipv4 | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(addresses).flatMap(([key, address]) =>
      address === undefined ? [] : [[key, formatIpv4(address)]],
    ),
  )
}
