import { printable } from '../lib/text.ts'
import type { Config, Network, Node } from '../model/config.ts'
import type { Step } from '../model/rules.ts'
import type { World } from '../model/world.ts'
import type { Action, BootRequest, Decision } from './decision.ts'
import { selectLoader } from './loaders.ts'
import { nodePlane, whatToRun, where } from './what-to-run.ts'

/**
 * The boot policy of Centra PXE, all of it: what one request gets in one world, and why. DHCP, TFTP, the HTTP
 * scripts and `explain` call this and nothing else. Two kinds of question, answered from different facts:
 * *where to go next* (DHCP) from client, configuration and inventory alone, so that the answer is always the
 * same; *what to run* (the script) may also look at state.
 */
export function decide(request: BootRequest, world: World): Decision {
  const steps: Step[] = [...request.evidence]
  const node = matchNode(request, world, steps)
  const known = node === undefined ? {} : { node: node.name }
  const finish = (action: Action): Decision => ({ action, ...known, trace: steps })

  const unwelcome = refuseClient(request, world, node, steps)
  if (unwelcome !== undefined) return finish(unwelcome)

  switch (request.question.kind) {
    case 'where-next':
      return finish(nextStop(request, world, steps))
    case 'file':
      return finish(publishedFile(request.question.names, world, steps))
    case 'identify':
      return finish({
        kind: 'script',
        script: { kind: 'identify', server: nodePlane(request, world.config) },
      })
    case 'run':
      return finish(whatToRun(request, world, { node, steps }))
    default:
      return request.question satisfies never
  }
}

function matchNode(request: BootRequest, world: World, steps: Step[]): Node | undefined {
  const { mac } = request.client
  if (mac === undefined) return undefined
  const node = world.nodes.get(mac)
  steps.push(
    node === undefined
      ? { rule: 'node.match', outcome: `no node has ${mac}`, from: 'inventory' }
      : { rule: 'node.match', outcome: `${node.name} by mac`, from: 'inventory', cite: where(node.origin) },
  )
  return node
}

/** The network's `clients:` and the global `unknown: ignore`, which concern DHCP only; undefined for the welcome. */
function refuseClient(
  request: BootRequest,
  world: World,
  node: Node | undefined,
  steps: Step[],
): Action | undefined {
  const network = networkOf(request, world.config)
  if (request.via !== 'dhcp' || network === undefined) return undefined
  const { clients } = network
  const netboots = request.client.stage !== 'os'
  const refused =
    (clients === 'known' && node === undefined && 'no node describes it') ||
    (clients === 'netboot' &&
      node === undefined &&
      !netboots &&
      'it does not netboot and no node describes it')
  const outcome = refused ? `clients: ${clients}, and ${refused}` : `clients: ${clients}`
  steps.push({ rule: 'clients.policy', outcome, from: 'config', cite: where(network.origin) })
  return refused ? { kind: 'ignore', reason: outcome } : undefined
}

/** DHCP's question. Uses no state: the same client always gets the same answer. */
function nextStop(request: BootRequest, world: World, steps: Step[]): Action {
  const { client } = request
  if (client.stage === 'os')
    return { kind: 'no-boot', reason: 'an operating system asks for an address only' }
  if (isUnwantedStranger(request, world)) {
    steps.push({ rule: 'unknown.policy', outcome: 'unknown: ignore', from: 'config' })
    return { kind: 'no-boot', reason: 'unknown: ignore' }
  }
  if (client.stage === 'ipxe' && client.transport === 'http') {
    const url = `${nodePlane(request, world.config)}/boot.ipxe`
    steps.push({ rule: 'script.url', outcome: url, from: 'config' })
    return { kind: 'script-url', url }
  }
  return loader(request, client.stage, world, steps)
}

function isUnwantedStranger(request: BootRequest, world: World): boolean {
  const { mac } = request.client
  return world.config.unknown === 'ignore' && (mac === undefined || !world.nodes.has(mac))
}

function loader(request: BootRequest, stage: 'rom' | 'ipxe', world: World, steps: Step[]): Action {
  const { arch, archCode, transport } = request.client
  const noBoot = (reason: string): Action => {
    steps.push({ rule: 'loader.select', outcome: reason, from: 'config' })
    return { kind: 'no-boot', reason }
  }
  if (arch === undefined)
    return noBoot(
      archCode === undefined ? 'the client names no architecture' : `no loader for architecture ${archCode}`,
    )
  const choice = selectLoader(arch, stage, world.firmware)
  switch (choice.kind) {
    case 'no-loader-for-arch':
      return noBoot(`no loader for ${arch}`)
    case 'not-on-disk':
      return noBoot(
        `${choice.names.join(' or ')} is missing in ${world.firmwareDirs.join(', ') || 'no directory'}`,
      )
    case 'found':
      steps.push({
        rule: 'loader.select',
        outcome: `${choice.file.name} over ${transport}`,
        from: 'config',
        cite: choice.file.path,
      })
      return { kind: 'boot-file', file: choice.file, over: transport }
    default:
      return choice satisfies never
  }
}

function publishedFile(names: readonly string[], world: World, steps: Step[]): Action {
  const file = names.map((name) => world.firmware.get(name)).find((found) => found !== undefined)
  const shown = names[0] ?? ''
  if (file === undefined) {
    const reason = `${shown === '' ? 'the name' : `"${printable(shown, 80)}"`} is not a published loader`
    steps.push({ rule: 'file.publish', outcome: reason, from: 'config' })
    return { kind: 'refuse', reason }
  }
  steps.push({ rule: 'file.publish', outcome: file.name, from: 'config', cite: file.path })
  return { kind: 'file', file }
}

function networkOf(request: BootRequest, config: Config): Network | undefined {
  return config.networks.find((network) => network.name === request.ingress.network)
}
