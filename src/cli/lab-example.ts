import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { resolveConfig } from '../config/resolve.ts'
import { formatProblem } from '../config/source.ts'
import type { Payload } from '../lab/payload.ts'
import type { Config } from '../model/config.ts'

const EXAMPLE = join(import.meta.dirname, '..', '..', 'examples', 'lab', 'centra-pxe.yaml')

/** The example as it stands; its images are put in place for the run. */
export function exampleConfig(): Config {
  const { config, problems } = resolveConfig({ file: EXAMPLE, text: readFileSync(EXAMPLE, 'utf8') }, [])
  if (config === undefined)
    throw new Error(`the example is broken: ${problems.map(formatProblem).join('; ')}`)
  return config
}

/** A copy of the example with the payload's two files beside it; the path of its configuration. */
export function prepareExample(folder: string, payload: Payload): string {
  const file = join(folder, 'centra-pxe.yaml')
  cpSync(EXAMPLE, file)
  mkdirSync(join(folder, 'images'))
  symlinkSync(payload.kernel, join(folder, 'images', 'vmlinuz'))
  symlinkSync(payload.initrd, join(folder, 'images', 'initrd.img'))
  return file
}
