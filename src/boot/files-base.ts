import type { Config, FilesBase } from '../model/config.ts'
import type { Step } from '../model/rules.ts'
import type { Ingress } from './decision.ts'

/** Where a network has its image files besides us, for one client, and the step that says so. */
export interface FilesSource {
  /** Absent: from us. */
  readonly files?: FilesBase
  readonly steps: readonly Step[]
}

/**
 * Which server the files of an image come from. A client that came over TLS is never sent to a place without it. No step
 * where nothing is configured.
 */
export function filesSource({ network: name, secure }: Ingress, { networks }: Config): FilesSource {
  const network = networks.find((one) => one.name === name)
  if (network?.files === undefined) return { steps: [] }
  const { files, origin } = network
  const isRefused = secure === true && !files.url.startsWith('https:')
  const way = files.by === 'redirect' ? 'where we send iPXE on' : 'by the script'
  const outcome = isRefused
    ? `ours: the client came over TLS, and ${files.url} has none`
    : `${files.url} (network ${network.name}), ${way}; ours where it fails`
  const cite = `${origin.file}:${origin.line}`
  return {
    ...(isRefused ? {} : { files }),
    steps: [{ rule: 'files.base', outcome, from: 'config', cite }],
  }
}

/**
 * Whether a request is iPXE's, which alone follows redirects: its User-Agent is `iPXE/` and a version (iPXE
 * src/net/tcp/httpcore.c); EDK2 says `UefiHttpBoot/1.0`, GRUB `GRUB 2.06`. Who says so wrongly gets a redirect.
 */
export function followsRedirects(userAgent: string | undefined): boolean {
  return userAgent?.startsWith('iPXE/') === true
}

/** The immutable address of a file below a base: ours and every other's are the same. */
export function fileUrl(
  base: string,
  { image, sha256, name }: { readonly image: string; readonly sha256: string; readonly name: string },
): string {
  return `${base}/images/${image}/${sha256}/${name}`
}
