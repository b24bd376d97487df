import { resolve } from 'node:path'
import type { Command } from 'commander'
import { type LoadOptions, loadConfig } from '../app/load-config.ts'
import { formatProblem } from '../config/source.ts'
import { moveStateDir } from '../config/state-dir.ts'
import { LocalDisk } from '../files/disk.ts'
import type { Config } from '../model/config.ts'
import { CliError, EXIT } from './exit-codes.ts'

/** Data, for the next program. */
export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

/** One document on stdout, indented by two blanks; keys whose value is undefined are left out. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2))
}

/** Talk, for the person. */
export function say(text: string): void {
  process.stderr.write(text.endsWith('\n') ? text : `${text}\n`)
}

interface RequireOptions {
  readonly disk?: LocalDisk
  /** Also say what is doubtful; `serve` does, commands that only look do not. */
  readonly warn?: boolean
  readonly load?: LoadOptions
}

/** A valid configuration, or every error of it on stderr and exit code 78. */
export async function requireConfig(file: string, options: RequireOptions = {}): Promise<Config> {
  const { disk = new LocalDisk(), warn = false, load } = options
  const { config, problems } = await loadConfig(resolve(file), disk, load)
  for (const problem of problems) if (warn || problem.severity === 'error') say(formatProblem(problem))
  if (config === undefined) throw new CliError(`${file} is not valid`, EXIT.config)
  return config
}

export interface StateFlags {
  readonly config: string
  readonly stateDir?: string
}

/** The options by which a command finds the state of a server. */
export function addStateOptions(command: Command): Command {
  return command
    .requiredOption('--config <file>', 'the configuration')
    .option('--state-dir <dir>', 'where the server keeps its state, if not where the configuration says')
}

/**
 * The configuration of a server whose state is looked at. Errors in it are said and do not matter, as long as it tells
 * where the state is: somebody may be editing it while the server runs.
 */
export async function requireStateConfig({ config: file, stateDir }: StateFlags): Promise<Config> {
  const { config, draft, problems } = await loadConfig(resolve(file), new LocalDisk())
  for (const problem of problems) if (problem.severity === 'error') say(formatProblem(problem))
  const found = config ?? draft
  if (found === undefined) throw new CliError(`${file} does not tell where the state is`, EXIT.config)
  return stateDir === undefined ? found : moveStateDir(found, resolve(stateDir))
}
