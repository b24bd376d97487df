import type { Node, Profile } from '../model/config.ts'
import type { Variant } from '../model/image.ts'
import type { BootIntent } from '../model/intent.ts'
import { keysOf } from '../model/node-keys.ts'
import type { Step } from '../model/rules.ts'
import type { Script } from '../model/script.ts'
import type { Image, ImageFile, World } from '../model/world.ts'
import type { ClientArch } from '../protocol/iana/arch.ts'
import type { Action, BootGrant, BootRequest, LoadedFile, ScriptLoader } from './decision.ts'
import { installerArguments, planeFor } from './documents.ts'
import { filesSource } from './files-base.ts'
import { fillImage } from './fill-image.ts'
import { describeVariant, type Fit, fitImage, machineArch } from './fit-image.ts'
import { projectShim, shimOf } from './loaders.ts'
import { nodePlane } from './node-plane.ts'
import { filesToLoad, queueTurn } from './queue.ts'
import { type BootScriptParts, bootScript, titleOf } from './scripts.ts'

export interface Bootable {
  readonly profile: Profile
  readonly image: Image
  /** Asked for, to be used up. */
  readonly intent?: BootIntent
}

interface Context {
  readonly world: World
  readonly node: Node | undefined
  readonly steps: Step[]
}

/** The script that boots this image on this machine, now or when its turn comes; or the reason why it cannot. */
export function bootImage(request: BootRequest, found: Bootable, context: Context): Action {
  const { profile, image, intent } = found
  const { world, node, steps } = context
  const { mac } = request.client
  if (mac === undefined) return script({ kind: 'local-disk', because: 'the machine has not said who it is' })
  const fit = fitImage(image, { arch: machineArch(request, world), loader: loaderOf(request) })
  if (fit.kind === 'refused') return refuse(request, fit, profile.name, context)
  const { variant } = fit
  if (image.variants.length > 1 || variant.payload.kind !== 'linux')
    steps.push({
      ...{ rule: 'image.variant', outcome: describeVariant(variant), from: 'config' },
      cite: image.cite,
    })
  const filled = fillImage(request, { profile, image, variant, mac, node }, world)
  if (!filled.ok) return refuse(request, { why: filled.error, todo: TO_DESCRIBE }, profile.name, context)
  // Of a boot that is used up we see every file leave.
  const { files, steps: reasons } =
    intent === undefined ? filesSource(request.ingress, world.config) : { files: undefined, steps: [] }
  steps.push(...reasons)
  const chosen = { name: image.name, cite: image.cite, payload: variant.payload }
  // What another server sends is not ours to queue for; firmware reads nothing and cannot wait.
  const turn =
    files === undefined && request.client.loader !== 'firmware'
      ? queueTurn(request, chosen, world, steps)
      : undefined
  const server = nodePlane(request.ingress, world.config)
  if (turn !== undefined)
    return script({
      ...{ kind: 'queue', server, client: mac },
      title: titleOf({ node, mac, profile, image }),
      ...turn,
    })
  const passed = argumentsFor(request, { profile, image, variant }, context)
  return {
    kind: 'script',
    script: bootScript({
      ...{ server, profile, image, node, mac, ...filled.value, ...passed },
      reports: planeFor('reports', { node, ingress: request.ingress, config: world.config, steps }),
      ...(files === undefined ? {} : { files }),
      ...(intent === undefined ? {} : { once: intent }),
      loader: loaderOf(request),
      ...shimFor(machineArch(request, world), context),
    }),
    boots: grantOf(found, node, files === undefined ? filesToLoad(chosen) : []),
  }
}

const TO_DESCRIBE = 'Say it of the node in the configuration, or leave the variable out.'

/** What is told to whatever boots; the steps say what. A drive and another server's script are told nothing. */
function argumentsFor(
  request: BootRequest,
  { profile, image, variant }: Pick<Bootable, 'profile' | 'image'> & { readonly variant: Variant<ImageFile> },
  context: Context,
): Pick<BootScriptParts, 'consoles' | 'takesArguments' | 'installer'> {
  const { world, node, steps } = context
  const { kind } = variant.payload
  const own = [...image.cmdline, ...variant.cmdline]
  const takesArguments = kind === 'linux' || (kind === 'efi' && own.length > 0)
  const consoles = hasPcSerial(machineArch(request, world)) ? world.config.consoles : []
  const counts = `console ${consoles.length} + image ${own.length} + profile ${profile.cmdline.length}`
  const why = kind === 'efi' ? `${image.name} has no cmdline:` : 'it is no kernel'
  steps.push({
    rule: 'cmdline.merge',
    outcome: takesArguments
      ? `${counts} + node ${node?.cmdline.length ?? 0} arguments`
      : `none: ${why}, so what boots gets no arguments`,
    from: 'config',
    cite: image.cite,
  })
  if (!takesArguments) return { consoles, takesArguments }
  steps.push({ rule: 'boot.nonce', outcome: 'of its boot attempt, to its own lease alone', from: 'state' })
  return { consoles, takesArguments, installer: installerArguments(request, profile, world, context) }
}

/** What a script that boots this leads to, once its machine has it. */
export function grantOf(
  { profile, image, intent }: Bootable,
  node: Node | undefined,
  loads: readonly LoadedFile[],
): BootGrant {
  const grant = { kind: 'boot-nonce', profile: profile.name, image: image.name, loads } as const
  return intent === undefined || node === undefined
    ? grant
    : { ...grant, once: { node: node.name, kind: intent.kind, intent: intent.id, keys: keysOf(node) } }
}

/** iPXE asks for it with Secure Boot alone; older ones do not know the command. */
function shimFor(
  arch: ClientArch | undefined,
  { world: { firmware }, steps }: Context,
): { readonly shim?: string } {
  const shim = firmware.get(shimOf(arch) ?? '')
  if (shim === undefined) return {}
  const project = projectShim(shim, firmware)
  if (project === undefined) return { shim: shim.name }
  steps.push({
    rule: 'boot.shim',
    outcome: `none: ${shim.name} is the same file as ${project.name}, iPXE's own, which starts no kernel; with Secure Boot the kernel needs the shim of its distribution in that place`,
    from: 'config',
  })
  return {}
}

/** Firmware asks for a file and reads nothing: it is told by the trace alone. */
function loaderOf({ client }: BootRequest): ScriptLoader {
  return client.loader ?? 'ipxe'
}

type Refused = Omit<Extract<Fit, { readonly kind: 'refused' }>, 'kind'>

function refuse(
  { client, question, ingress }: BootRequest,
  { why, todo }: Refused,
  title: string,
  { world, steps }: Context,
): Action {
  steps.push({ rule: 'boot.refused', outcome: `${why}. ${todo}`, from: 'config' })
  const server = nodePlane(ingress, world.config)
  const lines = [`It cannot boot here: ${why}.`, todo]
  const { mac } = client
  if (mac === undefined) return script({ kind: 'local-disk', because: why })
  return question.kind === 'run' && question.choice !== undefined
    ? script({ kind: 'page', server, client: mac, title, lines })
    : script({ kind: 'refusal', server, client: mac, title, lines })
}

/** `tty0` and `ttyS0` are a PC's; elsewhere the firmware's tables name the console (ACPI SPCR, devicetree). */
function hasPcSerial(arch: ClientArch | undefined): boolean {
  return arch === undefined || /^(bios|uefi)-(x86|ia32|x64|ebc)/.test(arch)
}

function script(value: Script): Action {
  return { kind: 'script', script: value }
}
