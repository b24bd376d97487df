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

/** What this loader on this firmware cannot do; undefined for what it can. */
function refusalOf({ payload }: Variant<ImageFile>, { arch, loader }: Machine): Refusal | undefined {
  if (payload.kind === 'linux')
    return loader === 'firmware'
      ? { why: 'UEFI HTTP boot cannot load a kernel and its initrds', todo: 'Leave out direct: true.' }
      : undefined
  if (arch !== undefined && BIOS.test(arch))
    return {
      why: `a program for UEFI cannot run on ${arch}`,
      todo: 'Give the image files for this architecture, or boot the machine with UEFI.',
    }
  return loader === 'pxelinux'
    ? {
        why: 'PXELINUX cannot start a program for UEFI',
        todo: 'Leave out loader: of the node, so that it gets iPXE.',
      }
    : undefined
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
    default:
      return payload satisfies never
  }
}
