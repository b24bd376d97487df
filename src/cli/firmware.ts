import type { Command } from 'commander'
import { archesOfLoader, LOADER_NAMES, selectLoader } from '../boot/loaders.ts'
import { ipxeFiles, signedFiles, takeFiles, type WantedFile } from '../firmware/fetch.ts'
import { formatBytes, formatTable } from '../lib/text.ts'
import { archOfName, type ClientArch } from '../protocol/iana/arch.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { installLocked } from './firmware-install.ts'
import { entryJson, listFirmware, origin, serves, verifyFirmware } from './firmware-list.ts'
import { SUITES, type Suite, suiteName, withPackages } from './firmware-packages.ts'
import { addPlaceOptions, type PlaceFlags, placeOf } from './firmware-place.ts'
import { print, printJson, say } from './output.ts'

interface FetchFlags extends PlaceFlags {
  readonly suite: string
  readonly arch?: readonly string[]
  readonly signed?: boolean
}

/** `firmware fetch`, `list` and `verify`: `fetch` downloads with apt; the others only read. None asks the server. */
export function addFirmware(program: Command): void {
  const firmware = program
    .command('firmware')
    .summary('the loaders that machines get first')
    .description("Loaders in the state directory's firmware/, out of the distribution's packages.")
  addPlaceOptions(firmware.command('fetch'))
    .summary('bring loaders into the state directory')
    .description(
      "Takes iPXE out of the distribution's package, which is not installed, with its version and checksum. " +
        'A running server notices by itself. Needs apt, no root.',
    )
    .option(
      '--suite <suite>',
      `${SUITES.join(', ')}: sid has iPXE 2.0, also for arm64, riscv64, loong64`,
      'current',
    )
    .option('--arch <names...>', 'only the loaders of these client architectures (uefi-arm64); default: all')
    .option('--signed', 'also shim and GRUB as the distribution signed them, for Secure Boot')
    .action(fetchFirmware)
  addPlaceOptions(firmware.command('list'))
    .summary('what is there, and whom it serves')
    .description(
      'Every loader in the firmware directories; of fetched ones, whether they are still what they were.',
    )
    .action(listFirmware)
  addPlaceOptions(firmware.command('verify'))
    .summary('compare fetched loaders with their checksums')
    .description('Exit code 1 when a fetched loader is missing or was changed.')
    .action(verifyFirmware)
}

async function fetchFirmware(flags: FetchFlags): Promise<void> {
  const suite = readSuite(flags.suite)
  const arches = (flags.arch ?? []).map(readArch)
  const { folder, dirs } = await placeOf(flags)
  const names = LOADER_NAMES.filter(
    (name) => arches.length === 0 || arches.some((arch) => archesOfLoader(name).includes(arch)),
  )
  const wanted = [...ipxeFiles(names), ...(flags.signed === true ? requireSigned() : [])]
  const files = await withPackages(suite, packagesOf(wanted), async (unpacked) =>
    takeFiles(unpacked, wanted, await suiteName(suite)),
  )
  requireFound(files, arches, suite)
  const installed = await installLocked(folder, files)
  if (flags.json)
    printJson({ folder, files: installed.map(({ entry, change }) => ({ ...entryJson(entry), change })) })
  else
    print(
      formatTable(
        installed.map(({ entry, change }) => [
          ...[entry.file, formatBytes(entry.size), origin(entry), change],
          serves(entry.file),
        ]),
      ),
    )
  const changed = installed.filter(({ change }) => change !== 'kept').length
  say(
    changed === 0
      ? `${installed.length} loaders in ${folder} are what they were: nothing to do`
      : `${installed.length} loaders are in ${folder}, ${changed} of them written now`,
  )
  if (!dirs.includes(folder))
    say(`warning: server.firmware does not name ${folder}: the server will not look there`)
}

function readSuite(text: string): Suite {
  const suite = SUITES.find((one) => one === text)
  if (suite === undefined)
    throw new CliError(`--suite: expected ${SUITES.join(', ')}, got "${text}"`, EXIT.usage)
  return suite
}

function readArch(text: string): ClientArch {
  const row = archOfName(text)
  if (row !== undefined) return row.name
  throw new CliError(`--arch: there is no architecture ${text}; one is uefi-arm64`, EXIT.usage)
}

function requireSigned(): readonly WantedFile[] {
  const files = signedFiles(process.arch === 'x64' ? 'amd64' : process.arch)
  if (files === undefined)
    throw new CliError(`--signed: no signed loaders are known for ${process.arch}`, EXIT.unavailable)
  return files
}

function packagesOf(wanted: readonly WantedFile[]): readonly string[] {
  return [...new Set(wanted.map(({ package: name }) => name))]
}

/** Every architecture asked for got a loader; without any asked for, there is one at all. */
function requireFound(
  files: readonly { readonly file: string }[],
  arches: readonly ClientArch[],
  suite: Suite,
): void {
  const without = arches.find((arch) => !files.some(({ file }) => archesOfLoader(file).includes(arch)))
  if (files.length > 0 && without === undefined) return
  const from = `the package ipxe of suite ${suite}`
  if (without === undefined) throw new CliError(`${from} has no loader`)
  const choice = selectLoader({ arch: without, stage: 'rom' }, new Map())
  const source = choice.kind === 'not-on-disk' ? choice.source : 'iPXE runs on no such machine'
  throw new CliError(`${from} has no loader for ${without}; ${source}`)
}
