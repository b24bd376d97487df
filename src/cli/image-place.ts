import { resolve } from 'node:path'
import { loadConfig } from '../app/load-config.ts'
import { moveStateDir } from '../config/state-dir.ts'
import { LocalDisk } from '../files/disk.ts'
import { ImageStoreError } from '../files/image-catalogue.ts'
import type { Config } from '../model/config.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { defaultConfig, type PlaceFlags } from './firmware-place.ts'

/**
 * The configuration whose server uses the image store. Its errors are not said: an image is added before it is right
 * that a profile names it.
 */
export async function storeConfigOf({ config: file, stateDir }: PlaceFlags): Promise<Config> {
  if (file === undefined) {
    const config = defaultConfig(stateDir)
    if (config !== undefined) return config
    throw new CliError(`--state-dir: ${stateDir} is no directory's name`, EXIT.usage)
  }
  const { draft } = await loadConfig(resolve(file), new LocalDisk(), { ownImages: false })
  if (draft === undefined)
    throw new CliError(`${file} does not tell where the state is: see centra-pxe validate`, EXIT.config)
  return stateDir === undefined ? draft : moveStateDir(draft, resolve(stateDir))
}

/** Runs an action on the store; what the store and the disk refuse becomes a sentence and exit code 1. */
export async function tellRefusals<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof ImageStoreError) throw new CliError(error.message)
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
      const advice =
        error.code === 'ENOSPC' ? '; what is served has not changed; centra-pxe image gc makes room' : ''
      throw new CliError(`the image store cannot be changed: ${error.message}${advice}`)
    }
    throw error
  }
}
