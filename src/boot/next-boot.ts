import type { Node, Profile } from '../model/config.ts'
import type { BootIntent, NodeBoots } from '../model/intent.ts'
import type { Step } from '../model/rules.ts'
import type { World } from '../model/world.ts'

/**
 * What somebody asked a node to boot. `once`: an attempt has to be opened for it; `refused`: the attempt will not be, but
 * whoever keeps the state has to hear of it.
 */
export type NextBoot =
  | { readonly kind: 'local'; readonly because: string }
  | { readonly kind: 'once'; readonly intent: BootIntent; readonly refused?: string }

/** Undefined: nothing was asked, or to boot as if nothing had been. */
export function nextBoot(node: string | undefined, world: World, steps: Step[]): NextBoot | undefined {
  const boots = node === undefined ? undefined : world.intents?.of(node)
  if (node === undefined || boots === undefined) return undefined
  const { intent, standing } = boots
  if (intent === undefined) return asItStands(standing, boots, steps)
  steps.push({
    rule: 'boot.intent',
    outcome: `${intent.kind}, asked for ${new Date(intent.since).toISOString()}: profile ${intent.profile}, once`,
    from: 'state',
  })
  const otherwise = intent.kind === 'install' ? redeemedOtherwise(intent, world, steps) : undefined
  if (otherwise !== undefined) return { kind: 'local', because: otherwise }
  const stopped = intent.kind === 'install' ? stoppedBy(boots, world, steps) : undefined
  if (stopped !== undefined) return { kind: 'once', intent, refused: stopped }
  const { stranger } = world.intents ?? {}
  if (stranger === undefined) return { kind: 'once', intent }
  steps.push({ rule: 'boot.nonce', outcome: stranger, from: 'state' })
  return { kind: 'local', because: `${intent.kind} is for ${node} alone: ${stranger}` }
}

function asItStands(
  standing: NodeBoots['standing'],
  { attempt, revision }: NodeBoots,
  steps: Step[],
): NextBoot | undefined {
  if (standing === 'ram') {
    if (revision > 0) steps.push({ rule: 'boot.intent', outcome: 'ram: as described', from: 'state' })
    return undefined
  }
  const redeemed = attempt?.intent.kind === 'install' ? attempt.redeemed : undefined
  const because =
    redeemed === undefined
      ? 'somebody asked for it'
      : `its install was begun ${new Date(redeemed.at).toISOString()}`
  steps.push({ rule: 'boot.intent', outcome: `local: ${because}`, from: 'state' })
  return { kind: 'local', because }
}

function stoppedBy(
  { node, quarantine, fruitless }: NodeBoots,
  { config }: World,
  steps: Step[],
): string | undefined {
  if (quarantine === undefined && fruitless < config.installTries) return undefined
  const because = quarantine?.because ?? `${fruitless} boots of an installer without success`
  const outcome = `${because}; centra-pxe node release ${node} lets it try again`
  steps.push({ rule: 'boot.quarantine', outcome, from: 'state' })
  return `quarantined, ${because}`
}

/**
 * Why an install does not boot whose profile says by now that something else uses it up: what was to be asked for by the installer,
 * and is now told to nobody but the kernel, would boot again and again.
 */
function redeemedOtherwise(
  { profile, redeem }: BootIntent,
  { config }: World,
  steps: Step[],
): string | undefined {
  const found = config.profiles.get(profile)
  if (found === undefined || found.install === redeem) return undefined
  const says = found.install === undefined ? 'no install:' : `install: ${found.install}`
  const outcome = `asked for when ${profile} said install: ${redeem}; it says ${says} now`
  steps.push({ rule: 'boot.install', outcome, from: 'config' })
  return `install was ${outcome}: ask for it again`
}

/** Why a profile that installs does not boot without a command; undefined for the others. */
export function unasked(
  { name, install }: Profile,
  node: Node | undefined,
  steps: Step[],
): string | undefined {
  if (install === undefined) return undefined
  const command = `centra-pxe node install ${node?.name ?? 'NAME'}`
  steps.push({ rule: 'boot.install', outcome: `${name} installs, and nobody asked for it`, from: 'config' })
  return `profile ${name} installs, and nobody asked for it: ${command}`
}
