import type { Command } from 'commander'
import { Scalar, stringify } from 'yaml'
import type { TransferReport } from '../app/transfers.ts'
import { formatIpv4 } from '../lib/ipv4.ts'
import { macWithDashes } from '../lib/mac.ts'
import { formatBytes, formatTable } from '../lib/text.ts'
import { otherByteOrder } from '../lib/uuid.ts'
import type { Config } from '../model/config.ts'
import type { NodeBoots } from '../model/intent.ts'
import { indexNodeKeys } from '../model/node-keys.ts'
import type { SeenMachine, StateReader } from '../model/ports.ts'
import { nodesOfMachines } from './machine-nodes.ts'
import { nextWordOf } from './node-text.ts'
import { addStateOptions, print, printJson, requireStateConfig, type StateFlags, say } from './output.ts'
import { askServer, withState } from './state.ts'

interface NodesFlags extends StateFlags {
  readonly json?: boolean
  readonly seen?: boolean
}

/**
 * `nodes`: described machines with what the database has seen of them, and what the running server, if there is
 * one, sends them now.
 */
export function addNodes(program: Command): void {
  addStateOptions(program.command('nodes'))
    .summary('the described machines, or those that nobody described')
    .description(
      'What each described node did last, and what was asked of it; with --seen the machines nobody described, as YAML to paste.',
    )
    .option('--seen', 'machines that were heard and that no node describes, as YAML for nodes:')
    .option('--json', 'one JSON document on stdout')
    .action(async (flags: NodesFlags) => {
      const config = await requireStateConfig(flags)
      const read = async (reader: StateReader) => ({ seen: await reader.seen(), boots: await reader.boots() })
      const { seen, boots } = (await withState(config, read)) ?? { seen: [], boots: [] }
      if (flags.seen) printStrangers(config, seen, flags)
      else printNodes(config, { seen, boots, transfers: await transfersNow(config) }, flags)
    })
}

/** What the server sends now; none while it does not run. */
async function transfersNow(config: Config): Promise<readonly TransferReport[]> {
  const answer = await askServer(config, 'GET', '/v1/transfers').catch(() => [])
  return Array.isArray(answer) ? answer : []
}

interface NodeFacts {
  readonly seen: readonly SeenMachine[]
  readonly boots: readonly NodeBoots[]
  readonly transfers: readonly TransferReport[]
}

function printNodes(config: Config, { seen, boots, transfers }: NodeFacts, { json }: NodesFlags): void {
  const newest = newestOfNodes(config, seen)
  const asked = new Map(boots.map((state) => [state.node, nextWordOf(state)]))
  const rows = config.nodes.map((node) => ({
    node,
    last: newest.get(node.name),
    next: asked.get(node.name),
    loading: transfers.filter((one) => one.node === node.name),
  }))
  if (json) {
    printJson(
      rows.map(({ node, last, next, loading }) => ({
        name: node.name,
        macs: node.macs,
        ...(node.address === undefined ? {} : { reservation: formatIpv4(node.address) }),
        ...(node.profile === undefined ? {} : { profile: node.profile }),
        ...(last === undefined ? {} : { seen: seenJson(last) }),
        ...(next === undefined ? {} : { next }),
        ...(loading.length === 0 ? {} : { loading }),
      })),
    )
    return
  }
  if (rows.length === 0) {
    say('the configuration describes no node')
    return
  }
  const table = rows.map(({ node, last, next = '-', loading }) => [
    node.name,
    node.profile ?? '-',
    last?.mac ?? node.macs[0] ?? '-',
    last?.address ?? (node.address === undefined ? '-' : formatIpv4(node.address)),
    last?.stage ?? '-',
    last === undefined ? 'never' : new Date(last.lastSeen).toISOString(),
    next,
    loading.map(loadingText).join(', '),
  ])
  print(formatTable([['NODE', 'PROFILE', 'MAC', 'ADDRESS', 'STAGE', 'SEEN', 'NEXT', 'LOADING'], ...table]))
}

/** "initrd.img 43 % of 85.0 MB at 87.1 MB/s". */
function loadingText({ file, sent, size, rate, stalledMs }: TransferReport): string {
  const speed =
    stalledMs === undefined ? `at ${formatBytes(rate)}/s` : `stalled for ${Math.round(stalledMs / 1000)} s`
  return `${file} ${Math.floor((sent * 100) / Math.max(size, 1))} % of ${formatBytes(size)} ${speed}`
}

function printStrangers(config: Config, seen: readonly SeenMachine[], { json }: NodesFlags): void {
  const nodeOf = nodesOfMachines(config)
  const { byUuid } = indexNodeKeys(config.nodes)
  const isKnown = (machine: SeenMachine): boolean => {
    const { uuid = '', stage } = machine
    const isDescribed = byUuid.has(uuid) || byUuid.has(otherByteOrder(uuid))
    return nodeOf(machine) !== undefined || (stage !== 'conflict' && isDescribed)
  }
  const strangers = seen.filter((machine) => !isKnown(machine)).sort((a, b) => b.lastSeen - a.lastSeen)
  if (json) printJson(strangers.map(seenJson))
  else if (strangers.length === 0)
    say(seen.length > 0 ? 'every machine that was heard is described' : 'no machine was heard yet')
  else printYaml(strangers)
}

function printYaml(strangers: readonly SeenMachine[]): void {
  for (const machine of strangers) {
    const about = [
      `last seen ${new Date(machine.lastSeen).toISOString()} on ${machine.network}`,
      ...(machine.arch === undefined ? [] : [machine.arch]),
      ...(machine.address === undefined ? [] : [`at ${machine.address}`]),
      ...(machine.uuid === undefined ? [] : [`uuid ${machine.uuid}`]),
      ...(machine.stage === 'conflict' ? ['in conflict with a node: see its events'] : []),
    ]
    // Indented as the list under `nodes:` usually is.
    print(`  # ${about.join(', ')}`)
    const mac = new Scalar(machine.mac)
    mac.type = 'QUOTE_DOUBLE'
    print(stringify([{ name: `node-${macWithDashes(machine.mac)}`, mac }]).replace(/^(?=.)/gm, '  '))
    print('    # profile: worker            # without one it gets what unknown: says')
  }
}

/** What was seen last of each node. */
function newestOfNodes(config: Config, seen: readonly SeenMachine[]): ReadonlyMap<string, SeenMachine> {
  const nodeOf = nodesOfMachines(config)
  const newest = new Map<string, SeenMachine>()
  for (const machine of seen) {
    const node = nodeOf(machine)
    if (node !== undefined && machine.lastSeen > (newest.get(node)?.lastSeen ?? 0)) newest.set(node, machine)
  }
  return newest
}

function seenJson(machine: SeenMachine): object {
  const { evidence: _, firstSeen, lastSeen: last, ...rest } = machine
  return { ...rest, firstSeen: new Date(firstSeen).toISOString(), lastSeen: new Date(last).toISOString() }
}
