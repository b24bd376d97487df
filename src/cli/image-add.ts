import { type Command, InvalidArgumentError } from 'commander'
import { storedCmdlineProblem } from '../config/references.ts'
import { NameSchema } from '../config/shapes.ts'
import { type Added, addImage, type NewVersion } from '../files/image-store.ts'
import type { Config } from '../model/config.ts'
import { parseKernelCommandLine } from '../protocol/ipxe/words.ts'
import { CliError, EXIT } from './exit-codes.ts'
import type { PlaceFlags } from './firmware-place.ts'
import { storeConfigOf, tellRefusals } from './image-place.ts'
import { readSources, type SourceFlags } from './image-sources.ts'
import { fileTable, versionJson } from './image-version.ts'
import { print, printJson, say } from './output.ts'
import { startProgressBar } from './progress-bar.ts'

interface AddFlags extends PlaceFlags, SourceFlags {
  readonly cmdline?: string
}

/** The options of `image add`; `--max-size` in GB of 10^9 octets. */
export function addAddOptions(command: Command): Command {
  return command
    .description(
      'Copies the files into the store. Until all of them are there and on disk, machines get the version before; ' +
        'the same files and arguments once more change nothing, and those of an older version make it the current one.',
    )
    .option('--kernel <file>', 'the kernel: a file, or a URL')
    .option('--initrd <files...>', 'the initrd, or several, which are loaded in this order: files, or URLs')
    .option('--url <url>', 'the same as --kernel with a URL; with --kernel-path as --iso with a URL')
    .option('--iso <file>', 'an ISO image in which the files are, instead of --kernel and --initrd')
    .option('--kernel-path <path>', 'the kernel inside the ISO image, such as /casper/vmlinuz')
    .option('--initrd-path <paths...>', 'the initrd inside the ISO image, or several')
    .option('--sha256 <hashes...>', 'the SHA-256 of each URL, in the order of the files: required')
    .option('--allow-private', 'also fetch from addresses of private networks and of this machine')
    .option('--max-size <GB>', 'the largest file that is fetched', readGigabytes, 16)
    .option('--cmdline <arguments>', 'kernel arguments of every machine that boots it, in one word')
}

function readGigabytes(text: string): number {
  const size = /^[0-9]{1,4}(\.[0-9]{1,3})?$/.test(text) ? Number(text) : 0
  if (size > 0) return size
  throw new InvalidArgumentError('expected a number of GB, such as 4 or 0.5')
}

/** `image add` */
export async function addImageCommand(name: string, flags: AddFlags): Promise<void> {
  const config = await storeConfigOf(flags)
  const wanted = { name: readImageName(name, config), cmdline: readCmdline(name, flags, config) }
  const sources = readSources(flags, config.server.imageStore)
  const { imageStore } = config.server
  const { version, isNew } = await putImage(config, { ...wanted, sources })
  if (flags.json) printJson({ name, isNew, ...versionJson(name, version) })
  else print(fileTable(name, version))
  say(
    isNew
      ? `${name} ${version.id} is in ${imageStore}; machines boot it from now on`
      : `${name} ${version.id} is the current version already; nothing has changed`,
  )
}

/** Into the image store of this server, with a progress bar. */
export async function putImage({ server }: Config, wanted: NewVersion): Promise<Added> {
  const bar = startProgressBar()
  return tellRefusals(() =>
    addImage(server.imageStore, wanted, { observe: bar.observe }).finally(() => bar.end()),
  )
}

/** A name that the image store may have: none that the configuration declares. */
export function readImageName(name: string, config: Config): string {
  const parsed = NameSchema.safeParse(name)
  if (!parsed.success) throw new CliError(`${name}: ${parsed.error.issues[0]?.message}`, EXIT.usage)
  const declared = config.images.get(name)
  if (declared === undefined) return name
  const { file, line } = declared.origin
  throw new CliError(
    `the configuration declares an image ${name} itself, ${file}:${line}: choose one of both`,
  )
}

/** The words of `--cmdline`, as far as they fit beside those of the profiles that boot the image. */
export function readCmdline(
  name: string,
  { cmdline: text = '' }: Pick<AddFlags, 'cmdline'>,
  config: Config,
): readonly string[] {
  const parsed = parseKernelCommandLine(text)
  const problem = parsed.ok ? storedCmdlineProblem(config, name, parsed.value) : parsed.error
  if (!parsed.ok || problem !== undefined) throw new CliError(`--cmdline: ${problem}`, EXIT.usage)
  return parsed.value
}
