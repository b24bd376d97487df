import { type Mac, macWithDashes } from '../lib/mac.ts'
import { rememberOf } from '../lib/remember.ts'
import { type FilesBase, type Node, type Profile, RESCUE_PROFILE } from '../model/config.ts'
import type { Payload } from '../model/image.ts'
import type { BootIntent } from '../model/intent.ts'
import type {
  BootScript,
  ChainScript,
  MenuEntry,
  ProgramScript,
  SanScript,
  ScriptFile,
} from '../model/script.ts'
import type { Image, ImageFile, World } from '../model/world.ts'
import type { ScriptLoader } from './decision.ts'
import { fileUrl } from './files-base.ts'

export interface BootScriptParts {
  readonly server: string
  /** The node plane's base URL for the booted system. */
  readonly reports: string
  readonly profile: Profile
  readonly image: Image
  /** What of it fits the machine. Here and in the arguments variables are filled in. */
  readonly payload: Payload<ImageFile>
  /** Of image, profile and node. */
  readonly operators: readonly string[]
  readonly node: Node | undefined
  readonly mac: Mac | undefined
  /** Kernel consoles, as in `console=`. */
  readonly consoles: readonly string[]
  /** How an installer finds its document. */
  readonly installer?: readonly string[]
  /** Another server that has the files. */
  readonly files?: FilesBase
  /** A program without arguments of its own gets none: they would take the place of those in a unified kernel image. */
  readonly takesArguments: boolean
  /** The name of a shim that is on disk, for machines that may need it. */
  readonly shim?: string
  /** It is booted by command, once. */
  readonly once?: BootIntent
  readonly loader: ScriptLoader
}

/** The script that boots an image: immutable addresses, and the command line consoles, image, profile, node, ours. */
export function bootScript(parts: BootScriptParts): BootScript | ProgramScript | SanScript | ChainScript {
  const { server, profile, payload, mac, takesArguments, once, loader, shim } = parts
  const common = {
    ...{ server, title: titleOf(parts) },
    ...(profile.warning === undefined ? {} : { warning: profile.warning }),
    ...needs(profile),
    ...(mac === undefined ? {} : { client: mac }),
  }
  const cmdline = takesArguments ? argumentsOf(parts) : []
  switch (payload.kind) {
    case 'linux':
      return {
        ...{ kind: 'boot', ...common, cmdline, kernel: fileOf(parts, payload.kernel) },
        initrds: payload.initrds.map((file) => fileOf(parts, file)),
        ...(shim === undefined ? {} : { shim: `${server}/firmware/${shim}` }),
        ...(once !== undefined && loader === 'ipxe' ? { kernelLast: true } : {}),
      }
    case 'efi':
      return { kind: 'program', ...common, cmdline, program: fileOf(parts, payload.program) }
    case 'disk': {
      const { name: _, ...drive } = fileOf(parts, payload.file)
      return { kind: 'sanboot', ...common, drive }
    }
    case 'san': {
      const { target: url, initiator } = payload
      return {
        ...{ kind: 'sanboot', ...common, drive: { url } },
        ...(initiator === undefined ? {} : { initiator }),
      }
    }
    case 'chain':
      return { kind: 'chain', ...common, url: payload.url }
    default:
      return payload satisfies never
  }
}

function argumentsOf(parts: BootScriptParts): readonly string[] {
  const { reports, profile, operators, mac, consoles, installer = [] } = parts
  return [
    ...consoles.filter((device) => !hasConsole(operators, device)).map((device) => `console=${device}`),
    ...operators,
    ...[...installer, ...ownArguments(reports, profile, mac), ...onceArguments(parts)].filter(
      (argument) => !isSet(operators, argument),
    ),
  ]
}

/** What a machine boots, for its screen: "node01: worker (debian-live)". */
export function titleOf({
  node,
  mac,
  profile,
  image,
}: Pick<BootScriptParts, 'node' | 'mac' | 'profile' | 'image'>): string {
  return `${node?.name ?? mac ?? 'this machine'}: ${profile.name} (${image.name})`
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

/**
 * The profiles that the menu offers: those whose image is on disk and that install nothing; the rescue profile has a
 * place of its own.
 */
export function menuProfiles(world: World): readonly MenuEntry[] {
  return [...world.config.profiles.values()]
    .filter(({ name, install }) => name !== RESCUE_PROFILE && install === undefined)
    .filter(({ name }) => hasImage(name, world))
    .map(menuEntry)
}

/** Whether there is a profile of that name, with an image that is on disk. */
export function hasImage(name: string, { config, images }: World): boolean {
  const image = config.profiles.get(name)?.image
  return image !== undefined && images.has(image)
}

/** The menu's line for a profile: its name is what the machine sends back as `?choice=`, the title is for people. */
export function menuEntry({ name, title }: Pick<Profile, 'name' | 'title'>): MenuEntry {
  return { key: name, title }
}

/**
 * Arguments that tell the booted system who it is and where to report; an operator's argument of the same name
 * wins. `BOOTIF` is pxelinux's (its IPAPPEND 2), read by Debian's, Red Hat's and our own initrds.
 */
function ownArguments(reports: string, profile: Profile, mac: Mac | undefined): readonly string[] {
  if (mac === undefined) return [`centra.profile=${profile.name}`]
  const dashed = macWithDashes(mac)
  return [
    `BOOTIF=01-${dashed}`,
    `centra.profile=${profile.name}`,
    `centra.report=${reports}/v1/report/${dashed}`,
  ]
}

/** What the boot is for; an installer also learns where it asks before it writes. */
function onceArguments({
  once,
  mac,
  reports,
}: Pick<BootScriptParts, 'once' | 'mac' | 'reports'>): readonly string[] {
  if (once === undefined || mac === undefined) return []
  const redeem = `centra.redeem=${reports}/v1/redeem/${macWithDashes(mac)}`
  return [`centra.intent=${once.kind}`, ...(once.kind === 'install' ? [redeem] : [])]
}

/** The kernel writes to every console it is given, and the last one becomes /dev/console: the operator's, if any. */
function hasConsole(operators: readonly string[], device: string): boolean {
  const [name] = device.split(',', 1)
  return operators.some((other) => hasKey(other, `console=${name}`, ','))
}

function isSet(operators: readonly string[], argument: string): boolean {
  const [key = ''] = argument.split('=', 1)
  return operators.some((other) => hasKey(other, key, '='))
}

function hasKey(argument: string, key: string, end: string): boolean {
  return argument.startsWith(key) && (argument.length === key.length || argument[key.length] === end)
}

/** By server, for each file: what is rendered of a file is remembered with it. */
const ownFiles = rememberOf((_file: ImageFile) => new Map<string, ScriptFile>())
/** Our addresses with their networks, plain and over TLS. */
const MOST_SERVERS = 256

function fileOf({ server, image, files }: BootScriptParts, imageFile: ImageFile): ScriptFile {
  const { name, sha256 } = imageFile
  const file = { image: image.name, sha256, name }
  if (files === undefined) return ownFile(imageFile, server, image.name)
  const own = fileUrl(server, file)
  return { name, url: files.by === 'script' ? fileUrl(files.url, file) : own, fallback: own }
}

function ownFile(file: ImageFile, server: string, image: string): ScriptFile {
  const known = ownFiles(file)
  const key = `${image} ${server}`
  const found = known.get(key)
  if (found !== undefined) return found
  const { name, sha256 } = file
  const made = { name, url: fileUrl(server, { image, sha256, name }) }
  if (known.size < MOST_SERVERS) known.set(key, made)
  return made
}

/** A file's immutable address on the node plane. */
export function pathOf(image: Pick<Image, 'name'>, { name, sha256 }: ImageFile): string {
  return fileUrl('', { image: image.name, sha256, name })
}
