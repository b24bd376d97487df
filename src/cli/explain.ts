import type { Command } from 'commander'
import { LeaseTable } from '../address/lease-table.ts'
import { explain, type KnownState } from '../app/explain.ts'
import { RecognisedMachines } from '../app/recognised.ts'
import type { Config } from '../model/config.ts'
import type { Explanation } from '../model/explanation.ts'
import type { StateReader } from '../model/ports.ts'
import { renderTrace } from '../render/trace.ts'
import { CliError } from './exit-codes.ts'
import { addClientOptions, type ClientFlags, readClient, readMac } from './explain-client.ts'
import { explainPcap } from './explain-pcap.ts'
import { pickNetwork, pictureOf, placeOf } from './explain-place.ts'
import { print, printJson, requireConfig, say } from './output.ts'
import { withState } from './state.ts'

interface ExplainFlags extends ClientFlags {
  readonly config: string
  readonly leases?: boolean
  readonly pcap?: string
  readonly network?: string
  readonly json?: boolean
}

/**
 * `explain`: decides as the server would, in this process; of a server it reads the database at most (`--leases`).
 */
export function addExplain(program: Command): void {
  const command = program
    .command('explain')
    .summary('what a machine would be answered, and why')
    .description(
      'Rule by rule, from the configuration: no server need run. Of a capture, every message in it.',
    )
    .requiredOption('--config <file>', 'the configuration')
    .option(
      '--network <name>',
      'the network on which it asks; default: the first, or that of its reservation',
    )
  addClientOptions(command)
    .option(
      '--leases',
      'with the leases that the server has given, what was asked of its nodes and what machines showed before; default: as if there were none',
    )
    .option(
      '--pcap <file>',
      'every question to a DHCP server in a capture (tcpdump -w), or only those of --mac',
    )
    .option('--json', 'one JSON document on stdout')
    .action(async (flags: ExplainFlags) => {
      const config = await requireConfig(flags.config)
      const state = await stateFor(flags, config)
      if (flags.pcap === undefined) show(await explainFlags(flags, config, state), flags)
      else await showPcap(flags.pcap, flags, config, state)
    })
}

/** What the server knows, or what one would that has just begun. */
async function stateFor({ leases: wanted }: ExplainFlags, config: Config): Promise<ServerState> {
  const read = async (reader: StateReader) => ({
    leases: await reader.leases(),
    boots: await reader.boots(),
    seen: await reader.seen(),
  })
  const known = wanted === true ? await withState(config, read) : undefined
  const leases = new LeaseTable(known?.leases)
  leases.settle(config.networks)
  const boots = new Map(known?.boots.map((state) => [state.node, state]))
  const intents = { of: (node: string) => boots.get(node), stranger: undefined }
  return { leases, intents, recognised: new RecognisedMachines(known?.seen.toReversed()) }
}

interface ServerState extends KnownState {
  readonly leases: LeaseTable
  readonly recognised: RecognisedMachines
}

function show(explanation: Explanation, { json, script }: ExplainFlags): void {
  if (json) printJson(explanation)
  else print(script === undefined ? renderTrace(explanation) : scriptOf(explanation))
}

async function showPcap(
  file: string,
  flags: ExplainFlags,
  config: Config,
  { leases, recognised }: ServerState,
): Promise<void> {
  const mac = flags.mac === undefined ? undefined : readMac(flags.mac)
  const first = pickNetwork(flags.network, mac, config)
  const explained = await explainPcap({
    file,
    config,
    first,
    leases,
    recognised,
    ...(mac === undefined ? {} : { mac }),
  })
  if (flags.json) printJson(explained)
  else if (explained.length === 0) say(`${file}: nobody asks a DHCP server in it`)
  else
    print(
      explained
        .map((one) => `packet    ${one.packet}, ${new Date(one.time).toISOString()}\n${renderTrace(one)}`)
        .join('\n\n'),
    )
}

async function explainFlags(flags: ExplainFlags, config: Config, state: KnownState): Promise<Explanation> {
  const client = readClient(flags)
  const network = pickNetwork(flags.network, client.mac, config)
  const { address: server, link } = placeOf(network, config)
  const { giaddr, ciaddr } = client.message ?? {}
  if (
    network.interface === undefined &&
    client.via === 'dhcp' &&
    giaddr === undefined &&
    ciaddr === undefined
  )
    say(`${network.name} has no interface: its machines ask through a relay, --giaddr ADDRESS`)
  return explain(
    { ...client, network, server, ...(link === undefined ? {} : { link }) },
    await pictureOf(config),
    Date.now(),
    state,
  )
}

function scriptOf({ script, answer }: Explanation): string {
  if (script === undefined) throw new CliError(`there is no script: ${answer}`)
  return script
}
