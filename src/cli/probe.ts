import type { Command } from 'commander'
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
      const servers = await ask(networks)
      const foreign = servers.filter((server) => !isOurs(server, networks))
      if (flags.json) printJson(foreign.map(serverJson))
      else if (foreign.length === 0) say('nobody else answers')
      else print(formatTable([HEAD, ...foreign.map(row)]))
      process.exitCode = foreign.length === 0 ? EXIT.ok : EXIT.failure
    })
}

async function ask(networks: readonly Network[]): Promise<readonly HeardServer[]> {
  const devices = new Set(networks.flatMap(({ interface: device }) => device ?? []))
  const { interfaces } = lookAtHost()
  const targets = [...devices].map((device) => {
    const mac = interfaces.find(({ name, isRunning }) => name === device && isRunning)?.mac
    if (mac === undefined) throw new CliError(`the interface ${device} is not up and running`, EXIT.failure)
    return { interface: device, mac }
  })
  say(`asking for DHCP servers on ${[...devices].join(', ')} (${LISTEN_SECONDS} s)`)
  const hearing = await hearDhcpServers(targets)
  if (hearing.kind === 'not-listened') throw new CliError(hearing.why, EXIT.unavailable)
  return hearing.servers
}

function isOurs({ address }: HeardServer, networks: readonly Network[]): boolean {
  return networks.some(
    ({ interface: device, subnet, address: ours }) =>
      device !== undefined && addressOn(device, subnet, ours) === address,
  )
}

const HEAD = ['SERVER', 'INTERFACE', 'KIND', 'OFFERED', 'ROUTER', 'DNS']

function row({ address, interface: device, kind, offered, router, dns }: HeardServer): readonly string[] {
  const cells = [offered, router].map((one) => (one === undefined ? '-' : formatIpv4(one)))
  return [formatIpv4(address), device, kind, ...cells, dns.map(formatIpv4).join(' ') || '-']
}

function serverJson({ address, interface: device, kind, offered, router, dns }: HeardServer): object {
  return {
    address: formatIpv4(address),
    interface: device,
    kind,
    ...(offered === undefined ? {} : { offered: formatIpv4(offered) }),
    ...(router === undefined ? {} : { router: formatIpv4(router) }),
    dns: dns.map(formatIpv4),
  }
}
