import { posix } from 'node:path'
import type { z } from 'zod'
import type {
  AccessTarget,
  ClientOptions,
  Config,
  HttpsListener,
  ImageSpec,
  Network,
  Node,
  Origin,
  Profile,
  SelectionRule,
} from '../model/config.ts'
import type { TlsFiles } from '../model/tls.ts'
import { BUILTIN_PROFILES } from './builtin-profiles.ts'
import { resolveDocuments } from './documents.ts'
import { ImageSchema, resolveVariants } from './image-schema.ts'
import { NodeSchema, RuleSchema } from './machine-schema.ts'
import { NetworkSchema, type OptionsSchema } from './network-schema.ts'
import { entries, items, type Placed } from './placed.ts'
import { checkReferences, undeclaredImages } from './references.ts'
import { ConfigSchema, IncludedSchema, ProfileSchema, ServerSchema } from './schema.ts'
import {
  type ConfigProblem,
  type ConfigSource,
  type ConfigText,
  inOrder,
  isRecord,
  readSource,
} from './source.ts'
import {
  besides,
  firmwareDirs,
  imageFiles,
  includes,
  loaderNames,
  tlsFiles,
  type WrittenPath,
} from './written-paths.ts'

export interface ConfigResult {
  /** Absent when there is an error. */
  readonly config?: Config
  /**
   * What could be read, also when there are errors, as long as `server` is readable: for commands that look at the
   * state of a server while somebody is editing. Never to serve from.
   */
  readonly draft?: Config
  /** Errors and warnings, in the order of the files and their lines. */
  readonly problems: readonly ConfigProblem[]
}

/** Distribution packages that bring iPXE: Debian's `ipxe`, and Arch's and Fedora's directories. */
const DISTRIBUTION_FIRMWARE = ['/usr/lib/ipxe', '/usr/share/ipxe'] as const

/** What could be made of the texts. The places to look at on the disk are there even when there is no `config`. */
export interface Resolved extends ConfigResult {
  readonly imageFiles: readonly WrittenPath[]
  /** Images that profiles name and no file declares: the image store must have them. */
  readonly undeclared: readonly WrittenPath[]
  /** The file names under `loader:`. */
  readonly loaders: readonly WrittenPath[]
  /** As the operator wrote them; the default directories are not among them. */
  readonly firmwareDirs: readonly WrittenPath[]
  /** Where certificate and key of `server.boot.https` are written, when it is well-formed. */
  readonly tlsFiles?: Readonly<Record<keyof TlsFiles, WrittenPath>>
}

interface ResolveOptions {
  /** An included file could not be read: what seems to be missing may be in there. */
  readonly incomplete?: boolean
}

/** The globs of `include:`, for whoever reads the files; relative ones count from the file that has them. */
export function includedGlobs(main: ConfigText): readonly WrittenPath[] {
  return includes(readSource(main))
}

/** Reads a whole configuration: the main file first, then what it includes. Never throws, whatever the text. */
export function resolveConfig(
  main: ConfigText,
  included: readonly ConfigText[],
  options: ResolveOptions = {},
): Resolved {
  const root = readSource(main)
  const others = included.map(readSource)
  const sources = [root, ...others]
  const problems: ConfigProblem[] = [
    ...sources.flatMap((source) => source.problems),
    ...mainProblems(root),
    ...others.flatMap((source) => shapeProblems(source, IncludedSchema)),
  ]
  const incomplete = options.incomplete === true || root.value === undefined || !sources.every(isWhole)
  const networks = sources.flatMap((source) => items(source, 'networks', NetworkSchema))
  const images = sources.flatMap((source) => entries(source, 'images', ImageSchema))
  const profiles = sources.flatMap((source) => entries(source, 'profiles', ProfileSchema))
  const nodes = sources.flatMap((source) => items(source, 'nodes', NodeSchema))
  const rules = sources.flatMap((source) => items(source, 'rules', RuleSchema))
  const config: Config = {
    file: main.file,
    server: resolveServer(root),
    networks: networks.map(resolveNetwork),
    images: new Map(images.map((entry) => [entry.name, resolveImage(entry.name, entry)])),
    documents: resolveDocuments(sources),
    profiles: mergeProfiles(profiles),
    nodes: nodes.map(resolveNode),
    rules: rules.map(resolveRule),
    ...resolveGlobals(root),
  }
  const checked = { config, sources, root, networks, nodes, rules, incomplete }
  problems.push(...checkReferences(checked))
  const failed = problems.some((problem) => problem.severity === 'error')
  return {
    ...(failed ? {} : { config }),
    ...(serverIsReadable(root) ? { draft: config } : {}),
    problems: inOrder(
      problems,
      sources.map(({ file }) => file),
    ),
    imageFiles: sources.flatMap(imageFiles),
    undeclared: undeclaredImages(checked),
    loaders: sources.flatMap(loaderNames),
    firmwareDirs: firmwareDirs(root),
    ...(config.server.https === undefined ? {} : { tlsFiles: tlsFiles(root, config.server.https) }),
  }
}

function serverIsReadable(root: ConfigSource): boolean {
  return isRecord(root.value) && ServerSchema.safeParse(root.section('server') ?? {}).success
}

/** Whether the names of a source can be told: it is YAML, and its sections are of the right kind. */
function isWhole(source: ConfigSource): boolean {
  if (source.problems.length > 0) return false
  const [lists, records] = [
    ['networks', 'nodes'].map((key) => source.section(key)),
    ['images', 'documents', 'profiles'].map((key) => source.section(key)),
  ]
  return (
    lists.every((list) => list === undefined || Array.isArray(list)) &&
    records.every((record) => record === undefined || isRecord(record))
  )
}

function mainProblems(root: ConfigSource): readonly ConfigProblem[] {
  return root.value === undefined && root.problems.length === 0
    ? [root.problem([], 'the file is empty; begin with version: 1')]
    : shapeProblems(root, ConfigSchema)
}

function shapeProblems(source: ConfigSource, schema: z.ZodType): readonly ConfigProblem[] {
  if (source.problems.length > 0) return []
  // zod leaves this one name out of its records without a word.
  const proto = ['images', 'documents', 'profiles'].filter((key) => source.has([key, '__proto__']))
  return [
    ...source.check(schema).problems,
    ...proto.map((key) => source.problem([key, '__proto__'], 'cannot be a name')),
  ]
}

function section<T>(source: ConfigSource, key: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(source.section(key) ?? {})
  return parsed.success ? parsed.data : schema.parse({})
}

function resolveServer(root: ConfigSource): Config['server'] {
  const server = section(root, 'server', ServerSchema)
  const stateDir = besides(root.file, server.stateDir)
  return {
    stateDir,
    imageStore: posix.join(stateDir, 'images'),
    httpPort: server.boot.http,
    ...(server.boot.https === undefined ? {} : { https: resolveHttps(root.file, server.boot.https) }),
    listing: server.boot.listing,
    limits: server.limits,
    operator: server.operator.listen,
    ...(server.accessLog === undefined ? {} : { accessLog: accessTarget(root.file, server.accessLog) }),
    firmware: server.firmware?.map((dir) => besides(root.file, dir)) ?? [
      posix.join(stateDir, 'firmware'),
      ...DISTRIBUTION_FIRMWARE,
    ],
  }
}

function accessTarget(file: string, written: string): AccessTarget {
  return written === 'stdout' ? { kind: 'stdout' } : { kind: 'file', path: besides(file, written) }
}

function resolveHttps(file: string, { port, certificate, key }: HttpsListener): HttpsListener {
  return { port, certificate: besides(file, certificate), key: besides(file, key) }
}

function resolveGlobals(
  root: ConfigSource,
): Pick<Config, 'menu' | 'unknown' | 'consoles' | 'sharedAdapters' | 'installTries'> {
  const { menu: menuSchema } = ConfigSchema.shape
  const menu = menuSchema.safeParse(root.section('menu'))
  const unknown = ConfigSchema.shape.unknown.safeParse(root.section('unknown'))
  const consoles = ConfigSchema.shape.console.safeParse(root.section('console'))
  const tries = ConfigSchema.shape.installTries.safeParse(root.section('installTries'))
  const shared = ConfigSchema.shape.sharedAdapters.safeParse(root.section('sharedAdapters'))
  return {
    sharedAdapters: new Set(shared.success ? shared.data : []),
    installTries: tries.success ? tries.data : ConfigSchema.shape.installTries.parse(undefined),
    consoles: consoles.success ? consoles.data : [],
    menu: menu.success ? menu.data : menuSchema.parse({}),
    unknown: unknown.success ? unknown.data : 'menu',
  }
}

function resolveNetwork({ value, source, path }: Placed<z.infer<typeof NetworkSchema>>): Network {
  const {
    name,
    subnet,
    dhcp,
    clients,
    pool: pools,
    lease,
    router,
    dns,
    domain,
    options,
    pingCheck,
    ...rest
  } = value
  const seconds = typeof lease === 'number' ? lease : lease.default
  const {
    identity,
    authoritative,
    bootp,
    besides,
    probe,
    quietRouter,
    relays,
    foreignIpxe,
    https,
    ...optional
  } = rest
  return {
    ...{
      name,
      subnet,
      dhcp,
      clients,
      pools,
      identity,
      authoritative,
      bootp,
      besides,
      probe,
      quietRouter,
      relays,
      foreignIpxe,
      https,
    },
    ...defined(optional),
    ...(pingCheck === undefined ? {} : { pingCheckMs: pingCheck }),
    leaseSeconds: seconds,
    ...(typeof lease === 'number'
      ? {}
      : { leaseLimits: { min: lease.min ?? seconds, max: lease.max ?? seconds } }),
    options: {
      ...defined({ router, domain, dns: dns.length === 0 ? undefined : dns }),
      ...resolveOptions(options),
    },
    origin: source.origin(path),
  }
}

function resolveOptions(options: z.infer<typeof OptionsSchema>): ClientOptions {
  return defined(options)
}

function resolveImage(
  name: string,
  { value, source, path: key }: Placed<z.infer<typeof ImageSchema>>,
): ImageSpec {
  return {
    ...{ name, cmdline: value.cmdline },
    variants: resolveVariants(value, (path) => besides(source.file, path)),
    origin: source.originOfKey(key.slice(0, -1), name),
  }
}

function resolveNode({ value, source, path }: Placed<z.infer<typeof NodeSchema>>): Node {
  const { name, mac, clientId, relayPort, cmdline, options, ...optional } = value
  return {
    ...{ name, macs: mac ?? [], cmdline },
    ...(clientId === undefined ? {} : { clientIds: clientId }),
    ...(relayPort === undefined ? {} : { relayPort: defined(relayPort) }),
    ...defined(optional),
    options: resolveOptions(options),
    origin: source.origin(path),
  }
}

function resolveRule(
  { value, source, path }: Placed<z.infer<typeof RuleSchema>>,
  index: number,
): SelectionRule {
  const { labels, network, arch, vendor, product, relayPort, subnet } = value.match
  const match = {
    ...{ labels, networks: network, arches: arch, vendors: vendor, products: product, subnets: subnet },
    relayPort: relayPort === undefined ? undefined : defined(relayPort),
  }
  return {
    name: value.name ?? `rule ${index + 1}`,
    match: defined(match),
    profile: value.profile,
    origin: source.origin(path),
  }
}

/** The built-in profiles, each with the operator's keys over its own, then the operator's. Later files win. */
function mergeProfiles(
  written: readonly (Placed<z.infer<typeof ProfileSchema>> & { readonly name: string })[],
): ReadonlyMap<string, Profile> {
  const merged = new Map(BUILTIN_PROFILES.map((profile) => [profile.name, profile]))
  for (const { name, value, source, path } of written) {
    const base = merged.get(name) ?? { name, title: name, services: [], requires: {}, cmdline: [] }
    const origin: Origin = source.originOfKey(path.slice(0, -1), name)
    merged.set(name, {
      ...base,
      ...defined(value),
      requires: { ...base.requires, ...defined(value.requires ?? {}) },
      origin,
    })
  }
  return merged
}

type Defined<T> = { readonly [K in keyof T]: Exclude<T[K], undefined> }

function defined<T extends object>(value: T): Partial<Defined<T>> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Partial<
    Defined<T>
  >
}
