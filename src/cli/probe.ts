import type { Command } from 'commander'
import { adviseOn } from '../app/foreign-advice.ts'
import { bootJson, describeBoot } from '../app/foreign-report.ts'
import { formatIpv4 } from '../lib/ipv4.ts'
import { formatTable } from '../lib/text.ts'
import type { Network } from '../model/config.ts'
import type { HeardServer } from '../model/host.ts'
import { hearDhcpServers, LISTEN_SECONDS } from '../servers/dhcp-probe.ts'
import { addressOn, lookAtHost } from '../servers/interfaces.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { print, printJson, requireConfig, say } from './output.ts'

interface ProbeFlags {
  readonly config: string
  readonly network?: string
  readonly json?: boolean
}

/** `probe`: sends DISCOVERs, never a REQUEST. Exit code 1 when another server answers, 69 when it cannot listen. */
export function addProbe(program: Command): void {
  program
    .command('probe')
    .summary('ask who answers DHCP on a network')
    .description(
      `Sends a DISCOVER as a netbooting machine would and listens ${LISTEN_SECONDS} s; nothing is bound by it. A server of ours that ` +
        'runs on this machine does not hear itself. Exit code 0 when nobody else answers, 1 when somebody does.',
    )
    .requiredOption('--config <file>', 'the configuration')
    .option('--network <name>', 'the network; default: all that have an interface')
    .option('--json', 'one JSON document on stdout')
    .action(async (flags: ProbeFlags) => {
      const config = await requireConfig(flags.config)
      const networks = config.networks.filter(
        ({ name, interface: device }) =>
          device !== undefined && (flags.network === undefined || name === flags.network),
      )
      if (networks.length === 0)
        throw new CliError(
          `--network: there is no network ${flags.network ?? 'with an interface'}`,
          EXIT.usage,
        )
      const heard = await ask(networks)
      const foreign = heard.flatMap((server) => onItsNetwork(server, networks))
      if (flags.json) printJson(foreign.map(serverJson))
      else if (foreign.length === 0) say('nobody else answers')
      else print(formatTable([HEAD, ...foreign.map(row)]))
      for (const text of foreign.flatMap(({ advice }) => advice)) say(`warning: ${text}`)
      process.exitCode = foreign.length === 0 ? EXIT.ok : EXIT.failure
    })
}

async function ask(networks: readonly Network[]): Promise<readonly HeardServer[]> {
  const devices = [...new Set(networks.flatMap(({ interface: device }) => device ?? []))]
  const { interfaces } = lookAtHost()
  for (const device of devices)
    if (!interfaces.some(({ name, isRunning, mac }) => name === device && isRunning && mac !== undefined))
      throw new CliError(`the interface ${device} is not up and running`, EXIT.failure)
  say(`asking for DHCP servers on ${devices.join(', ')} (${LISTEN_SECONDS} s)`)
  const hearing = await hearDhcpServers(devices)
  if (hearing.kind === 'not-listened') throw new CliError(hearing.why, EXIT.unavailable)
  return hearing.servers
}

/** A server, the network it was heard on, and what is to be said about the two. */
interface Found {
  readonly server: HeardServer
  readonly network: Network
  readonly advice: readonly string[]
}

function onItsNetwork(server: HeardServer, networks: readonly Network[]): readonly Found[] {
  const network = networks.find(({ interface: device }) => device === server.interface)
  if (network?.interface === undefined) return []
  const ours = addressOn(network.interface, network.subnet, network.address)
  return server.address === ours
    ? []
    : [{ server, network, advice: adviseOn(server, network, ours).map(({ text }) => text) }]
}

const HEAD = ['SERVER', 'NETWORK', 'MAC', 'KIND', 'OFFERED', 'ROUTER', 'DNS', 'BOOTS']

function row({ server, network }: Found): readonly string[] {
  const { address, mac, kind, offered, router, dns, boot } = server
  const cells = [offered, router].map((one) => (one === undefined ? '-' : formatIpv4(one)))
  const names = dns.map(formatIpv4).join(' ') || '-'
  const boots = boot === undefined ? '-' : describeBoot(boot)
  return [formatIpv4(address), network.name, mac ?? '-', kind, ...cells, names, boots]
}

function serverJson({ server, network, advice }: Found): object {
  const { address, interface: device, mac, kind, offered, router, dns, boot } = server
  return {
    address: formatIpv4(address),
    network: network.name,
    interface: device,
    ...(mac === undefined ? {} : { mac }),
    kind,
    ...(offered === undefined ? {} : { offered: formatIpv4(offered) }),
    ...(router === undefined ? {} : { router: formatIpv4(router) }),
    dns: dns.map(formatIpv4),
    ...(boot === undefined ? {} : { boot: bootJson(boot) }),
    warnings: advice,
  }
}
