import { type FileSource, fileSource } from '../files/stage-file.ts'
import { FILE_NAME } from '../model/names.ts'
import { CliError, EXIT } from './exit-codes.ts'

export interface SourceFlags {
  readonly kernel?: string
  readonly initrd?: readonly string[]
}

/** The kernel, then the initrds. */
export function readSources({ kernel, initrd = [] }: SourceFlags): readonly FileSource[] {
  if (kernel === undefined) throw new CliError('--kernel: an image needs a kernel', EXIT.usage)
  const sources = [kernel, ...initrd].map((path) => fileSource(path))
  const wrong = sources.find(({ name }) => !FILE_NAME.test(name))
  if (wrong === undefined) return sources
  const expected = 'letters, digits, "_", ".", "+", "~" and "-", which loaders can carry'
  throw new CliError(`${wrong.from}: expected a file name of ${expected}`, EXIT.usage)
}
