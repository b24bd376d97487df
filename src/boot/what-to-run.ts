import { formatIpv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import { imageAdvice, type Node, type Origin, type Profile, RESCUE_PROFILE } from '../model/config.ts'
import type { Step } from '../model/rules.ts'
import type { Script } from '../model/script.ts'
import type { World } from '../model/world.ts'
import { type Bootable, bootImage, grantOf } from './boot-image.ts'
import { where } from './cite.ts'
import type { Action, BootRequest, Conflict, FailedStep } from './decision.ts'
import { explainFailure } from './failure.ts'
import { localDiskMethod } from './local-disk.ts'
import { type NextBoot, nextBoot, unasked } from './next-boot.ts'
import { nodePlane } from './node-plane.ts'
import { menuEntry } from './scripts.ts'
import { selectProfile } from './select-profile.ts'
import { byTheList, showMenu } from './show-menu.ts'

/** What is known of the machine that asks, and the trace so far. */
export interface RunContext {
  readonly node: Node | undefined
  readonly conflict: Conflict | undefined
  readonly steps: Step[]
}

/** The script's question: what this machine runs now. May use state; part of `decide`. */
export function whatToRun(request: BootRequest, world: World, context: RunContext): Action {
  const action = runNext(request, world, context)
  if (action.kind !== 'script' || action.script.kind !== 'local-disk') return action
  const method = localDiskMethod(request, world, context)
  return method === undefined ? action : { ...action, script: { ...action.script, method } }
}

function runNext(request: BootRequest, world: World, context: RunContext): Action {
  const { question } = request
  const { node, conflict, steps } = context
  const { mac } = request.client
  if (question.kind !== 'run' || mac === undefined) return localDisk('the machine has not said who it is')
  if (question.failed !== undefined) {
    const recovery = recover(request, question.failed, { mac, world, context })
    if (question.again !== true) return recovery
  }
  if (conflict !== undefined) return localDisk(`nobody can tell which machine this is: ${conflict.because}`)
  const rescue = question.choice === RESCUE_PROFILE ? rescueAfter(request, world, context) : undefined
  if (rescue !== undefined) {
    steps.push({
      rule: 'boot.on-failure',
      outcome: `rescue, as the profile ${rescue.of.name} says`,
      from: 'config',
    })
    return bootImage(request, rescue.found, { world, node, steps })
  }
  const next = nextBoot(node?.name, world, steps)
  if (next?.kind === 'local') return localDisk(next.because)
  if (next?.kind === 'once') return once(request, next, world, context)
  const selected = selectProfile(request, world, node, steps)
  if (selected !== undefined) {
    const found = bootable(selected, world, steps)
    if ('missing' in found) return localDisk(found.missing)
    const because = unasked(found.profile, node, steps)
    return because === undefined ? bootImage(request, found, { world, node, steps }) : localDisk(because)
  }
  const { unknown } = world.config
  steps.push({ rule: 'unknown.policy', outcome: `unknown: ${unknown}`, from: 'config' })
  // Where nobody is shown a menu, nobody can have chosen from it.
  if (unknown !== 'menu') return localDisk(`unknown: ${unknown}`)
  if (question.choice === undefined) return showMenu(request, mac, world)
  steps.push({ rule: 'menu.choice', outcome: question.choice, from: 'packet' })
  return chosen(request, question.choice, { mac, world, context })
}

/** A boot that somebody asked for and that is used up; one that is refused boots the disk, and is told to whoever keeps count. */
function once(
  request: BootRequest,
  { intent, refused }: Extract<NextBoot, { kind: 'once' }>,
  world: World,
  context: RunContext,
): Action {
  const found = bootable(intent.profile, world, context.steps)
  if ('missing' in found) return localDisk(found.missing)
  const { node, steps } = context
  if (refused === undefined) return bootImage(request, { ...found, intent }, { world, node, steps })
  return { ...localDisk(refused), boots: grantOf({ ...found, intent }, node, []) }
}

interface Chosen {
  readonly mac: Mac
  readonly world: World
  readonly context: RunContext
}

/** An entry of the menu, chosen by a person or by its time-out. */
function chosen(request: BootRequest, choice: string, { mac, world, context }: Chosen): Action {
  const { question } = request
  const server = nodePlane(request.ingress, world.config)
  if (choice === 'local') return localDisk('the menu said so')
  if (choice === 'info')
    return script({ kind: 'page', server, client: mac, title: 'This machine', lines: facts(request) })
  const listed = byTheList(request, choice, { mac, world, steps: context.steps })
  if (listed !== undefined) return listed
  const found = bootable(choice, world, context.steps)
  if ('missing' in found) {
    const advice = imageAdvice(world.config.profiles.get(choice) ?? { name: choice })
    const lines = [`Nothing to boot: ${found.missing}`, `On the server: ${advice}`]
    return script({ kind: 'page', server, client: mac, title: choice, lines })
  }
  const { profile } = found
  if (profile.install !== undefined)
    return script({
      ...{ kind: 'page', server, client: mac, title: choice },
      lines: [unasked(profile, context.node, context.steps) ?? ''],
    })
  if (profile.warning !== undefined && question.kind === 'run' && question.confirmed !== true)
    return script({
      ...{ kind: 'confirm', server, client: mac },
      ...{ profile: menuEntry(profile), warning: profile.warning },
    })
  return bootImage(request, found, { world, node: context.node, steps: context.steps })
}

/** What the machine says of itself, for whoever stands before it. */
function facts({ client, ingress }: BootRequest): readonly string[] {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['MAC address', client.mac],
    ['UUID', client.uuid],
    ['Serial', client.serial],
    ['Manufacturer', client.manufacturer],
    ['Product', client.product],
    ['Architecture', client.arch],
    ['Address', client.address === undefined ? undefined : formatIpv4(client.address)],
    ['Network', ingress.network],
    ['Server', formatIpv4(ingress.server)],
    ['iPXE', client.loaderVersion],
  ]
  return rows.map(([name, value]) => `${name}: ${value ?? 'unknown'}`)
}

/** The profile with its image, if both are there; the reason otherwise. */
function bootable(name: string, world: World, steps: Step[]): Bootable | { readonly missing: string } {
  const profile = world.config.profiles.get(name)
  const image = profile?.image === undefined ? undefined : world.images.get(profile.image)
  if (profile === undefined || image === undefined) {
    const missing =
      profile === undefined ? `there is no profile ${name}` : `profile ${name} has no image that is on disk`
    steps.push({ rule: 'image.select', outcome: missing, from: 'config' })
    return { missing }
  }
  steps.push({ rule: 'image.select', outcome: image.name, from: 'config', ...cite(profile.origin) })
  return { profile, image }
}

function recover(request: BootRequest, failed: FailedStep, { mac, world, context }: Chosen): Action {
  const { summary, lines } = explainFailure(failed)
  const rescue = rescueAfter(request, world, context)
  context.steps.push({ rule: 'boot.failed', outcome: summary, from: 'packet' })
  const server = nodePlane(request.ingress, world.config)
  const { question } = request
  const choice =
    question.kind === 'run' && world.config.profiles.has(question.choice ?? '') ? question.choice : undefined
  return script({
    ...{ kind: 'recovery', server, client: mac, step: failed.step, lines },
    ...(choice === undefined ? {} : { choice }),
    ...(rescue === undefined ? {} : { rescue: menuEntry(rescue.found.profile) }),
  })
}

/** The rescue system, where the profile that this machine could not boot says `onFailure: rescue`. */
function rescueAfter(
  request: BootRequest,
  world: World,
  { node, conflict }: RunContext,
): { readonly of: Profile; readonly found: Bootable } | undefined {
  const { question } = request
  if (conflict !== undefined || question.kind !== 'run') return undefined
  // What is looked up here is no step of this decision.
  const next = nextBoot(node?.name, world, [])
  if (next?.kind === 'local') return undefined
  const name = next?.intent.profile ?? selectProfile(request, world, node, []) ?? question.choice
  const of = world.config.profiles.get(name ?? '')
  if (of?.onFailure !== 'rescue') return undefined
  const found = bootable(RESCUE_PROFILE, world, [])
  return 'missing' in found || found.profile.install !== undefined ? undefined : { of, found }
}

function localDisk(because: string): Extract<Action, { kind: 'script' }> {
  return script({ kind: 'local-disk', because })
}

function script(value: Script): Extract<Action, { kind: 'script' }> {
  return { kind: 'script', script: value }
}

function cite(origin: Origin | undefined): { readonly cite?: string } {
  return origin === undefined ? {} : { cite: where(origin) }
}
