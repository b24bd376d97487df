import type { IntentEvent } from '../lifecycle/intents.ts'
import type { Network, Node, Profile } from '../model/config.ts'
import { imageAdvice, RESCUE_PROFILE } from '../model/config.ts'
import { type BootIntent, INTENT_KINDS, type NodeBoots, type OnceKind } from '../model/intent.ts'
import { keysOf } from '../model/node-keys.ts'
import type { Image } from '../model/world.ts'
import { type Running, refreshImages } from './running.ts'
import type { Picture } from './world.ts'

/** What can be said of a node: how it boots, or that it may boot installers again. */
export const NODE_COMMANDS = [...INTENT_KINDS, 'release'] as const
export type NodeCommandKind = (typeof NODE_COMMANDS)[number]

export interface NodeCommand {
  readonly node: string
  readonly kind: NodeCommandKind
  /** Instead of the usual one, of a boot that is used up. */
  readonly profile?: string
  /** Of this command: heard twice it is one. */
  readonly id: string
}

/** `state` as it is on disk, `replaced` what it took the place of; `refused` with one sentence about what to do. */
export type CommandOutcome =
  | { readonly kind: 'done'; readonly state: NodeBoots; readonly replaced?: string }
  | { readonly kind: 'unknown'; readonly because: string }
  | { readonly kind: 'refused'; readonly because: string }

/** The profile that `inspect` boots where there is one of this name. */
const INSPECT_PROFILE = 'inspect'

/** A command of `centra-pxe node`; on disk when this resolves. Rejects with a StoreError when it cannot be written. */
export async function commandNode(command: NodeCommand, running: Running): Promise<CommandOutcome> {
  await refreshImages(running)
  const { picture } = running
  const node = picture.config.nodes.find(({ name }) => name === command.node)
  if (node === undefined)
    return { kind: 'unknown', because: `the configuration describes no node ${command.node}` }
  const event = eventOf(command, node, picture, running.now())
  if (event.kind === 'refused') return event
  const { state, reply, lines } = await running.intents.advance(node.name, event)
  if (reply.kind === 'refused')
    return refused(`${reply.because}: look at centra-pxe node history ${node.name}, then node release`)
  const replaced = lines.find(({ what }) => what === 'replaced')?.detail
  return { kind: 'done', state, ...(replaced === undefined ? {} : { replaced }) }
}

type NotDone = Extract<CommandOutcome, { kind: 'refused' }>

function eventOf(command: NodeCommand, node: Node, picture: Picture, now: number): IntentEvent | NotDone {
  const { kind } = command
  switch (kind) {
    case 'ram':
    case 'local':
      return { kind: 'stand', id: command.id, standing: kind }
    case 'release':
      return { kind: 'release', id: command.id }
    case 'install':
    case 'rescue':
    case 'inspect': {
      if (!picture.config.networks.some(knowsWhoAsks))
        return refused(
          'no network here knows whose machine asks, so nothing boots once: dhcp: server does, and proxy with an interface:',
        )
      const profile = profileOf(kind, command.profile, node, picture)
      if ('because' in profile) return profile
      const redeem = kind === 'install' ? (profile.install ?? 'kernel') : 'kernel'
      const intent: BootIntent = {
        ...{ id: command.id, kind, profile: profile.name, redeem, since: now },
        ...{ macs: node.macs, keys: keysOf(node) },
      }
      return { kind: 'ask', intent }
    }
    default:
      return kind satisfies never
  }
}

/** Whether a boot attempt can be opened there: from a lease of ours, or an address whose card can be asked by ARP. */
function knowsWhoAsks({ dhcp, interface: device }: Network): boolean {
  return dhcp === 'server' || (dhcp === 'proxy' && device !== undefined)
}

function profileOf(
  kind: OnceKind,
  wished: string | undefined,
  node: Node,
  { config, images }: Picture,
): Profile | NotDone {
  const name = wished ?? usualProfile(kind, node, { config, images })
  if (name === undefined)
    return refused(
      `${node.name} has no profile that installs: name one with --profile, or set install: of the node to one`,
    )
  const profile = config.profiles.get(name)
  if (profile === undefined) return refused(`there is no profile ${name}`)
  if (kind === 'install' && profile.install === undefined)
    return refused(`the profile ${name} is no installer: set profiles.${name}.install to kernel or installer`)
  if (kind !== 'install' && profile.install !== undefined)
    return refused(`the profile ${name} installs; ${kind} boots what writes nothing`)
  const image = profile.image === undefined ? undefined : images.get(profile.image)
  if (image === undefined)
    return refused(`the profile ${name} has no image that is on disk: ${imageAdvice(profile)}`)
  return unseen(image, profile) ?? profile
}

/**
 * Why nobody would see that the image booted: whoever fetches the kernel or the program is seen; a disk, a drive and another
 * server's script are not. And an installer that is to redeem has to be told the nonce.
 */
function unseen({ name, variants, cmdline }: Image, { install }: Profile): NotDone | undefined {
  const seen = variants.filter(({ payload }) => payload.kind === 'linux' || payload.kind === 'efi')
  if (seen.length === 0)
    return refused(
      `the image ${name} has no kernel and no EFI program: nobody could tell that it booted once`,
    )
  const isTold = seen.some((one) => one.payload.kind === 'linux' || cmdline.length + one.cmdline.length > 0)
  return install === 'installer' && !isTold
    ? refused(`the program of the image ${name} gets no arguments, so it learns no nonce: install: kernel`)
    : undefined
}

function usualProfile(
  kind: OnceKind,
  { install, profile }: Node,
  { config, images }: Pick<Picture, 'config' | 'images'>,
): string | undefined {
  if (kind === 'rescue') return RESCUE_PROFILE
  if (kind === 'inspect') {
    const image = config.profiles.get(INSPECT_PROFILE)?.image
    return image !== undefined && images.has(image) ? INSPECT_PROFILE : RESCUE_PROFILE
  }
  const own = profile === undefined ? undefined : config.profiles.get(profile)
  return install ?? (own?.install === undefined ? undefined : own.name)
}

function refused(because: string): NotDone {
  return { kind: 'refused', because }
}
