import { compileDocument } from '../config/compile-document.ts'
import type { ConfigProblem } from '../config/source.ts'
import type { Config } from '../model/config.ts'
import type { Disk } from '../model/disk.ts'
import {
  type DocumentFile,
  type DocumentPart,
  type InstallerDocument,
  PARTS_OF,
  type Template,
} from '../model/document.ts'
import { checkValues } from './check-values.ts'

/** What cloud-init is told where nobody wrote it; a part that is not there would be asked for ten times. */
const OWN_PARTS: Readonly<Partial<Record<DocumentPart, string>>> = {
  'meta-data': 'instance-id: {{node.dashed-mac}}\nlocal-hostname: {{node.name}}\n',
  'vendor-data': '#cloud-config\n',
}

export interface LoadedDocuments {
  readonly documents: Config['documents']
  /** The templates' files, in order. */
  readonly files: readonly string[]
  readonly problems: readonly ConfigProblem[]
}

/** Reads and checks the templates of a configuration, and what each node boots with its values. */
export async function loadDocuments(config: Config | undefined, disk: Disk): Promise<LoadedDocuments> {
  if (config === undefined) return { documents: new Map(), files: [], problems: [] }
  const problems: ConfigProblem[] = []
  const documents = new Map<string, InstallerDocument>()
  for (const document of config.documents.values()) {
    const templates = new Map<DocumentPart, Template>()
    for (const part of PARTS_OF[document.kind]) {
      const template = await readPart(document, part, { disk, problems })
      if (template !== undefined) templates.set(part, template)
    }
    documents.set(document.name, { ...document, templates })
  }
  const nodes = config.nodes.flatMap((node) => checkValues(node, documents, config))
  const files = [...documents.values()].flatMap((one) => [...one.files.values()].map(({ path }) => path))
  return { documents, files, problems: [...problems, ...nodes] }
}

interface Reading {
  readonly disk: Disk
  readonly problems: ConfigProblem[]
}

async function readPart(
  { kind, files }: InstallerDocument,
  part: DocumentPart,
  { disk, problems }: Reading,
): Promise<Template | undefined> {
  const file = files.get(part)
  const text = file === undefined ? OWN_PARTS[part] : await readFile(file, disk, problems)
  if (text === undefined) return undefined
  const compiled = compileDocument(text, kind, part)
  problems.push(
    ...compiled.problems.map(({ line, message }) => ({
      severity: 'error' as const,
      origin: { file: file?.path ?? part, line, column: 1 },
      ...{ path: '', message: `${part}: ${message}` },
    })),
  )
  return compiled.template
}

function readFile(
  { path, origin, key }: DocumentFile,
  disk: Disk,
  problems: ConfigProblem[],
): Promise<string | undefined> {
  return disk.readText(path).catch((error: unknown) => {
    const message = `cannot be read: ${error instanceof Error ? error.message : String(error)}`
    problems.push({ severity: 'error', origin, path: key, message })
    return undefined
  })
}
