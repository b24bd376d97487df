import type { Variant } from '../model/image.ts'
import type { ImageFile, World } from '../model/world.ts'
import { archOfName, type ClientArch } from '../protocol/iana/arch.ts'
import type { BootRequest, ScriptLoader } from './decision.ts'
import { mainArch } from './loaders.ts'

/** The client architecture: what the request says, or else what DHCP showed of the machine before. */
export function machineArch({ client }: BootRequest, { recognised }: World): ClientArch | undefined {
  if (client.arch !== undefined) return client.arch
  const shown = client.mac === undefined ? undefined : recognised?.shownBy(client.mac)?.arch
  return archOfName(shown ?? '')?.name
}

/** What of an image fits a machine; or why nothing does, and what to do, each one sentence. */
export type Fit =
  | { readonly kind: 'fits'; readonly variant: Variant<ImageFile> }
  | { readonly kind: 'refused'; readonly why: string; readonly todo: string }

interface Machine {
  readonly arch: ClientArch | undefined
  readonly loader: ScriptLoader
}

/** The variant for the machine's architecture, if its loader can boot such a thing. */
export function fitImage(
  image: { readonly name: string; readonly variants: readonly Variant<ImageFile>[] },
  machine: Machine,
): Fit {
  const { name, variants } = image
  const { arch } = machine
  const main = arch === undefined ? undefined : mainArch(arch)
  const own = variants.find((one) => one.arch !== undefined && (one.arch === arch || one.arch === main))
  const variant = own ?? variants.find((one) => one.arch === undefined)
  if (variant !== undefined) {
    const refusal = refusalOf(variant, machine)
    return refusal === undefined
      ? { kind: 'fits', variant }
      : { kind: 'refused', why: `${name}: ${refusal.why}`, todo: refusal.todo }
  }
  const there = variants.map((one) => one.arch).join(', ')
  return arch === undefined
    ? {
        ...{ kind: 'refused', why: `${name} is for ${there}, and the machine has not said what it is` },
        todo: 'Load iPXE first: its script request tells the architecture.',
      }
    : {
        ...{ kind: 'refused', why: `${name} has nothing for ${main ?? arch}: it is for ${there}` },
        todo: `Set images.${name}.arch.${main ?? arch} in the configuration.`,
      }
}

interface Refusal {
  readonly why: string
  readonly todo: string
}

const BIOS = /^(bios|intel-lean|nec|arc)/
const USE_IPXE = 'Leave out loader: of the node, so that it gets iPXE.'

/** What this loader on this firmware cannot do; undefined for what it can. */
function refusalOf({ payload }: Variant<ImageFile>, machine: Machine): Refusal | undefined {
  const { arch, loader } = machine
  switch (payload.kind) {
    case 'linux':
      return loader === 'firmware'
        ? { why: 'UEFI HTTP boot cannot load a kernel and its initrds', todo: NOT_DIRECT }
        : undefined
    case 'efi':
      if (arch !== undefined && BIOS.test(arch))
        return {
          why: `a program for UEFI cannot run on ${arch}`,
          todo: 'Give the image files for this architecture, or boot the machine with UEFI.',
        }
      return loader === 'pxelinux'
        ? { why: 'PXELINUX cannot start a program for UEFI', todo: USE_IPXE }
        : undefined
    case 'disk':
    case 'san':
      return byIpxe(loader, 'boot a drive over the network')
    case 'chain':
      return loader === 'grub' && isGrubs(payload.url) ? undefined : byIpxe(loader, `follow ${payload.url}`)
    default:
      return payload satisfies never
  }
}

const NOT_DIRECT = 'Leave out direct: true.'
const CALLED = { grub: 'GRUB', pxelinux: 'PXELINUX', firmware: 'UEFI HTTP boot' } as const

function byIpxe(loader: ScriptLoader, what: string): Refusal | undefined {
  if (loader === 'ipxe') return undefined
  return {
    why: `${CALLED[loader]} cannot ${what}`,
    todo: loader === 'firmware' ? NOT_DIRECT : USE_IPXE,
  }
}

/** GRUB has no TLS, and tells a configuration from a program by nothing. */
function isGrubs(url: string): boolean {
  return /^(http|\{\{server\.url\}\}).*\.(efi|cfg)$/.test(url) && !url.startsWith('https:')
}

/** What a variant is, for the trace. */
export function describeVariant({ arch, payload }: Variant<ImageFile>): string {
  return `${described(payload)}${arch === undefined ? '' : `, which is for ${arch}`}`
}

function described(payload: Variant<ImageFile>['payload']): string {
  switch (payload.kind) {
    case 'linux':
      return [payload.kernel, ...payload.initrds].map(({ name }) => name).join(' + ')
    case 'efi':
      return `EFI program ${payload.program.name}`
    case 'disk':
      return `drive ${payload.file.name}`
    case 'san':
      return `drive ${payload.target}`
    case 'chain':
      return `chain to ${payload.url}`
    default:
      return payload satisfies never
  }
}
