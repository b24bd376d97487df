import type { Command } from 'commander'
import { explain } from '../app/explain.ts'
import { takePicture } from '../app/world.ts'
import type { SupposedClient } from '../boot/suppose.ts'
import { LocalDisk } from '../files/disk.ts'
import { addIpv4, type Ipv4, subnetContains } from '../lib/ipv4.ts'
import { type Mac, parseMac } from '../lib/mac.ts'
import type { Config, Network } from '../model/config.ts'
import type { Explanation } from '../model/explanation.ts'
import { archOfName, CLIENT_ARCHES, type ClientArch } from '../protocol/iana/arch.ts'
import { renderTrace } from '../render/trace.ts'
import { addressOn } from '../servers/interfaces.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { print, printJson, requireConfig } from './output.ts'

interface ExplainFlags {
  readonly config: string
  readonly mac: string
  readonly arch: string
  readonly via: string
  readonly network?: string
  readonly stage: string
  readonly choice?: string
  readonly failed?: string
  readonly errno?: string
  readonly script?: string | true
  readonly json?: boolean
}

export function addExplain(program: Command): void {
  program
    .command('explain')
    .summary('what a machine would be answered, and why')
    .description('Rule by rule, from the configuration alone: no server need run, no state is read.')
    .requiredOption('--config <file>', 'the configuration')
    .requiredOption('--mac <mac>', 'the machine')
    .option('--arch <name>', 'its client architecture (option 93)', 'bios-x86')
    .option('--via <question>', 'dhcp: where to boot from; http: which script to run', 'dhcp')
    .option('--stage <stage>', 'who asks over DHCP: rom, ipxe or os', 'rom')
    .option(
      '--network <name>',
      'the network on which it asks; default: the first, or that of its reservation',
    )
    .option('--choice <profile>', 'what somebody chose in the menu')
    .option('--failed <step>', 'a step that failed on it: script, kernel, initrd, boot, menu')
    .option('--errno <hex>', "iPXE's number of that error, as in https://ipxe.org/2d0c613b")
    .option('--script [form]', 'print exactly the script that the machine gets: ipxe (default) or grub')
    .option('--json', 'one JSON document on stdout')
    .action(async (flags: ExplainFlags) => {
      const config = await requireConfig(flags.config)
      const explanation = await explainFlags(flags, config)
      if (flags.json) printJson(explanation)
      else if (flags.script !== undefined) print(scriptOf(explanation))
      else print(renderTrace(explanation))
    })
}

async function explainFlags(flags: ExplainFlags, config: Config): Promise<Explanation> {
  if (flags.choice !== undefined && !/^[a-z0-9][a-z0-9-]*$/.test(flags.choice))
    throw new CliError(
      `--choice: expected a name of the menu, such as worker, got "${flags.choice}"`,
      EXIT.usage,
    )
  const mac = parseMac(flags.mac)
  if (mac === undefined) throw new CliError(`--mac: expected a MAC address, got "${flags.mac}"`, EXIT.usage)
  const network = pickNetwork(flags, mac, config)
  const picture = await takePicture(config, new LocalDisk())
  return explain(
    {
      mac,
      arch: readArch(flags.arch),
      via:
        flags.script === undefined && flags.failed === undefined
          ? oneOf('--via', flags.via, ['dhcp', 'http'])
          : 'http',
      stage: oneOf('--stage', flags.stage, ['rom', 'ipxe', 'os']),
      ...(flags.choice === undefined ? {} : { choice: flags.choice }),
      ...readFailed(flags),
      form: oneOf('--script', typeof flags.script === 'string' ? flags.script : 'ipxe', ['ipxe', 'grub']),
      network,
      server: serverAddress(network),
    },
    picture,
    Date.now(),
  )
}

function readFailed({ failed, errno }: ExplainFlags): Pick<SupposedClient, 'failed'> {
  if (failed === undefined) return {}
  return { failed: { step: failed, ...(errno === undefined ? {} : { errno }) } }
}

/** The network asked for; else that of the machine's reservation; else the first. */
function pickNetwork({ network: name }: ExplainFlags, mac: Mac, config: Config): Network {
  const reserved = config.nodes.find((node) => node.macs.includes(mac))?.address
  const network =
    name === undefined
      ? (config.networks.find(({ subnet }) => reserved !== undefined && subnetContains(subnet, reserved)) ??
        config.networks[0])
      : config.networks.find((candidate) => candidate.name === name)
  if (network !== undefined) return network
  const names = config.networks.map((candidate) => candidate.name).join(', ')
  throw new CliError(
    `--network: there is no network ${name ?? 'at all'}; there are ${names || 'none'}`,
    EXIT.usage,
  )
}

/** Ours on the network; where it is only known once the interface is up, the first address stands for it. */
function serverAddress(network: Network): Ipv4 {
  const found =
    network.interface === undefined
      ? undefined
      : addressOn(network.interface, network.subnet, network.address)
  return network.address ?? found ?? addIpv4(network.subnet.network, 1)
}

function readArch(text: string): ClientArch {
  const row = archOfName(text)
  if (row !== undefined) return row.name
  const names = CLIENT_ARCHES.map(({ name }) => name).join(', ')
  throw new CliError(`--arch: there is no architecture ${text}; there are ${names}`, EXIT.usage)
}

function oneOf<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value)
  if (found === undefined)
    throw new CliError(`${flag}: expected ${allowed.join(' or ')}, got "${value}"`, EXIT.usage)
  return found
}

function scriptOf({ script, answer }: Explanation): string {
  if (script === undefined) throw new CliError(`there is no script: ${answer}`)
  return script
}
