import { type VariableFacts, variableValue } from '../boot/variables.ts'
import { compileDocument } from '../config/compile-document.ts'
import type { ConfigProblem } from '../config/source.ts'
import { addIpv4, subnetContains } from '../lib/ipv4.ts'
import { parseMac } from '../lib/mac.ts'
import type { Config, Node } from '../model/config.ts'
import type { Disk } from '../model/disk.ts'
import {
  type DocumentFile,
  type DocumentPart,
  type InstallerDocument,
  PARTS_OF,
  type Template,
} from '../model/document.ts'
import { renderDocument } from '../render/document.ts'

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

/** Reads and checks the templates of a configuration, and each document with the values of each node that gets it. */
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
  const nodes = config.nodes.flatMap((node) => nodeProblems(node, documents, config))
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

function nodeProblems(node: Node, documents: Config['documents'], config: Config): readonly ConfigProblem[] {
  const profile = config.profiles.get(node.profile ?? '')
  const document = documents.get(profile?.document ?? '')
  if (profile === undefined || document === undefined) return []
  const facts = factsOf(node, config)
  if (facts === undefined) return []
  const all: VariableFacts = { ...facts, profile: profile.name, image: profile.image }
  return [...document.templates].flatMap(([part, template]) => {
    const rendered = renderDocument(template, (name) => variableValue(name, all))
    if (rendered.ok) return []
    const message = `${document.name}, ${part}, ${rendered.error}`
    return [{ severity: 'error' as const, origin: node.origin, path: node.name, message }]
  })
}

/** As the node would ask where its reservation is, or on the first network; a stand-in for what only its lease tells. */
function factsOf(node: Node, config: Config): VariableFacts | undefined {
  const { networks } = config
  const { address } = node
  const own = networks.find(({ subnet }) => address !== undefined && subnetContains(subnet, address))
  const network = own ?? networks[0]
  const mac = node.macs[0] ?? parseMac('02:00:00:00:00:00')
  if (network === undefined || mac === undefined) return undefined
  const server = network.address ?? addIpv4(network.subnet.network, 1)
  const ingress = { network: network.name, server }
  return { mac, node, network, ingress, config, address: address ?? addIpv4(network.subnet.network, 2) }
}
