import { LeaseTable } from '../address/lease-table.ts'
import { conflictsOf } from '../app/conflicts.ts'
import { formatTable } from '../lib/text.ts'
import type { Config, Node } from '../model/config.ts'
import { type BootLine, untouched } from '../model/intent.ts'
import type { StateReader } from '../model/ports.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { inOrder } from './history-order.ts'
import { nodesOfMachines } from './machine-nodes.ts'
import { bootsJson, bootsRows, conflictRows, isoTime, shortNonce } from './node-text.ts'
import { print, printJson, requireStateConfig, type StateFlags, say } from './output.ts'
import { staleIntent } from './stale-intent.ts'
import { withState } from './state.ts'

interface ShowFlags extends StateFlags {
  readonly json?: boolean
}

interface HistoryFlags extends ShowFlags {
  readonly limit: string
}

/** `node show NAME` */
export async function showCommand(name: string, flags: ShowFlags): Promise<void> {
  const config = await requireStateConfig(flags)
  const node = requireNode(name, config)
  const known = await withState(config, async (reader) => ({
    boots: await reader.boots(),
    leases: await reader.leases(),
    seen: await reader.seen(),
  }))
  const state = known?.boots.find((one) => one.node === name) ?? untouched(name)
  const leases = new LeaseTable(known?.leases)
  leases.settle(config.networks)
  const conflicts = conflictsOf(name, { config, leases, seen: known?.seen ?? [] }, Date.now())
  const { profile } = node
  const stale = staleIntent(state, node, config)
  if (flags.json)
    printJson({
      ...bootsJson(state),
      ...(stale === undefined ? {} : { stale }),
      ...(profile === undefined ? {} : { profile }),
      ...(conflicts.length === 0 ? {} : { conflicts }),
    })
  else {
    const old = stale === undefined ? [] : [['not so', `${stale}: ask for it again`] as const]
    const rows = [...bootsRows(state), ...old, ...conflictRows(conflicts, flags.config)]
    print(formatTable([['node', name], ['profile', profile ?? '-'], ...rows]))
  }
}

/** `node history NAME` */
export async function historyCommand(name: string, flags: HistoryFlags): Promise<void> {
  const limit = /^[1-9][0-9]{0,5}$/.test(flags.limit) ? Number(flags.limit) : undefined
  if (limit === undefined) throw new CliError('--limit: expected a number of lines', EXIT.usage)
  const config = await requireStateConfig(flags)
  const node = requireNode(name, config)
  const lines = (await withState(config, (reader) => historyOf(node, config, { reader, limit }))) ?? []
  const rows = lines.map(({ time, nonce, what, detail }) => ({
    time: isoTime(time),
    ...(nonce === undefined ? {} : { attempt: shortNonce(nonce) }),
    ...{ what, detail },
  }))
  if (flags.json) printJson(rows)
  else if (rows.length === 0) say(`nothing was asked of ${name}, and it booted nothing yet`)
  else
    print(
      formatTable([
        ['TIME', 'ATTEMPT', 'WHAT', 'DETAIL'],
        ...rows.map(({ time, attempt = '-', what, detail }) => [time, attempt, what, detail]),
      ]),
    )
}

type HistoryLine = Omit<BootLine, 'what'> & { readonly what: BootLine['what'] | 'boot' }

/** With the boots that nobody asked for. */
async function historyOf(
  { name, macs }: Node,
  config: Config,
  { reader, limit }: { readonly reader: StateReader; readonly limit: number },
): Promise<readonly HistoryLine[]> {
  const nodeOf = nodesOfMachines(config)
  const cards = new Set(macs)
  for (const machine of await reader.seen()) if (nodeOf(machine) === name) cards.add(machine.mac)
  const lines = await reader.bootLines(name, limit)
  const attempts = await reader.attempts()
  const commanded = new Set(lines.map(({ nonce }) => nonce))
  // Of older ones there may be lines that are not shown.
  const first = lines.length < limit ? 0 : attempts.findIndex(({ nonce }) => commanded.has(nonce))
  const boots = attempts
    .slice(Math.max(0, first))
    .filter(({ mac, nonce }) => cards.has(mac) && !commanded.has(nonce))
    .map((attempt) => ({ attempt, line: lineOf(attempt, name) }))
  return inOrder(lines, boots, attempts).slice(-limit)
}

function lineOf(
  { nonce, openedAt, profile, image, address, stage }: Awaited<ReturnType<StateReader['attempts']>>[number],
  node: string,
): HistoryLine {
  const end = stage === undefined ? 'no report' : `came to ${stage}`
  return {
    ...{ time: openedAt, node, nonce, what: 'boot' },
    detail: `${image} (${profile}) at ${address}, ${end}`,
  }
}

function requireNode(name: string, config: Config): Node {
  const node = config.nodes.find((one) => one.name === name)
  if (node === undefined) throw new CliError(`the configuration describes no node ${name}`)
  return node
}
