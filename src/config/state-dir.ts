import { posix } from 'node:path'
import type { Config } from '../model/config.ts'

/** The same configuration with its state elsewhere, as `--state-dir` asks; default directories below it move along. */
export function moveStateDir(config: Config, stateDir: string): Config {
  const before = config.server.stateDir
  const firmware = config.server.firmware.map((dir) =>
    dir === posix.join(before, 'firmware') ? posix.join(stateDir, 'firmware') : dir,
  )
  const { imageStore: store } = config.server
  const imageStore = store === posix.join(before, 'images') ? posix.join(stateDir, 'images') : store
  return { ...config, server: { ...config.server, stateDir, imageStore, firmware } }
}
