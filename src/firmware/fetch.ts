import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FetchedFile } from './manifest.ts'

/** Packages of a distribution, unpacked: a file `/usr/lib/x` lies at `usr/lib/x` below the folder. */
export interface Unpacked {
  readonly folder: string
  /** The version of each, by package name. */
  readonly versions: ReadonlyMap<string, string>
}

/** A file of a package, and the name under which it is published. */
export interface WantedFile {
  readonly package: string
  readonly path: string
  readonly file: string
}

/** iPXE's loaders as Debian and Ubuntu install them. */
export function ipxeFiles(names: readonly string[]): readonly WantedFile[] {
  return names.map((file) => ({ package: 'ipxe', path: `usr/lib/ipxe/${file}`, file }))
}

/** shim, signed by Microsoft, and the network GRUB that it loads, signed by the distribution (Debian's names). */
export function signedFiles(architecture: string): readonly WantedFile[] | undefined {
  const names = { amd64: ['x64', 'x86_64'], arm64: ['aa64', 'arm64'] }[architecture]
  if (names === undefined) return undefined
  const [suffix, target] = names
  return [
    { package: 'shim-signed', path: `usr/lib/shim/shim${suffix}.efi.signed`, file: `shim${suffix}.efi` },
    {
      package: `grub-efi-${architecture}-signed`,
      path: `usr/lib/grub/${target}-efi-signed/grubnet${suffix}.efi.signed`,
      file: `grub${suffix}.efi`,
    },
  ]
}

/** Those of the wanted files that the packages have. */
export async function takeFiles(
  { folder, versions }: Unpacked,
  wanted: readonly WantedFile[],
  suite: string,
): Promise<readonly FetchedFile[]> {
  const taken: FetchedFile[] = []
  for (const { package: name, path, file } of wanted) {
    const version = versions.get(name)
    const data = version === undefined ? undefined : await readFile(join(folder, path)).catch(() => undefined)
    if (version !== undefined && data !== undefined) taken.push({ file, data, package: name, version, suite })
  }
  return taken
}
