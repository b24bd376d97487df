/** Of `stat` with `bigint: true`. */
interface Stats {
  readonly dev: bigint
  readonly ino: bigint
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

/** Changes whenever a file is replaced or written to, but for writes within one tick of the kernel's clock (4 ms). */
export function fileIdentity({ dev, ino, size, mtimeNs, ctimeNs }: Stats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':')
}
