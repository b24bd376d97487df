import { Command, CommanderError } from 'commander'
import { StoreError } from '../store/store-error.ts'
import { VERSION } from '../version.ts'
import { addEvents } from './events.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { addExplain } from './explain.ts'
import { addFirmware } from './firmware.ts'
import { addInit } from './init.ts'
import { addLab } from './lab.ts'
import { addLabInside } from './lab-inside.ts'
import { addLeases } from './leases.ts'
import { addNodes } from './nodes.ts'
import { say } from './output.ts'
import { addProbe } from './probe.ts'
import { addReload, addStatus } from './reload.ts'
import { addSchema } from './schema.ts'
import { addServe } from './serve.ts'
import { addValidate } from './validate.ts'

/** The command `centra-pxe`; resolves with its exit code once nothing is left to do. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const program = buildProgram()
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

function buildProgram(): Command {
  const program = new Command('centra-pxe')
    .description('Boots bare metal over the network and explains every boot.')
    .version(VERSION, '--version')
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong use, 69 a package is missing, 78 invalid configuration.',
    )
  for (const add of [
    addInit,
    addServe,
    addValidate,
    addExplain,
    addLeases,
    addNodes,
    addEvents,
    addStatus,
    addReload,
    addFirmware,
    addProbe,
    addLab,
    addLabInside,
    addSchema,
  ])
    add(program)
  for (const command of program.commands) command.exitOverride()
  return program
}
