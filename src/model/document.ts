import type { Origin } from './config.ts'
import type { VariableName } from './variables.ts'

/** What installers and first boots read, each in a language of its own. */
export const DOCUMENT_KINDS = ['cloud-init', 'autoinstall', 'ignition', 'kickstart', 'preseed'] as const
export type DocumentKind = (typeof DOCUMENT_KINDS)[number]

/** The names below `/documents/MAC/`: those of cloud-init are what it asks for itself. */
export const DOCUMENT_PARTS = [
  'user-data',
  'meta-data',
  'vendor-data',
  'network-config',
  'config.ign',
  'ks.cfg',
  'preseed.cfg',
] as const
export type DocumentPart = (typeof DOCUMENT_PARTS)[number]

const SEED = ['user-data', 'meta-data', 'vendor-data', 'network-config'] as const

/** What a document of each kind is made of; the first part is the one that must be written. */
export const PARTS_OF: Readonly<Record<DocumentKind, readonly [DocumentPart, ...DocumentPart[]]>> = {
  'cloud-init': SEED,
  autoinstall: SEED,
  ignition: ['config.ign'],
  kickstart: ['ks.cfg'],
  preseed: ['preseed.cfg'],
}

/**
 * Where a value is put. `quoted`: all of a double-quoted scalar of YAML or JSON, any plain text, escaped; `line`: all that is left of a line of
 * a preseed file; `word`: a part of something larger, only what no language gives a meaning to.
 */
export type HoleForm = 'quoted' | 'line' | 'word'

export interface Hole {
  readonly variable: VariableName
  readonly form: HoleForm
  /** Of the file, from 1. */
  readonly line: number
}

/** A checked document with its holes: whatever fills them, its structure stays what it is. */
export type Template = readonly (string | Hole)[]

/** A part as the operator names it. */
export interface DocumentFile {
  /** Absolute. */
  readonly path: string
  readonly origin: Origin
  /** The key, `documents.debian.file`. */
  readonly key: string
}

/** A document of the configuration. */
export interface InstallerDocument {
  readonly name: string
  readonly kind: DocumentKind
  readonly files: ReadonlyMap<DocumentPart, DocumentFile>
  /** What the files say; those that nobody wrote have our own. Empty until they are read. */
  readonly templates: ReadonlyMap<DocumentPart, Template>
  /** Whoever asks gets it: not only the machine whose it is. */
  readonly isPublic: boolean
  readonly origin: Origin
}
