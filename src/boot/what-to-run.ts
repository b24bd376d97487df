import { formatIpv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import { type Node, type Origin, type Profile, RESCUE_PROFILE } from '../model/config.ts'
import type { BootIntent } from '../model/intent.ts'
import type { Step } from '../model/rules.ts'
import type { Script } from '../model/script.ts'
import type { World } from '../model/world.ts'
import { where } from './cite.ts'
import type { Action, BootGrant, BootRequest, Conflict, FailedStep, LoadedFile } from './decision.ts'
import { documentArguments, documentsUrl } from './documents.ts'
import { explainFailure } from './failure.ts'
import { filesSource } from './files-base.ts'
import { type NextBoot, nextBoot, unasked } from './next-boot.ts'
import { nodePlane, sendSecurely } from './node-plane.ts'
import { filesToLoad, queueTurn } from './queue.ts'
import { bootScript, hasImage, menuEntry, menuProfiles, titleOf } from './scripts.ts'
import { selectProfile } from './select-profile.ts'

/** What is known of the machine that asks, and the trace so far. */
export interface RunContext {
  readonly node: Node | undefined
  readonly conflict: Conflict | undefined
  readonly steps: Step[]
}

/** The script's question: what this machine runs now. May use state; part of `decide`. */
export function whatToRun(request: BootRequest, world: World, context: RunContext): Action {
  const { question } = request
  const { node, conflict, steps } = context
  const { mac } = request.client
  if (question.kind !== 'run' || mac === undefined) return localDisk('the machine has not said who it is')
  if (question.failed !== undefined) {
    const recovery = recover(request, question.failed, { mac, world, steps })
    if (question.again !== true) return recovery
  }
  if (conflict !== undefined) return localDisk(`nobody can tell which machine this is: ${conflict.because}`)
  const next = nextBoot(node?.name, world, steps)
  if (next?.kind === 'local') return localDisk(next.because)
  if (next?.kind === 'once') return once(request, next, world, context)
  const selected = selectProfile(request, world, node, steps)
  if (selected !== undefined) {
    const found = bootable(selected, world, steps)
    if ('missing' in found) return localDisk(found.missing)
    const because = unasked(found.profile, node, steps)
    return because === undefined ? boot(request, found, world, context) : localDisk(because)
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
  if (refused === undefined) return boot(request, { ...found, intent }, world, context)
  const { profile, image } = found
  return { ...localDisk(refused), boots: grantOf({ profile, image, intent }, context, []) }
}

function showMenu(request: BootRequest, client: Mac, world: World): Action {
  const { menu, profiles: all } = world.config
  const boots = hasImage(menu.default, world) && all.get(menu.default)?.install === undefined
  const rescue = menuEntry(all.get(RESCUE_PROFILE) ?? { name: RESCUE_PROFILE, title: 'Rescue' })
  return script({
    kind: 'menu',
    server: nodePlane(request.ingress, world.config),
    title: menu.title,
    client,
    profiles: menuProfiles(world),
    rescue,
    default: boots ? menu.default : 'local',
    timeoutSeconds: menu.timeoutSeconds,
  })
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
  const found = bootable(choice, world, context.steps)
  if ('missing' in found) {
    const lines = [`Nothing to boot: ${found.missing}`, `Set profiles.${choice}.image in the configuration.`]
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
  return boot(request, found, world, context)
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

interface Bootable {
  readonly profile: Profile
  readonly image: NonNullable<ReturnType<World['images']['get']>>
  /** Asked for, to be used up. */
  readonly intent?: BootIntent
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

function boot(request: BootRequest, found: Bootable, world: World, context: RunContext): Action {
  const { profile, image, intent } = found
  const { node, steps } = context
  const { arch, mac } = request.client
  // Of a boot that is used up we see every file leave.
  const { files, steps: reasons } =
    intent === undefined ? filesSource(request.ingress, world.config) : { files: undefined, steps: [] }
  steps.push(...reasons)
  // What another server sends is not ours to queue for.
  const turn = files === undefined ? queueTurn(request, image, world, steps) : undefined
  if (turn !== undefined && mac !== undefined)
    return script({
      ...{ kind: 'queue', server: nodePlane(request.ingress, world.config), client: mac },
      title: titleOf({ node, mac, profile, image }),
      ...turn,
    })
  const consoles = hasPcSerial(arch) ? world.config.consoles : []
  const counts = `console ${consoles.length} + image ${image.cmdline.length} + profile ${profile.cmdline.length}`
  steps.push({
    rule: 'cmdline.merge',
    outcome: `${counts} + node ${node?.cmdline.length ?? 0} arguments`,
    from: 'config',
    cite: image.cite,
  })
  steps.push({ rule: 'boot.nonce', outcome: 'of its boot attempt, to its own lease alone', from: 'state' })
  const server = nodePlane(request.ingress, world.config)
  const reports = reportsPlane(request, world, context)
  return {
    kind: 'script',
    script: bootScript({
      ...{ server, reports, profile, image, node, mac, consoles },
      ...(files === undefined ? {} : { files }),
      installer: installerArguments(request, profile, world, context),
      ...(intent === undefined ? {} : { once: intent }),
    }),
    boots: grantOf(found, context, files === undefined ? filesToLoad(image) : []),
  }
}

/** How the installer of the profile's image finds its document. */
function installerArguments(
  { client, ingress }: BootRequest,
  { document: name }: Profile,
  { config }: World,
  { node, steps }: RunContext,
): readonly string[] {
  const document = config.documents.get(name ?? '')
  if (document === undefined || client.mac === undefined) return []
  const outcome = `${document.name} (${document.kind})`
  steps.push({ rule: 'document.select', outcome, from: 'config', cite: where(document.origin) })
  return documentArguments(document.kind, documentsUrl({ mac: client.mac, node, ingress, config, steps }))
}

function grantOf(
  { profile, image, intent }: Bootable,
  { node }: RunContext,
  loads: readonly LoadedFile[],
): BootGrant {
  const grant = { kind: 'boot-nonce', profile: profile.name, image: image.name, loads } as const
  return intent === undefined || node === undefined
    ? grant
    : { ...grant, once: { node: node.name, kind: intent.kind } }
}

function reportsPlane({ ingress }: BootRequest, { config }: World, { node, steps }: RunContext): string {
  const { network, server } = ingress
  const sent = sendSecurely('reports', { config, network, node })
  steps.push(...sent.steps)
  return nodePlane({ network, server, ...(sent.secure ? { secure: true } : {}) }, config)
}

/** `tty0` and `ttyS0` are a PC's; elsewhere the firmware's tables name the console (ACPI SPCR, devicetree). */
function hasPcSerial(arch: BootRequest['client']['arch']): boolean {
  return arch === undefined || /^(bios|uefi)-(x86|ia32|x64|ebc)/.test(arch)
}

function recover(
  request: BootRequest,
  failed: FailedStep,
  { mac, world, steps }: { readonly mac: Mac; readonly world: World; readonly steps: Step[] },
): Action {
  const { summary, lines } = explainFailure(failed)
  steps.push({ rule: 'boot.failed', outcome: summary, from: 'packet' })
  const server = nodePlane(request.ingress, world.config)
  const { question } = request
  const choice =
    question.kind === 'run' && world.config.profiles.has(question.choice ?? '') ? question.choice : undefined
  return script({
    ...{ kind: 'recovery', server, client: mac, step: failed.step, lines },
    ...(choice === undefined ? {} : { choice }),
  })
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
