import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { loaderOverrides, publishedNames } from '../boot/loaders.ts'
import { resolveConfig } from '../config/resolve.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { requireStateConfig } from './output.ts'

export interface PlaceFlags {
  readonly config?: string
  readonly stateDir?: string
  readonly json?: boolean
}

/** The options by which `firmware` finds its folder. */
export function addPlaceOptions(command: Command): Command {
  return command
    .option('--config <file>', 'the configuration, which says where the state is')
    .option('--state-dir <dir>', 'where the server keeps its state; default: as the configuration says')
    .option('--json', 'one JSON document on stdout')
}

export interface Place {
  /** The state directory's. */
  readonly folder: string
  /** All that the server looks at, first match wins. */
  readonly dirs: readonly string[]
  readonly names: readonly string[]
}

/** Where loaders are looked for and fetched to. */
export async function placeOf({ config: file, stateDir }: PlaceFlags): Promise<Place> {
  const config =
    file === undefined
      ? defaultConfig(stateDir)
      : await requireStateConfig({ config: file, ...(stateDir === undefined ? {} : { stateDir }) })
  if (config === undefined) throw new CliError(`--state-dir: ${stateDir} is no directory's name`, EXIT.usage)
  const folder = join(config.server.stateDir, 'firmware')
  return { folder, dirs: config.server.firmware, names: publishedNames(loaderOverrides(config)) }
}

/** Without a configuration: the defaults, which the schema alone knows. */
export function defaultConfig(stateDir: string | undefined): ReturnType<typeof resolveConfig>['draft'] {
  const server = stateDir === undefined ? {} : { stateDir: resolve(stateDir) }
  return resolveConfig({ file: '/centra-pxe.yaml', text: JSON.stringify({ version: 1, server }) }, []).draft
}
