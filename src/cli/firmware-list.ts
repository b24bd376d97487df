import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { archesOfLoader } from '../boot/loaders.ts'
import { LocalDisk } from '../files/disk.ts'
import { checkFile, type FileState, type FirmwareEntry, readManifest } from '../firmware/manifest.ts'
import { processorOf } from '../firmware/processor.ts'
import { formatBytes, formatTable } from '../lib/text.ts'
import { EXIT } from './exit-codes.ts'
import { type PlaceFlags, placeOf } from './firmware-place.ts'
import { print, printJson, say } from './output.ts'

/** `firmware list` */
export async function listFirmware(flags: PlaceFlags): Promise<void> {
  const { folder, dirs, names } = await placeOf(flags)
  const manifest = await readManifest(folder)
  const found = await new LocalDisk().findFirmware(dirs, names)
  const rows = await Promise.all(
    [...found.values()].map(async ({ name, path, size }) => {
      const entry = path === join(folder, name) ? manifest.get(name) : undefined
      const state = entry === undefined ? undefined : await checkFile(folder, entry)
      const problem = wrongProcessor(name, await readFile(path))
      return { name, path, size, entry, state, problem }
    }),
  )
  if (flags.json)
    printJson(
      rows.map(({ name, path, size, entry, state, problem }) => ({
        ...{ file: name, path, size, architectures: archesOfLoader(name) },
        ...(entry === undefined ? {} : { ...entryJson(entry), checksum: state }),
        ...(problem === undefined ? {} : { problem }),
      })),
    )
  else if (rows.length > 0)
    print(
      formatTable([
        ['FILE', 'SIZE', 'FROM', 'CHECKSUM', 'SERVES', 'FOLDER'],
        ...rows.map(({ name, path, size, entry, state, problem }) => [
          ...[name, formatBytes(size), entry === undefined ? '-' : origin(entry), state ?? '-'],
          ...[problem ?? serves(name), path.slice(0, -name.length - 1)],
        ]),
      ]),
    )
  else say(`no loader is in ${dirs.join(', ')}: centra-pxe firmware fetch brings them`)
}

/** `firmware verify` */
export async function verifyFirmware(flags: PlaceFlags): Promise<void> {
  const { folder } = await placeOf(flags)
  const entries = [...(await readManifest(folder)).values()]
  const checked: { readonly entry: FirmwareEntry; readonly state: FileState }[] = []
  for (const entry of entries) checked.push({ entry, state: await checkFile(folder, entry) })
  const wrong = checked.filter(({ state }) => state !== 'ok')
  if (flags.json) printJson(checked.map(({ entry, state }) => ({ ...entryJson(entry), checksum: state })))
  else for (const { entry, state } of wrong) print(`${join(folder, entry.file)}: ${state}`)
  if (entries.length === 0) say(`nothing was fetched into ${folder}`)
  else if (wrong.length === 0) say(`${entries.length} loaders in ${folder} are what was fetched`)
  else say('centra-pxe firmware fetch brings them again')
  process.exitCode = wrong.length === 0 ? EXIT.ok : EXIT.failure
}

/** An EFI program for another processor than its name says: firmware would refuse it without a word. */
function wrongProcessor(name: string, data: Uint8Array): string | undefined {
  const [arch] = archesOfLoader(name)
  if (arch === undefined || !name.endsWith('.efi')) return undefined
  const processor = processorOf(data)
  return arch === `uefi-${processor}` ? undefined : `is for ${processor ?? 'no known processor'}, not ${arch}`
}

/** A manifest's entry for `--json`, with the client architectures that the loader is for; `size` in octets. */
export function entryJson({ file, sha256, size, package: name, version, suite }: FirmwareEntry): object {
  return { file, sha256, size, package: name, version, suite, architectures: archesOfLoader(file) }
}

/** `ipxe 2.0.0+dfsg-5 (sid)` */
export function origin({ package: name, version, suite }: FirmwareEntry): string {
  return `${name} ${version} (${suite})`
}

/** The architectures that a loader is for. */
export function serves(name: string): string {
  return archesOfLoader(name).join(' ') || '-'
}
