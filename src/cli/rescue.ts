import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { fileSource } from '../files/stage-file.ts'
import { RESCUE_PROFILE } from '../model/config.ts'
import { buildRescue, keysArchive } from '../rescue/build.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { addPlaceOptions, type PlaceFlags } from './firmware-place.ts'
import { putImage, readCmdline, readImageName } from './image-add.ts'
import { storeConfigOf } from './image-place.ts'
import { fileTable, versionJson } from './image-version.ts'
import { print, printJson, say } from './output.ts'
import { keyTable, readAuthorizedKeys } from './rescue-keys.ts'

interface RescueFlags extends PlaceFlags {
  readonly authorizedKeys: string
  readonly name: string
  readonly cmdline?: string
}

/** `rescue build`: downloads Debian packages with apt, installs none, and puts an image into the store. */
export function addRescue(program: Command): void {
  const rescue = program
    .command('rescue')
    .summary('the rescue system: Linux in memory, with SSH and disk tools')
    .description('What the rescue entry of the menu and node rescue boot. See docs/rescue.md.')
  addPlaceOptions(rescue.command('build'))
    .summary('make the rescue image out of Debian packages and put it into the image store')
    .description(
      'Downloads packages with apt and unpacks them into the cache; nothing is installed. The profile rescue boots the ' +
        'image of this name unless the configuration says otherwise. The same keys and packages once more change nothing.',
    )
    .requiredOption('--authorized-keys <file>', 'the public SSH keys that may log in as root, and no others')
    .option('--name <image>', 'what profiles call it', RESCUE_PROFILE)
    .option('--cmdline <arguments>', 'kernel arguments of every machine that boots it, in one word')
    .action(buildCommand)
}

/** `rescue build` */
async function buildCommand(flags: RescueFlags): Promise<void> {
  const config = await storeConfigOf(flags)
  const name = readImageName(flags.name, config)
  const cmdline = readCmdline(name, flags, config)
  const keys = await readAuthorizedKeys(flags.authorizedKeys)
  const system = await buildSystem()
  const work = await mkdtemp(join(tmpdir(), 'centra-rescue-'))
  try {
    const keysFile = join(work, 'keys.img')
    await writeFile(keysFile, keysArchive(keys))
    const sources = [system.kernel, system.initrd, keysFile].map((path) => fileSource(path))
    const { version, isNew } = await putImage(config, { name, cmdline, sources })
    const { kernelRelease, packages } = system.manifest
    const shown = keys.map(({ type, fingerprint, comment }) => ({ type, fingerprint, comment }))
    if (flags.json)
      printJson({ name, isNew, kernelRelease, keys: shown, packages, ...versionJson(name, version) })
    else print(`${fileTable(name, version)}\n${keyTable(keys)}`)
    say(
      isNew
        ? `${name} ${version.id}, Linux ${kernelRelease}, is in ${config.server.imageStore}; machines boot it from now on`
        : `${name} ${version.id} is the current version already; nothing has changed`,
    )
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function buildSystem(): ReturnType<typeof buildRescue> {
  try {
    return await buildRescue({ onProgress: say })
  } catch (error) {
    throw new CliError(
      `the rescue system cannot be built: ${error instanceof Error ? error.message : String(error)}`,
      EXIT.failure,
    )
  }
}
