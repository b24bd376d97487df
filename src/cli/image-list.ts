import { currentVersion, filesOf, readCatalogue, type StorePlace, storeOf } from '../files/image-catalogue.ts'
import { removeImage } from '../files/image-store.ts'
import { verifyFile } from '../files/verify-image.ts'
import { formatBytes, formatTable } from '../lib/text.ts'
import type { ImageSpec } from '../model/config.ts'
import type { ImageCatalogue, StoredFile, StoredImage, StoredVersion } from '../model/image-store.ts'
import { CliError, EXIT } from './exit-codes.ts'
import type { PlaceFlags } from './firmware-place.ts'
import { storeConfigOf, tellRefusals } from './image-place.ts'
import { fileTable, versionJson } from './image-version.ts'
import { print, printJson, say } from './output.ts'
import { startProgressBar } from './progress-bar.ts'

/** `image list` */
export async function listImages(flags: PlaceFlags): Promise<void> {
  const config = await storeConfigOf(flags)
  const { imageStore } = config.server
  const catalogue = await tellRefusals(() => readCatalogue(storeOf(imageStore)))
  const declared = [...config.images.values()]
  if (flags.json) {
    printJson([...[...catalogue.values()].map(imageJson), ...declared.map(declaredJson)])
    return
  }
  const rows = [
    ...[...catalogue.values()].map((image) => storedRow(image, config.images.has(image.name))),
    ...declared.map(({ name, origin }) => [name, '-', '-', '-', `${origin.file}:${origin.line}`]),
  ]
  if (rows.length > 0) print(formatTable([['IMAGE', 'VERSION', 'SINCE', 'SIZE', 'WHERE'], ...rows]))
  else say(`no image is in ${imageStore}; centra-pxe image add brings one`)
}

/** One that is the same kernel for every machine has its files beside its name. */
function declaredJson({ name, variants, cmdline, origin }: ImageSpec): object {
  const declared = `${origin.file}:${origin.line}`
  const [first] = variants
  if (variants.length === 1 && first?.arch === undefined && first?.payload.kind === 'linux') {
    const { kernel, initrds } = first.payload
    return { name, kernel, initrd: initrds, cmdline, declared }
  }
  return { name, variants, cmdline, declared }
}

function storedRow(image: StoredImage, isHidden: boolean): readonly string[] {
  const { name, versions, removed } = image
  const current = currentVersion(image)
  const count = versions.length === 1 ? 'store' : `store, ${versions.length} versions`
  const where = isHidden ? `${count}; not booted, the configuration has one too` : count
  return current === undefined
    ? [name, '-', removed ?? '-', formatBytes(sizeOf(versions)), 'removed; until gc']
    : [name, current.id, current.added, formatBytes(sizeOf([current])), where]
}

function sizeOf(versions: readonly StoredVersion[]): number {
  return versions.flatMap(filesOf).reduce((sum, { size }) => sum + size, 0)
}

function imageJson(image: StoredImage): object {
  const { name, versions, removed } = image
  return {
    name,
    ...(removed === undefined ? { current: currentVersion(image)?.id } : { removed }),
    versions: versions.map((version) => versionJson(name, version)),
  }
}

/** `image show` */
export async function showImage(name: string, flags: PlaceFlags): Promise<void> {
  const { server } = await storeConfigOf(flags)
  const image = requireImage(
    await tellRefusals(() => readCatalogue(storeOf(server.imageStore))),
    name,
    server.imageStore,
  )
  if (flags.json) {
    printJson(imageJson(image))
    return
  }
  const current = currentVersion(image)
  for (const version of [...image.versions].reverse()) {
    print(`${version.id}  ${version.added}${version === current ? '  current' : ''}`)
    if (version.cmdline.length > 0) print(`  cmdline ${version.cmdline.join(' ')}`)
    for (const from of version.from) print(`  from ${from}`)
    print(fileTable(name, version).replace(/^/gm, '  '))
  }
  if (image.removed !== undefined) say(`${name} was removed ${image.removed}`)
}

function requireImage(catalogue: ImageCatalogue, name: string, folder: string): StoredImage {
  const image = catalogue.get(name)
  if (image === undefined) throw new CliError(`${folder} has no image ${name}`)
  return image
}

/** `image verify` */
export async function verifyImages(names: readonly string[], flags: PlaceFlags): Promise<void> {
  const { server } = await storeConfigOf(flags)
  const store = storeOf(server.imageStore)
  const catalogue = await tellRefusals(() => readCatalogue(store))
  for (const name of names) requireImage(catalogue, name, store.folder)
  const images = [...catalogue.values()].filter(({ name }) => names.length === 0 || names.includes(name))
  const states = await tellRefusals(() => verifyAll(store, images))
  const rows = images.flatMap(({ name, versions }) =>
    versions.flatMap((version) =>
      filesOf(version).map((file) => ({
        ...{ image: name, version: version.id, file: file.name, sha256: file.sha256 },
        state: states.get(file.sha256) ?? 'missing',
      })),
    ),
  )
  const wrong = rows.filter(({ state }) => state !== 'ok')
  if (flags.json) printJson(rows)
  else
    for (const { image, version, file, sha256, state } of wrong)
      print(`${image} ${version} ${file}: ${store.files}/${sha256} ${DESCRIBED[state]}`)
  if (wrong.length === 0) say(`ok: ${states.size} files of ${images.length} images are what was added`)
  else say('centra-pxe image add with the same files mends them')
  process.exitCode = wrong.length === 0 ? EXIT.ok : EXIT.failure
}

const DESCRIBED = {
  ok: 'is what was added',
  changed: 'was changed',
  missing: 'is missing',
  link: 'is no regular file, and never served',
} as const

/** The state of each file, by its hash: versions share files. */
async function verifyAll(
  store: StorePlace,
  images: readonly StoredImage[],
): Promise<ReadonlyMap<string, keyof typeof DESCRIBED>> {
  const all = images.flatMap(({ versions }) => versions.flatMap(filesOf))
  const files = new Map<string, StoredFile>(all.map((file) => [file.sha256, file]))
  const states = new Map<string, keyof typeof DESCRIBED>()
  const bar = startProgressBar()
  for (const file of files.values()) states.set(file.sha256, await verifyFile(store, file, bar.observe))
  bar.end()
  return states
}

interface RemoveFlags extends PlaceFlags {
  readonly force?: boolean
}

/** `image remove` */
export async function removeImageCommand(name: string, flags: RemoveFlags): Promise<void> {
  const config = await storeConfigOf(flags)
  const users = [...config.profiles.values()].filter(({ image }) => image === name)
  if (users.length > 0 && flags.force !== true && !config.images.has(name)) {
    const profiles = users.map((profile) => profile.name).join(', ')
    throw new CliError(`${name} is what the profile ${profiles} boots: change that first, or add --force`)
  }
  await tellRefusals(() => removeImage(config.server.imageStore, name))
  if (flags.json) printJson({ name, removed: true })
  say(`${name} is removed; centra-pxe image gc gives its room back`)
}
