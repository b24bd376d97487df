import { readFile, writeFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import type { Command } from 'commander'
import { BUILTIN_PROFILES } from '../config/builtin-profiles.ts'
import { type MappingsContext, mappingsYaml, readMacMappings } from '../config/mac-mappings.ts'
import { formatProblem } from '../config/source.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { print, printJson, requireConfig, say } from './output.ts'

interface ImportFlags {
  readonly config?: string
  readonly out?: string
  readonly json?: boolean
}

/**
 * `import mac-mappings`: prints nodes, or writes a file that did not exist. Exit code 78 when a line is wrong;
 * then nothing is written.
 */
export function addImport(program: Command): void {
  const command = program
    .command('import')
    .summary('nodes out of the files of other systems')
    .description(
      'Reads what another system wrote of its machines, and prints it as nodes: of a configuration.',
    )
  command
    .command('mac-mappings')
    .summary('lines of MAC address, profile and host name')
    .description(
      'Reads a file with a machine on each line: MAC address, profile, host name and, if any, a comment. ' +
        'Several lines of one host name are its network cards; a domain is left out, and two names that would become one are refused. ' +
        'Prints a file for include:.',
    )
    .argument('<file>', 'the mappings')
    .option('--config <file>', 'the configuration they shall join: what is taken or missing there is told')
    .option('--out <file>', 'write there instead of to stdout; a file that exists is left alone')
    .option('--json', 'one JSON document on stdout')
    .action((file: string, flags: ImportFlags) => importMappings(file, flags))
}

async function importMappings(file: string, { config: configFile, out, json }: ImportFlags): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new CliError(`${file}: ${error.message}`, EXIT.failure)
  })
  const context = await contextOf(configFile)
  const { nodes, problems } = readMacMappings({ file, text }, context)
  const failed = problems.some(({ severity }) => severity === 'error')
  for (const problem of problems) say(formatProblem(problem))
  if (failed) throw new CliError(`${file}: nothing was imported`, EXIT.config)
  if (json) printJson(nodes)
  if (out !== undefined) await writeNew(resolve(out), mappingsYaml(nodes, basename(file)))
  else if (!json) print(mappingsYaml(nodes, basename(file)))
  const machines = nodes.length === 1 ? '1 node' : `${nodes.length} nodes`
  say(out === undefined ? machines : `${machines} in ${out}; name it under include: of the configuration`)
}

async function contextOf(file: string | undefined): Promise<MappingsContext> {
  if (file === undefined)
    return { profiles: new Set(BUILTIN_PROFILES.map(({ name }) => name)), names: new Set(), macs: new Set() }
  const { profiles, nodes } = await requireConfig(file)
  return {
    profiles: new Set(profiles.keys()),
    names: new Set(nodes.map(({ name }) => name)),
    macs: new Set(nodes.flatMap(({ macs }) => macs)),
  }
}

async function writeNew(file: string, text: string): Promise<void> {
  await writeFile(file, text, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'EEXIST' ? 'is there already; remove it, or give another --out' : error.message
    throw new CliError(`${file} ${why}`, EXIT.failure)
  })
}
