import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type FetchedFile, type Installed, installFiles } from '../firmware/manifest.ts'
import { withLock } from '../lab/cache.ts'
import { CliError } from './exit-codes.ts'
import { say } from './output.ts'

/** Puts loaders into their folder, one command at a time. Rejects with a CliError when it cannot be written. */
export async function installLocked(
  folder: string,
  files: readonly FetchedFile[],
): Promise<readonly Installed[]> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o750 })
    return await withLock(join(folder, '.lock'), () => installFiles(folder, files), {
      onWait: () => say(`waiting for another firmware fetch into ${folder}`),
    })
  } catch (error) {
    throw new CliError(
      `${folder} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}
