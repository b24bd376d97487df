import { posix } from 'node:path'
import type { z } from 'zod'
import type { Origin } from '../model/config.ts'
import type { TlsFiles } from '../model/tls.ts'
import { ImagePathSchema } from './image-schema.ts'
import { LoaderNameSchema } from './loader-schema.ts'
import { PathSchema } from './schema.ts'
import { NameSchema } from './shapes.ts'
import { type ConfigSource, isRecord, type Path } from './source.ts'

/** A path that the operator wrote, with its place, for whoever looks at the disk. */
export interface WrittenPath {
  /** Absolute; a glob where globs are allowed; the mere name of a loader. */
  readonly target: string
  readonly origin: Origin
  /** The key, `images.rescue.initrd[1]`. */
  readonly path: string
}

/** The files of every image, also of one that has errors besides. */
export function imageFiles(source: ConfigSource): readonly WrittenPath[] {
  const images = source.section('images')
  if (!isRecord(images)) return []
  return Object.entries(images).flatMap(([name, image]) => {
    if (!isRecord(image) || !NameSchema.safeParse(name).success) return []
    const byArch = isRecord(image['arch']) ? Object.entries(image['arch']) : []
    return [
      ...payloadPaths(source, ['images', name], image),
      ...byArch.flatMap(([arch, variant]) => payloadPaths(source, ['images', name, 'arch', arch], variant)),
    ]
  })
}

const FILE_KEYS = ['kernel', 'initrd', 'efi', 'iso'] as const

function payloadPaths(source: ConfigSource, path: Path, payload: unknown): readonly WrittenPath[] {
  if (!isRecord(payload)) return []
  return FILE_KEYS.flatMap((key) =>
    writtenPaths(source, { path: [...path, key], value: payload[key], schema: ImagePathSchema }),
  )
}

interface Holder {
  readonly path: Path
  readonly value: unknown
}

/** The file names under `loader:` of networks, profiles and nodes, which are looked for in the firmware directories. */
export function loaderNames(source: ConfigSource): readonly WrittenPath[] {
  const profiles = source.section('profiles')
  const listed = (key: 'networks' | 'nodes'): readonly Holder[] => {
    const list = source.section(key)
    return Array.isArray(list) ? list.map((value: unknown, i) => ({ path: [key, i], value })) : []
  }
  const holders: readonly Holder[] = [
    ...listed('networks'),
    ...Object.entries(isRecord(profiles) ? profiles : {}).map(([name, value]) => ({
      ...{ path: ['profiles', name], value },
    })),
    ...listed('nodes'),
  ]
  return holders.flatMap(({ path, value: holder }) => {
    const value = isRecord(holder) ? holder['loader'] : undefined
    const named = isRecord(value)
      ? Object.entries(value).map(([arch, file]) => ({ at: [...path, 'loader', arch], file }))
      : [{ at: [...path, 'loader'], file: value }]
    return named.flatMap(({ at, file }) => {
      const parsed = LoaderNameSchema.safeParse(file)
      if (!parsed.success) return []
      const { origin, path: key } = source.place(at)
      return [{ target: parsed.data, origin, path: key }]
    })
  })
}

/** The directories under `server.firmware`; none when the defaults hold. */
export function firmwareDirs(source: ConfigSource): readonly WrittenPath[] {
  const server = source.section('server')
  const value = isRecord(server) ? server['firmware'] : undefined
  return writtenPaths(source, { path: ['server', 'firmware'], value, schema: PathSchema })
}

/** The two files of `server.boot.https`, whose targets are absolute already. */
export function tlsFiles(
  source: ConfigSource,
  files: TlsFiles,
): Readonly<Record<keyof TlsFiles, WrittenPath>> {
  const written = (key: keyof TlsFiles): WrittenPath => ({
    target: files[key],
    ...source.place(['server', 'boot', 'https', key]),
  })
  return { certificate: written('certificate'), key: written('key') }
}

/** The globs of `include:` with absolute targets; items that are no paths are left out, as `check` tells of them. */
export function includes(source: ConfigSource): readonly WrittenPath[] {
  return writtenPaths(source, { path: ['include'], value: source.section('include'), schema: PathSchema })
}

interface Written {
  readonly path: Path
  readonly value: unknown
  readonly schema: z.ZodType<string>
}

/** Item by item, so that one wrong item does not hide the others; a single value is a list of one. */
function writtenPaths(source: ConfigSource, { path, value, schema }: Written): readonly WrittenPath[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value]
  return items.flatMap((item, index) => {
    const parsed = schema.safeParse(item)
    if (!parsed.success) return []
    const { origin, path: key } = source.place(isSingle(path) ? path : [...path, index])
    return [{ target: besides(source.file, parsed.data), origin, path: key }]
  })
}

function isSingle(path: Path): boolean {
  return ['kernel', 'efi', 'iso'].some((key) => key === path.at(-1))
}

/** A path of the operator's: relative ones count from the file that has them. */
export function besides(file: string, path: string): string {
  return posix.resolve(posix.dirname(file), path)
}
