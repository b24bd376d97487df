import type { z } from 'zod'
import { type DocumentFile, type DocumentPart, type InstallerDocument, PARTS_OF } from '../model/document.ts'
import { DocumentSchema } from './document-schema.ts'
import { entries } from './placed.ts'
import { type Checked, problem } from './places.ts'
import type { ConfigProblem, ConfigSource, Path } from './source.ts'
import { besides } from './written-paths.ts'

const KEYS = {
  metaData: 'meta-data',
  vendorData: 'vendor-data',
  networkConfig: 'network-config',
} as const satisfies Readonly<Record<string, DocumentPart>>

interface Written {
  readonly name: string
  readonly value: z.infer<typeof DocumentSchema>
  readonly source: ConfigSource
  readonly path: Path
}

/** The documents by name. */
export function resolveDocuments(sources: readonly ConfigSource[]): ReadonlyMap<string, InstallerDocument> {
  const written = sources.flatMap((source) => entries(source, 'documents', DocumentSchema))
  return new Map(written.map((entry) => [entry.name, resolveDocument(entry)]))
}

/** A document whose files nobody has read yet. */
function resolveDocument({ name, value, source, path: at }: Written): InstallerDocument {
  const fileOf = (key: 'file' | keyof typeof KEYS, target: string): DocumentFile => {
    const place = source.place([...at, key])
    return { path: besides(source.file, target), origin: place.origin, key: place.path }
  }
  const others = extraKeys(value).map((key) => [KEYS[key], fileOf(key, value[key] ?? '')] as const)
  return {
    ...{ name, kind: value.kind, templates: new Map(), isPublic: value.public },
    files: new Map<DocumentPart, DocumentFile>([
      [PARTS_OF[value.kind][0], fileOf('file', value.file)],
      ...others,
    ]),
    origin: source.originOfKey(at.slice(0, -1), name),
  }
}

function extraKeys(value: z.infer<typeof DocumentSchema>): readonly (keyof typeof KEYS)[] {
  return (['metaData', 'vendorData', 'networkConfig'] as const).filter((key) => value[key] !== undefined)
}

/** Keys that only cloud-init's documents have, and documents that profiles name and nobody wrote. */
export function checkDocuments({ config, sources, root, incomplete }: Checked): readonly ConfigProblem[] {
  const ofDocuments = [...config.documents.values()].flatMap(({ name, kind, files }) => {
    const source = sources.find((other) => other.has(['documents', name])) ?? root
    const known: readonly string[] = PARTS_OF[kind]
    return (['metaData', 'vendorData', 'networkConfig'] as const)
      .filter((key) => files.has(KEYS[key]) && !known.includes(KEYS[key]))
      .map((key) =>
        problem({ source, path: ['documents', name] }, key, `a document of kind ${kind} has only file:`),
      )
  })
  if (incomplete) return ofDocuments
  const ofProfiles = [...config.profiles.values()].flatMap(({ name, document }) => {
    const source = sources.find((other) => other.has(['profiles', name, 'document'])) ?? root
    if (document === undefined || config.documents.has(document) || source.has(['documents', document]))
      return []
    const names = [...config.documents.keys()].join(', ')
    const message = `there is no document ${document}; there ${names === '' ? 'is none' : `are ${names}`}`
    return [source.problem(['profiles', name, 'document'], message)]
  })
  return [...ofDocuments, ...ofProfiles]
}
