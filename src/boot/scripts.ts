import { type Mac, macWithDashes } from '../lib/mac.ts'
import type { ImageSpec, Node, Profile } from '../model/config.ts'
import type { BootScript, MenuEntry, ScriptFile } from '../model/script.ts'
import type { Image, ImageFile, World } from '../model/world.ts'

interface BootScriptParts {
  readonly server: string
  readonly profile: Profile
  readonly image: Image
  readonly spec: ImageSpec | undefined
  readonly node: Node | undefined
  readonly mac: Mac | undefined
}

/** The script that boots an image: immutable addresses, and the command line image, profile, node, ours. */
export function bootScript({ server, profile, image, spec, node, mac }: BootScriptParts): BootScript {
  const operators = [...(spec?.cmdline ?? []), ...profile.cmdline, ...(node?.cmdline ?? [])]
  const who = node?.name ?? mac ?? 'this machine'
  return {
    kind: 'boot',
    server,
    title: `${who}: ${profile.name} (${image.name})`,
    ...(profile.warning === undefined ? {} : { warning: profile.warning }),
    ...needs(profile),
    kernel: fileOf(server, image, image.kernel),
    initrds: image.initrds.map((file) => fileOf(server, image, file)),
    cmdline: [
      ...operators,
      ...ownArguments(server, profile, mac).filter((argument) => !isSet(operators, argument)),
    ],
    ...(mac === undefined ? {} : { client: mac }),
  }
}

function needs({ requires }: Profile): { readonly needs?: string } {
  const { cores, memoryGB, diskGB } = requires
  const parts = [
    ...(cores === undefined ? [] : [`${cores}+ cores`]),
    ...(memoryGB === undefined ? [] : [`${memoryGB}+ GB memory`]),
    ...(diskGB === undefined
      ? []
      : [diskGB >= 1000 && diskGB % 1000 === 0 ? `${diskGB / 1000}+ TB disk` : `${diskGB}+ GB disk`]),
  ]
  return parts.length === 0 ? {} : { needs: parts.join(', ') }
}

/** What the menu offers: the profiles whose image is on disk, then the local disk. */
export function menuEntries(world: World): readonly MenuEntry[] {
  const bootable = [...world.config.profiles.values()].filter(
    (profile) => profile.image !== undefined && world.images.has(profile.image),
  )
  return [
    ...bootable.map((profile) => ({ key: profile.name, title: profile.title })),
    { key: 'local', title: 'Boot from the local disk' },
  ]
}

/**
 * Arguments that tell the booted system who it is and where to report; an operator's argument of the same name
 * wins. `BOOTIF` is pxelinux's (its IPAPPEND 2), read by Debian's, Red Hat's and our own initrds.
 */
function ownArguments(server: string, profile: Profile, mac: Mac | undefined): readonly string[] {
  if (mac === undefined) return [`centra.profile=${profile.name}`]
  const dashed = macWithDashes(mac)
  return [
    `BOOTIF=01-${dashed}`,
    `centra.profile=${profile.name}`,
    `centra.report=${server}/v1/report/${dashed}`,
  ]
}

function isSet(operators: readonly string[], argument: string): boolean {
  const key = argument.split('=', 1)[0]
  return operators.some((other) => other.split('=', 1)[0] === key)
}

function fileOf(server: string, image: Image, file: ImageFile): ScriptFile {
  return { name: file.name, url: `${server}/images/${image.name}/${file.sha256}/${file.name}` }
}
