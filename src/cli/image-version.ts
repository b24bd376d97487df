import { filesOf } from '../files/image-catalogue.ts'
import { formatBytes, formatTable } from '../lib/text.ts'
import type { StoredVersion } from '../model/image-store.ts'

/** A version as JSON, each file with the path of its immutable address. */
export function versionJson(name: string, { kernel, initrds, ...rest }: StoredVersion): object {
  const address = ({ name: file, sha256 }: StoredVersion['kernel']): string =>
    `/images/${name}/${sha256}/${file}`
  const [first, ...others] = [kernel, ...initrds].map((file) => ({ ...file, address: address(file) }))
  return { ...rest, kernel: first, initrds: others }
}

/** A line for each file, kernel first: name, size, and the path of its immutable address. */
export function fileTable(name: string, version: StoredVersion): string {
  return formatTable(
    filesOf(version).map(({ name: file, size, sha256 }) => [
      file,
      formatBytes(size),
      `/images/${name}/${sha256}/${file}`,
    ]),
  )
}
