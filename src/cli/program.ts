import { Command, CommanderError } from 'commander'
import { StoreError } from '../store/store-error.ts'
import { VERSION } from '../version.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { say } from './output.ts'

/** The command `centra-pxe`; resolves with its exit code once nothing is left to do. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const program = await buildProgram(argv[0])
  try {
    await program.parseAsync(argv, { from: 'user' })
    return Number(process.exitCode ?? EXIT.ok)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    if (error instanceof CliError || error instanceof StoreError) {
      say(`centra-pxe: ${error.message}`)
      return error instanceof CliError ? error.exitCode : EXIT.failure
    }
    throw error
  }
}

type AddCommand = (program: Command) => void

/**
 * The code of a command is loaded when it is asked for: `serve` starts without that of the lab and of `init`. In the order
 * of the help.
 */
const COMMANDS: Readonly<Record<string, () => Promise<AddCommand>>> = {
  init: async () => {
    const { addInit } = await import('./init.ts')
    return addInit
  },
  serve: async () => {
    const { addServe } = await import('./serve.ts')
    return addServe
  },
  validate: async () => {
    const { addValidate } = await import('./validate.ts')
    return addValidate
  },
  explain: async () => {
    const { addExplain } = await import('./explain.ts')
    return addExplain
  },
  document: async () => {
    const { addDocument } = await import('./document.ts')
    return addDocument
  },
  leases: async () => {
    const { addLeases } = await import('./leases.ts')
    return addLeases
  },
  nodes: async () => {
    const { addNodes } = await import('./nodes.ts')
    return addNodes
  },
  node: async () => {
    const { addNodeCommands } = await import('./node.ts')
    return addNodeCommands
  },
  networks: async () => {
    const { addNetworks } = await import('./networks.ts')
    return addNetworks
  },
  events: async () => {
    const { addEvents } = await import('./events.ts')
    return addEvents
  },
  status: async () => {
    const { addStatus } = await import('./reload.ts')
    return addStatus
  },
  reload: async () => {
    const { addReload } = await import('./reload.ts')
    return addReload
  },
  import: async () => {
    const { addImport } = await import('./import.ts')
    return addImport
  },
  firmware: async () => {
    const { addFirmware } = await import('./firmware.ts')
    return addFirmware
  },
  image: async () => {
    const { addImageCommands } = await import('./image.ts')
    return addImageCommands
  },
  rescue: async () => {
    const { addRescue } = await import('./rescue.ts')
    return addRescue
  },
  tls: async () => {
    const { addTls } = await import('./tls.ts')
    return addTls
  },
  probe: async () => {
    const { addProbe } = await import('./probe.ts')
    return addProbe
  },
  lab: async () => {
    const { addLab } = await import('./lab.ts')
    return addLab
  },
  'lab-inside': async () => {
    const { addLabInside } = await import('./lab-inside.ts')
    return addLabInside
  },
  menu: async () => {
    const { addMenu } = await import('./menu.ts')
    return addMenu
  },
  schema: async () => {
    const { addSchema } = await import('./schema.ts')
    return addSchema
  },
}

/** With the command that is asked for, or with all of them where none is: for the help, and for a word that is misspelt. */
async function buildProgram(asked: string | undefined): Promise<Command> {
  const program = new Command('centra-pxe')
    .description('Boots bare metal over the network and explains every boot.')
    .version(VERSION, '--version')
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong use, 69 a package is missing, 78 invalid configuration.',
    )
  const one = asked !== undefined && Object.hasOwn(COMMANDS, asked) ? COMMANDS[asked] : undefined
  for (const load of one === undefined ? Object.values(COMMANDS) : [one]) {
    const add = await load()
    add(program)
  }
  for (const command of program.commands) command.exitOverride()
  return program
}
