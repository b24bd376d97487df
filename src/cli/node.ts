import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { z } from 'zod'
import type { NodeCommandKind } from '../app/node-commands.ts'
import type { NodeBoots } from '../model/intent.ts'
import { CliError } from './exit-codes.ts'
import { historyCommand, showCommand } from './node-show.ts'
import { bootsJson, nextBootOf } from './node-text.ts'
import { addStateOptions, printJson, requireStateConfig, type StateFlags, say } from './output.ts'
import { askServer } from './state.ts'

interface CommandFlags extends StateFlags {
  readonly profile?: string
  readonly json?: boolean
}

interface Row {
  readonly kind: NodeCommandKind
  readonly summary: string
  readonly description: string
  /** It boots a profile that may be named. */
  readonly once?: true
}

const ROWS: readonly Row[] = [
  {
    ...{ kind: 'install', once: true, summary: 'install the node at its next boot, once' },
    description:
      'Its next boot from the network is that of a profile with install:, and after it the machine boots its disk. ' +
      'Without --profile the one of install: of the node, or its own profile where that installs.',
  },
  {
    ...{ kind: 'rescue', once: true, summary: 'boot the rescue system at its next boot, once' },
    description: 'In memory; nothing is written. After it the node boots as before.',
  },
  {
    ...{ kind: 'inspect', once: true, summary: 'boot a system that reports what the machine is, once' },
    description:
      'In memory; the profile inspect where it has an image, else rescue, with centra.intent=inspect on the kernel ' +
      'command line. Its report is among the events.',
  },
  {
    ...{ kind: 'local', summary: 'boot the local disk from now on' },
    description: 'What was asked for and not begun is not asked for any more.',
  },
  {
    ...{ kind: 'ram', summary: "boot its profile's image every time, as without any command" },
    description:
      'What was asked for and not begun is not asked for any more. A profile that installs boots the disk.',
  },
  {
    ...{ kind: 'release', summary: 'end the quarantine of the node' },
    description:
      'A node on which more than installTries: installers booted without success boots none until this is said.',
  },
]

/**
 * `node` and what is below it: commands go over the control socket; `show` and `history` read the database, also
 * of a stopped server.
 */
export function addNodeCommands(program: Command): void {
  const node = program
    .command('node')
    .summary('what a described machine boots next, and what it booted')
    .description(
      'Commands go to the running server and are on disk when they return. Exit code 1 when it refuses, or none answers.',
    )
  for (const row of ROWS) addCommand(node, row)
  addStateOptions(node.command('forget').argument('<name>', 'a node of the configuration'))
    .summary('end a conflict about the node: forget what its machines showed')
    .description(
      'UUIDs, serial numbers, asset tags and ports that machines showed, of those that are the node and those in a conflict ' +
        'about it. What they show at their next boot is weighed anew. `node show` tells the conflicts.',
    )
    .option('--json', 'one JSON document on stdout')
    .action(forget)
  addStateOptions(node.command('show').argument('<name>', 'a node of the configuration'))
    .summary('what the node boots next, and why')
    .option('--json', 'one JSON document on stdout')
    .action(showCommand)
  addStateOptions(node.command('history').argument('<name>', 'a node of the configuration'))
    .summary('the boot attempts of the node, and what was asked of it')
    .option('--limit <number>', 'how many lines, the newest', '200')
    .option('--json', 'one JSON document on stdout')
    .action(historyCommand)
  for (const command of node.commands) command.exitOverride()
}

function addCommand(node: Command, { kind, summary, description, once }: Row): void {
  const command = addStateOptions(node.command(kind).argument('<name>', 'a node of the configuration'))
    .summary(summary)
    .description(description)
    .option('--json', 'one JSON document on stdout')
  if (once === true) command.option('--profile <name>', 'instead of the usual one')
  command.action((name: string, flags: CommandFlags) => send(kind, name, flags))
}

const Forgotten = z.object({ node: z.string(), machines: z.array(z.string()) })

async function forget(name: string, flags: CommandFlags): Promise<void> {
  const config = await requireStateConfig(flags)
  const answer = await askServer(config, 'POST', `/v1/nodes/${encodeURIComponent(name)}/forget`)
  const refusal = Refusal.safeParse(answer)
  if (refusal.success) throw new CliError(`node forget ${name}: ${refusal.data.error}`)
  const forgotten = Forgotten.parse(answer)
  if (flags.json) printJson(forgotten)
  else if (forgotten.machines.length === 0) say(`nothing was remembered of machines that are ${name}`)
  else say(`forgotten what these showed: ${forgotten.machines.join(', ')}`)
}

const Refusal = z.object({ error: z.string() })

async function send(kind: NodeCommandKind, name: string, flags: CommandFlags): Promise<void> {
  const config = await requireStateConfig(flags)
  const query = new URLSearchParams({ id: randomBytes(16).toString('hex') })
  if (flags.profile !== undefined) query.set('profile', flags.profile)
  const path = `/v1/nodes/${encodeURIComponent(name)}/${kind}?${query.toString()}`
  const answer = await askServer(config, 'POST', path)
  const refusal = Refusal.safeParse(answer)
  if (refusal.success) throw new CliError(`node ${kind} ${name}: ${refusal.data.error}`)
  const { replaced, ...state } = answer as NodeBoots & { readonly replaced?: string }
  if (flags.json) printJson({ ...bootsJson(state), ...(replaced === undefined ? {} : { replaced }) })
  else
    say(`${nextBootOf(state)}${replaced === undefined ? '' : `; ${replaced}, and is not asked for any more`}`)
}
