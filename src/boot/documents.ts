import { type Ipv4, subnetContains } from '../lib/ipv4.ts'
import { type Mac, macWithDashes, parseMac } from '../lib/mac.ts'
import { err, ok, type Result } from '../lib/result.ts'
import type { Config, HttpsUse, Network, Node, Profile } from '../model/config.ts'
import { DOCUMENT_PARTS, type DocumentKind, PARTS_OF } from '../model/document.ts'
import type { Step } from '../model/rules.ts'
import type { World } from '../model/world.ts'
import { where } from './cite.ts'
import type { Action, BootRequest, Conflict, Ingress } from './decision.ts'
import { nodePlane, sendSecurely } from './node-plane.ts'
import { selectProfile } from './select-profile.ts'

/**
 * `/documents/MAC/PART`; the error is one sentence. `booted` is the profile that the machine's last script boots: what somebody chose in the menu
 * is known from there alone.
 */
export function classifyDocument(
  [machine = '', part = '', ...rest]: readonly string[],
  ingress: Ingress,
  booted: string | undefined,
): Result<BootRequest, string> {
  const mac = parseMac(machine)
  const known = DOCUMENT_PARTS.find((name) => name === part)
  if (mac === undefined || known === undefined || rest.length > 0)
    return err(`expected /documents/MAC/ and one of ${DOCUMENT_PARTS.join(', ')}`)
  return ok({
    via: 'http',
    question: { kind: 'document', part: known, ...(booted === undefined ? {} : { booted }) },
    client: { mac, stage: 'os', transport: 'http' },
    ingress,
    evidence: [{ rule: 'client.stage', outcome: `asks for its ${known}`, from: 'packet' }],
  })
}

interface DocumentContext {
  readonly node: Node | undefined
  readonly conflict: Conflict | undefined
  readonly steps: Step[]
}

/** The document's question: which template this machine's installer reads. Part of `decide`. */
export function documentFor(request: BootRequest, world: World, context: DocumentContext): Action {
  const { question, client, ingress } = request
  const { node, conflict, steps } = context
  const { mac } = client
  const { config } = world
  if (question.kind !== 'document' || mac === undefined) return refuse('nobody has said whose', steps)
  if (conflict !== undefined)
    return refuse(`nobody can tell which machine this is: ${conflict.because}`, steps)
  const { part, booted } = question
  if (booted !== undefined)
    steps.push({ rule: 'profile.select', outcome: `${booted}, which its last script boots`, from: 'state' })
  const name = booted ?? selectProfile(request, world, node, steps)
  const profile = config.profiles.get(name ?? '')
  if (profile?.document === undefined)
    return refuse(name === undefined ? 'it boots no profile' : `the profile ${name} has no document`, steps)
  const document = config.documents.get(profile.document)
  const template = document?.templates.get(part)
  if (document === undefined || template === undefined)
    return refuse(`the document ${profile.document} has no ${part}`, steps)
  const outcome = `${document.name} (${document.kind}): ${part}`
  steps.push({ rule: 'document.select', outcome, from: 'config', cite: where(document.origin) })
  const network = config.networks.find((one) => one.name === ingress.network)
  const facts = { mac, node, network, ingress, config, profile: profile.name, image: profile.image }
  return {
    kind: 'document',
    document,
    template,
    facts: {
      ...facts,
      address: addressOf(request, world),
      reports: planeFor('reports', facts),
      documents: documentsUrl(facts),
    },
  }
}

/** The machine's own documents, with a slash at the end: over HTTPS where `https:` says so. */
export function documentsUrl(place: DocumentsPlace): string {
  return `${planeFor('documents', place)}/documents/${macWithDashes(place.mac)}/`
}

/** The node plane's base URL for a use, whatever the request came over. */
export function planeFor(
  use: HttpsUse,
  { node, ingress, config, steps }: Omit<DocumentsPlace, 'mac'>,
): string {
  const sent = sendSecurely(use, { config, network: ingress.network, node })
  steps?.push(...sent.steps)
  const { network, server } = ingress
  return nodePlane({ network, server, ...(sent.secure ? { secure: true } : {}) }, config)
}

interface DocumentsPlace {
  readonly mac: Mac
  readonly node: Node | undefined
  readonly ingress: Ingress
  readonly config: Config
  readonly steps?: Step[]
}

/** The kernel arguments by which the installer of a profile's image finds its document; none without one. */
export function installerArguments(
  { client, ingress }: BootRequest,
  { document: name }: Profile,
  { config }: World,
  { node, steps }: Pick<DocumentContext, 'node' | 'steps'>,
): readonly string[] {
  const document = config.documents.get(name ?? '')
  if (document === undefined || client.mac === undefined) return []
  const outcome = `${document.name} (${document.kind})`
  steps.push({ rule: 'document.select', outcome, from: 'config', cite: where(document.origin) })
  const url = documentsUrl({ mac: client.mac, node, ingress, config, steps })
  const network = config.networks.find((one) => one.name === ingress.network)
  const domain = node?.options.domain ?? network?.options.domain
  return documentArguments(document.kind, url, { host: node?.name, domain })
}

interface Names {
  readonly host: string | undefined
  readonly domain: string | undefined
}

function named({ host, domain }: Names): readonly string[] {
  return [
    ...(host === undefined ? [] : [`hostname=${host}`]),
    ...(domain === undefined ? [] : [`domain=${domain}`]),
  ]
}

/** Each installer has its own words; the address ends in a slash. */
function documentArguments(kind: DocumentKind, url: string, names: Names): readonly string[] {
  const file = `${url}${PARTS_OF[kind][0]}`
  switch (kind) {
    case 'cloud-init':
      return [`ds=nocloud;s=${url}`]
    case 'autoinstall':
      return ['autoinstall', `ds=nocloud;s=${url}`]
    case 'ignition':
      return ['ignition.firstboot', 'ignition.platform.id=metal', `ignition.config.url=${file}`]
    case 'kickstart':
      return [`inst.ks=${file}`]
    case 'preseed':
      // netcfg asks for the name before it can fetch anything (Debian installation guide, appendix B.2.2).
      return ['auto=true', 'priority=critical', ...named(names), `url=${file}`]
    default:
      return kind satisfies never
  }
}

/** Where it asks from, where that is an address of its network; else its lease's. */
export function addressOf({ client, ingress }: BootRequest, world: World): Ipv4 | undefined {
  const { mac } = client
  const network: Network | undefined = world.config.networks.find(({ name }) => name === ingress.network)
  const lease =
    mac === undefined
      ? undefined
      : world.leases
          .ofClient(ingress.network, mac)
          .find(({ state, expiresAt }) => state === 'bound' && expiresAt > world.now)
  if (lease !== undefined) return lease.address
  const { peer } = ingress
  return peer !== undefined && network !== undefined && subnetContains(network.subnet, peer)
    ? peer
    : undefined
}

function refuse(reason: string, steps: Step[]): Action {
  steps.push({ rule: 'document.select', outcome: reason, from: 'config' })
  return { kind: 'refuse', reason }
}
