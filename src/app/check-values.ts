import { fillAll } from '../boot/fill-in.ts'
import { type VariableFacts, variableValue } from '../boot/variables.ts'
import type { ConfigProblem } from '../config/source.ts'
import { addIpv4, subnetContains } from '../lib/ipv4.ts'
import { parseMac } from '../lib/mac.ts'
import type { Config, Node, Profile } from '../model/config.ts'
import type { Payload } from '../model/image.ts'
import type { VariableName } from '../model/variables.ts'
import { renderDocument } from '../render/document.ts'

/**
 * What a node would boot with values that it lacks, or that cannot stand where they shall: in the documents and kernel arguments of
 * its profile, and of the one that `node install` boots. A node without a value for an argument is refused when it boots, and alone: a
 * warning.
 */
export function checkValues(
  node: Node,
  documents: Config['documents'],
  config: Config,
): readonly ConfigProblem[] {
  const names = new Set([node.profile, node.install])
  const found = [...names].flatMap((name) => config.profiles.get(name ?? '') ?? [])
  const facts = found.length === 0 ? undefined : factsOf(node, config)
  if (facts === undefined) return []
  return found.flatMap((profile) => {
    const all: VariableFacts = { ...facts, profile: profile.name, image: profile.image }
    const { origin, name: path } = node
    return [
      ...documentProblems(profile, documents, all).map((message) => ({
        severity: 'error' as const,
        ...{ origin, path, message },
      })),
      ...argumentProblems(profile, config, all).map((message) => ({
        severity: 'warning' as const,
        ...{ origin, path, message },
      })),
    ]
  })
}

function documentProblems(
  profile: Profile,
  documents: Config['documents'],
  facts: VariableFacts,
): readonly string[] {
  const document = documents.get(profile.document ?? '')
  return [...(document?.templates ?? [])].flatMap(([part, template]) => {
    const rendered = renderDocument(template, (name) => variableValue(name, facts))
    return rendered.ok ? [] : [`${document?.name}, ${part}, ${rendered.error}`]
  })
}

/** Images of the store are known when they boot. */
function argumentProblems(
  { name, image, cmdline }: Profile,
  config: Config,
  facts: VariableFacts,
): readonly string[] {
  const spec = config.images.get(image ?? '')
  const variants = (spec?.variants ?? []).flatMap((one) => [...one.cmdline, ...addresses(one.payload)])
  const texts = [...(spec?.cmdline ?? []), ...variants, ...cmdline, ...(facts.node?.cmdline ?? [])]
  const filled = fillAll(texts, (variable) => knownValue(variable, facts))
  return filled.ok ? [] : [`cannot boot the profile ${name}: ${filled.error}`]
}

function addresses(payload: Payload<unknown>): readonly string[] {
  if (payload.kind === 'chain') return [payload.url]
  return payload.kind === 'san' ? [payload.target, payload.initiator ?? ''] : []
}

/** What the network tells is another thing on another network. */
function knownValue(name: VariableName, facts: VariableFacts): string | undefined {
  const value = variableValue(name, facts)
  return name.startsWith('network.') ? (value ?? 'unknown') : value
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
