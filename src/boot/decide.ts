import { printable } from '../lib/text.ts'
import type { Config, Network } from '../model/config.ts'
import type { Step } from '../model/rules.ts'
import type { FirmwareFile, World } from '../model/world.ts'
import { where } from './cite.ts'
import type { Action, BootRequest, Decision } from './decision.ts'
import { documentFor } from './documents.ts'
import { identifyScript } from './identify.ts'
import { type MatchedNode, matchNode } from './match-node.ts'
import type { Asked } from './named-loader.ts'
import { nextBoot } from './next-boot.ts'
import { selectProfile } from './select-profile.ts'
import { whatToRun } from './what-to-run.ts'
import { whereNext } from './where-next.ts'

/**
 * The boot policy of Centra PXE, all of it: what one request gets in one world, and why. DHCP, TFTP, the HTTP
 * scripts and `explain` call this and nothing else. Two kinds of question, answered from different facts:
 * *where to go next* (DHCP) from client, configuration and inventory, and of the state only the profile that an operator
 * commanded, so that the answer is the same until somebody changes one of them; *what to run* (the script) may look at all state.
 */
export function decide(
  request: BootRequest,
  world: World,
  match: MatchedNode = matchNode(request, world),
): Decision {
  const { conflict } = match
  const steps: Step[] = [...request.evidence, ...match.steps]
  const node = conflict === undefined ? match.node : undefined
  const known = {
    ...(node === undefined ? {} : { node: node.name }),
    ...(conflict === undefined ? {} : { conflict }),
  }
  const finish = (action: Action): Decision => ({ action, ...known, trace: steps })

  const unwelcome = refuseClient(request, world, match, steps)
  if (unwelcome !== undefined) return finish(unwelcome)

  switch (request.question.kind) {
    case 'where-next':
      return finish(
        whereNext({ request, world, steps, node, ...profilesAhead(request, world, match, steps) }),
      )
    case 'file':
      return finish(publishedFile(request.question.names, world, steps))
    case 'identify':
      return finish(identifyScript(request, world, { opens: request.question.opens === true, node, steps }))
    case 'document':
      return finish(documentFor(request, world, { node, conflict, steps }))
    case 'run':
      return finish(whatToRun(request, world, { node, conflict, steps }))
    default:
      return request.question satisfies never
  }
}

/** The profiles of a machine that is about to load, as far as DHCP can tell: their loaders count. */
function profilesAhead(
  request: BootRequest,
  world: World,
  { node, conflict }: MatchedNode,
  steps: Step[],
): Pick<Asked, 'profile' | 'commanded'> {
  if (request.client.stage === 'os' || conflict !== undefined) return { profile: undefined }
  const tried: Step[] = []
  const profile = selectProfile(request, world, node, tried)
  steps.push(...tried.filter(({ rule }) => rule !== 'profile.select'))
  const asked: Step[] = []
  const next = nextBoot(node?.name, world, asked)
  if (next?.kind !== 'once' || next.refused !== undefined) return { profile }
  steps.push(...asked)
  return { profile, commanded: next.intent.profile }
}

/** The network's `clients:` and the global `unknown: ignore`, which concern DHCP only; undefined for the welcome. */
function refuseClient(
  request: BootRequest,
  world: World,
  { node, conflict }: MatchedNode,
  steps: Step[],
): Action | undefined {
  const isDescribed = node !== undefined || conflict !== undefined
  const network = networkOf(request, world.config)
  if (request.via !== 'dhcp' || network === undefined) return undefined
  const { clients } = network
  const netboots = request.client.stage !== 'os'
  const refused =
    (clients === 'known' && !isDescribed && 'no node describes it') ||
    (clients === 'netboot' && !isDescribed && !netboots && 'it does not netboot and no node describes it')
  const outcome = refused ? `clients: ${clients}, and ${refused}` : `clients: ${clients}`
  steps.push({ rule: 'clients.policy', outcome, from: 'config', cite: where(network.origin) })
  return refused ? { kind: 'ignore', reason: outcome } : undefined
}

/** What Windows boot managers ask for in a case of their own choice; no two published names differ by case alone. */
function inAnyCase(names: readonly string[], { firmware }: World): FirmwareFile | undefined {
  const lower = new Set(names.map((name) => name.toLowerCase()))
  return [...firmware.values()].find(({ name }) => lower.has(name.toLowerCase()))
}

function publishedFile(names: readonly string[], world: World, steps: Step[]): Action {
  const file =
    names.map((name) => world.firmware.get(name)).find((found) => found !== undefined) ??
    inAnyCase(names, world)
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
