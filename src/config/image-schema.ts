import { z } from 'zod'
import type { Payload, Variant } from '../model/image.ts'
import { CLIENT_ARCHES } from '../protocol/iana/arch.ts'
import { parseBootUrl, parseInitiator, parseSanTarget } from './boot-targets.ts'
import { KernelArgumentsSchema, listOf, read } from './shapes.ts'

/** A file that machines load: its name becomes part of a URL and a word of iPXE and GRUB scripts. */
export const ImagePathSchema = z
  .string('expected a path')
  .regex(
    /(^|\/)[A-Za-z0-9_][A-Za-z0-9_.+~-]*$/,
    'expected a file name of letters, digits, "_", ".", "+", "~" and "-", which loaders can carry',
  )

const noArguments: readonly string[] = []

/** The keys that say what an image boots, of which it has one. */
const KINDS = ['kernel', 'efi', 'iso', 'sanboot', 'chain'] as const

const payloadKeys = {
  kernel: ImagePathSchema.optional().describe('The kernel file; relative paths count from this file'),
  initrd: listOf(ImagePathSchema)
    .default([])
    .describe('The initrd, or several, which are loaded in this order'),
  efi: ImagePathSchema.optional().describe(
    'Instead of a kernel: a program for UEFI, such as a unified kernel image',
  ),
  iso: ImagePathSchema.optional().describe(
    'Instead of a kernel: an ISO or disk image, which iPXE reads over HTTP as a drive',
  ),
  sanboot: read('an address or iSCSI target', parseSanTarget)
    .optional()
    .describe(
      'Instead of a kernel: a drive of another server, as http://10.77.0.9/x.iso or iscsi:10.77.0.9::3260:0:iqn...',
    ),
  initiator: read("an initiator's name", parseInitiator)
    .optional()
    .describe('The name that the machine has for an iSCSI target; default: as iPXE makes one'),
  chain: read('an address', parseBootUrl)
    .optional()
    .describe('Instead of a kernel: the address of a script or program of another server'),
}

type Written = { readonly [K in (typeof KINDS)[number] | 'initiator']?: unknown } & {
  readonly initrd: readonly string[]
}

function payloadProblem(image: Written, isWhole: boolean): string | undefined {
  const kinds = KINDS.filter((kind) => image[kind] !== undefined)
  if (kinds.length > 1) return `has ${kinds.join(' and ')}: an image boots one of them`
  if (kinds.length === 0 && isWhole) return `expected one of ${KINDS.join(', ')}`
  if (image.initiator !== undefined && !String(image.sanboot).startsWith('iscsi:'))
    return 'has an initiator: without an iSCSI target under sanboot:'
  return image.initrd.length > 0 && image.kernel === undefined
    ? 'has an initrd without a kernel to load it'
    : undefined
}

const VariantSchema = z
  .strictObject({
    ...payloadKeys,
    cmdline: KernelArgumentsSchema.default(noArguments).describe("Arguments after the image's"),
  })
  .check(({ value, issues }) => {
    const message = payloadProblem(value, true)
    if (message !== undefined) issues.push({ code: 'custom', input: value, message })
  })

const ARCH_NAMES = CLIENT_ARCHES.map(({ name }) => name)
const arch = z
  .string()
  .regex(new RegExp(`^(${ARCH_NAMES.join('|')})$`), `expected one of ${ARCH_NAMES.join(', ')}`)

/** One of `images:`: exactly one thing to boot, here or for each architecture under `arch:`. */
export const ImageSchema = z
  .strictObject({
    ...payloadKeys,
    arch: z
      .record(arch, VariantSchema, 'expected files by client architecture, such as uefi-arm64')
      .default({})
      .describe('What machines of one client architecture boot instead, such as uefi-arm64'),
    cmdline: KernelArgumentsSchema.default(noArguments).describe(
      'Kernel arguments of every machine that boots this image',
    ),
  })
  .check(({ value, issues }) => {
    const message = payloadProblem(value, Object.keys(value.arch).length === 0)
    if (message !== undefined) issues.push({ code: 'custom', input: value, message })
  })

/** What an image boots, by architecture; `at` makes a path of what is written. */
export function resolveVariants(
  image: z.infer<typeof ImageSchema>,
  at: (written: string) => string,
): readonly Variant<string>[] {
  const common = resolvePayload(image, at)
  return [
    ...(common === undefined ? [] : [{ payload: common, cmdline: [] }]),
    ...Object.entries(image.arch).flatMap(([arch, variant]) => {
      const payload = resolvePayload(variant, at)
      return payload === undefined ? [] : [{ arch, payload, cmdline: variant.cmdline }]
    }),
  ]
}

function resolvePayload(
  { kernel, initrd, efi, iso, sanboot, initiator, chain }: Omit<z.infer<typeof VariantSchema>, 'cmdline'>,
  at: (written: string) => string,
): Payload<string> | undefined {
  if (kernel !== undefined) return { kind: 'linux', kernel: at(kernel), initrds: initrd.map(at) }
  if (efi !== undefined) return { kind: 'efi', program: at(efi) }
  if (iso !== undefined) return { kind: 'disk', file: at(iso) }
  if (chain !== undefined) return { kind: 'chain', url: chain }
  if (sanboot !== undefined)
    return { kind: 'san', target: sanboot, ...(initiator === undefined ? {} : { initiator }) }
  return undefined
}
