/** What a machine boots; `F` is how its files are known: by path in the configuration, measured in the world. */
export type Payload<F> = LinuxPayload<F> | EfiPayload<F> | DiskPayload<F> | SanPayload | ChainPayload

export interface LinuxPayload<F> {
  readonly kind: 'linux'
  readonly kernel: F
  /** Loaded in this order. */
  readonly initrds: readonly F[]
}

/** A program for UEFI: a unified kernel image, a shell, a tester of memory. */
export interface EfiPayload<F> {
  readonly kind: 'efi'
  readonly program: F
}

/** An ISO or disk image of ours, read over HTTP as a drive. */
export interface DiskPayload<F> {
  readonly kind: 'disk'
  readonly file: F
}

/** A drive of another server. Texts may have variables. */
export interface SanPayload {
  readonly kind: 'san'
  /** The address of an image, or an iSCSI target as in RFC 4173. */
  readonly target: string
  /** The name that the machine has for an iSCSI target. */
  readonly initiator?: string
}

/** A script or a program of another server; variables may be in its address. */
export interface ChainPayload {
  readonly kind: 'chain'
  readonly url: string
}

/** What an image is for some machines. */
export interface Variant<F> {
  /** The name of a client architecture; absent: for those that no other variant is for. */
  readonly arch?: string
  readonly payload: Payload<F>
  /** Arguments after those of the whole image. */
  readonly cmdline: readonly string[]
}

/** The files of one variant, in the order in which they are loaded. */
export function payloadFiles<F>(payload: Payload<F>): readonly F[] {
  switch (payload.kind) {
    case 'linux':
      return [payload.kernel, ...payload.initrds]
    case 'efi':
      return [payload.program]
    case 'disk':
      return [payload.file]
    case 'san':
    case 'chain':
      return []
    default:
      return payload satisfies never
  }
}

/** The files of all variants. */
export function imageFiles<F>({ variants }: { readonly variants: readonly Variant<F>[] }): readonly F[] {
  return variants.flatMap(({ payload }) => payloadFiles(payload))
}

/** The same payload with its files known in another way. */
export function mapPayload<F, G>(payload: Payload<F>, to: (file: F) => G): Payload<G> {
  switch (payload.kind) {
    case 'linux':
      return { kind: 'linux', kernel: to(payload.kernel), initrds: payload.initrds.map(to) }
    case 'efi':
      return { kind: 'efi', program: to(payload.program) }
    case 'disk':
      return { kind: 'disk', file: to(payload.file) }
    case 'san':
    case 'chain':
      return payload
    default:
      return payload satisfies never
  }
}

/** An image that is the same for every machine: a kernel and its initrds. */
export function linuxVariants<F>(kernel: F, initrds: readonly F[]): readonly Variant<F>[] {
  return [{ payload: { kind: 'linux', kernel, initrds }, cmdline: [] }]
}
