import { urlSource } from '../files/download.ts'
import { urlProblem } from '../files/http-get.ts'
import { storeOf } from '../files/image-catalogue.ts'
import { type FileSource, fileSource } from '../files/stage-file.ts'
import { FILE_NAME } from '../model/names.ts'
import { CliError, EXIT } from './exit-codes.ts'

export interface SourceFlags {
  readonly kernel?: string
  readonly initrd?: readonly string[]
  readonly url?: string
  readonly sha256?: readonly string[]
  readonly allowPrivate?: boolean
  /** GB. */
  readonly maxSize: number
}

const URL_BEGIN = /^[a-z][a-z0-9+.-]*:\/\//i

/** The kernel, then the initrds: files of this machine, or URLs, each with its hash. */
export function readSources(flags: SourceFlags, imageStore: string): readonly FileSource[] {
  const { initrd = [], sha256: hashes = [] } = flags
  const written = [requireKernel(flags), ...initrd]
  const count = written.filter((text) => URL_BEGIN.test(text)).length
  if (hashes.length !== count)
    throw new CliError(
      `--sha256: expected ${count}, one for each URL, the kernel's first; there are ${hashes.length}`,
      EXIT.usage,
    )
  let next = 0
  const sources = written.map((text) => {
    if (!URL_BEGIN.test(text)) return fileSource(text)
    const sha256 = hashes[next] ?? ''
    next += 1
    return readUrl(text, sha256, { flags, imageStore })
  })
  const wrong = sources.find(({ name }) => !FILE_NAME.test(name))
  if (wrong === undefined) return sources
  const expected = 'letters, digits, "_", ".", "+", "~" and "-", which loaders can carry'
  throw new CliError(`${wrong.from}: expected a file name of ${expected}`, EXIT.usage)
}

function requireKernel({ kernel, url }: SourceFlags): string {
  if (kernel !== undefined && url !== undefined)
    throw new CliError('--kernel and --url: only one of them can be the kernel', EXIT.usage)
  const found = kernel ?? url
  if (found === undefined) throw new CliError('--kernel: an image needs a kernel', EXIT.usage)
  if (url !== undefined && !URL_BEGIN.test(url))
    throw new CliError(`--url: expected a URL such as https://example.org/vmlinuz, got "${url}"`, EXIT.usage)
  return found
}

interface UrlContext {
  readonly flags: SourceFlags
  readonly imageStore: string
}

function readUrl(text: string, sha256: string, { flags, imageStore }: UrlContext): FileSource {
  if (!/^[0-9a-f]{64}$/i.test(sha256))
    throw new CliError(`--sha256: expected 64 hex digits, got "${sha256}"`, EXIT.usage)
  const url = URL.canParse(text) ? new URL(text) : undefined
  const problem = url === undefined ? `${text} is no URL` : urlProblem(url)
  if (url === undefined || problem !== undefined) throw new CliError(`${problem}`, EXIT.usage)
  return urlSource(storeOf(imageStore), {
    ...{ url, sha256: sha256.toLowerCase() },
    allowPrivate: flags.allowPrivate === true,
    maxSize: flags.maxSize * 1_000_000_000,
  })
}
