import { urlSource } from '../files/download.ts'
import { urlProblem } from '../files/http-get.ts'
import { storeOf } from '../files/image-catalogue.ts'
import { broughtIsoSources, isoFileSources } from '../files/iso-source.ts'
import { type FileSource, fileSource } from '../files/stage-file.ts'
import { FILE_NAME } from '../model/names.ts'
import { CliError, EXIT } from './exit-codes.ts'

export interface SourceFlags {
  readonly kernel?: string
  readonly initrd?: readonly string[]
  readonly url?: string
  /** A file or a URL, in which the two paths are. */
  readonly iso?: string
  readonly kernelPath?: string
  readonly initrdPath?: readonly string[]
  readonly sha256?: readonly string[]
  readonly allowPrivate?: boolean
  /** GB. */
  readonly maxSize: number
}

const URL_BEGIN = /^[a-z][a-z0-9+.-]*:\/\//i

/** The kernel, then the initrds: files of this machine, URLs, each with its hash, or files inside an ISO image. */
export function readSources(flags: SourceFlags, imageStore: string): readonly FileSource[] {
  const { initrd = [], sha256: hashes = [], iso, kernelPath } = flags
  // `--url` is the kernel, or with --kernel-path the image in which it is.
  const isIso = iso !== undefined || (flags.url !== undefined && kernelPath !== undefined)
  if (!isIso && (kernelPath !== undefined || flags.initrdPath !== undefined))
    throw new CliError('--kernel-path and --initrd-path: belong to --iso or --url', EXIT.usage)
  const written = [requireOne(flags), ...(isIso ? [] : initrd)]
  const count = written.filter((text) => URL_BEGIN.test(text)).length
  if (hashes.length !== count)
    throw new CliError(
      `--sha256: expected ${count}, one for each URL, the kernel's first; there are ${hashes.length}`,
      EXIT.usage,
    )
  let next = 0
  const sources = isIso
    ? readIso(written[0] ?? '', { flags, imageStore })
    : written.map((text) => {
        if (!URL_BEGIN.test(text)) return fileSource(text)
        next += 1
        return readUrl(text, hashes[next - 1] ?? '', { flags, imageStore })
      })
  const wrong = sources.find(({ name }) => !FILE_NAME.test(name))
  if (wrong === undefined) return sources
  const expected = 'letters, digits, "_", ".", "+", "~" and "-", which loaders can carry'
  throw new CliError(`${wrong.from}: expected a file name of ${expected}`, EXIT.usage)
}

/** Of the options that all say where the kernel is, the one that is there. */
function requireOne({ kernel, url, iso }: SourceFlags): string {
  const found = [kernel, url, iso].filter((text) => text !== undefined)
  const [text] = found
  if (text === undefined) throw new CliError('--kernel: an image needs a kernel', EXIT.usage)
  if (found.length > 1) throw new CliError('--kernel, --url and --iso: only one of them fits', EXIT.usage)
  if (url !== undefined && !URL_BEGIN.test(url))
    throw new CliError(`--url: expected a URL such as https://example.org/vmlinuz, got "${url}"`, EXIT.usage)
  return text
}

function readIso(text: string, context: UrlContext): readonly FileSource[] {
  const { kernelPath, initrdPath = [], initrd, sha256 = [] } = context.flags
  if (kernelPath === undefined)
    throw new CliError('--kernel-path: which file inside the ISO image is the kernel?', EXIT.usage)
  if (initrd !== undefined)
    throw new CliError('--initrd: an ISO image has its own, see --initrd-path', EXIT.usage)
  const inside = [kernelPath, ...initrdPath]
  return URL_BEGIN.test(text)
    ? broughtIsoSources(readUrl(text, sha256[0] ?? '', context), inside)
    : isoFileSources(text, inside)
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
