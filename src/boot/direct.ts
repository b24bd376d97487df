import { macWithDashes } from '../lib/mac.ts'
import type { Action } from './decision.ts'
import { fitImage } from './fit-image.ts'
import type { Asked } from './named-loader.ts'

/**
 * The image's own program for UEFI HTTP boot, where the profile says `direct: true`: under an address of the machine, so that
 * what it gets is decided when it asks. Undefined where a loader has to come first; the trace says why.
 */
export function directProgram(
  { request, world, profile: selected, commanded, steps }: Asked,
  plane: () => string,
): Action | undefined {
  const { mac, arch } = request.client
  const profile = world.config.profiles.get(commanded ?? selected ?? '')
  if (profile?.direct !== true || mac === undefined) return undefined
  const image = world.images.get(profile.image ?? '')
  const say = (outcome: string): undefined => {
    steps.push({
      rule: 'loader.direct',
      outcome: `direct: true (profile ${profile.name}), ${outcome}`,
      from: 'config',
    })
  }
  if (image === undefined) return say('but its image is not on disk')
  if (profile.install === 'installer')
    return say('but firmware hands no arguments on, and its installer needs the nonce of its boot')
  const fit = fitImage(image, { arch, loader: 'firmware' })
  if (fit.kind === 'refused') return say(`but ${fit.why}`)
  if (fit.variant.payload.kind !== 'efi') return say(`but ${image.name} is no program for UEFI`)
  const { program } = fit.variant.payload
  say(`the firmware loads ${program.name} itself`)
  const { name, path, size } = program
  return {
    ...{ kind: 'boot-file', file: { name, path, size }, over: 'http', firmware: 'uefi-http' },
    url: `${plane()}/boot/${macWithDashes(mac)}.efi`,
  }
}
