/**
 * Writes `newc` cpio archives, the form in which the Linux kernel takes an initial root file system
 * (Linux, Documentation/driver-api/early-userspace/buffer-format.rst). Deterministic: entries are sorted,
 * times and owners are zero, inode numbers count from one, so equal content gives equal bytes.
 */
export type CpioEntry =
  | { readonly kind: 'directory'; readonly path: string; readonly mode: number }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly data: Uint8Array }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }
  | {
      readonly kind: 'character-device'
      readonly path: string
      readonly mode: number
      readonly major: number
      readonly minor: number
    }

const MAGIC = '070701'
const HEADER_SIZE = 110
const TRAILER = 'TRAILER!!!'
/** The kernel reads whole sectors from some boot loaders; archives end on this boundary. */
const BLOCK = 512

const S_IFDIR = 0o040000
const S_IFREG = 0o100000
const S_IFLNK = 0o120000
const S_IFCHR = 0o020000

/**
 * The archive of these entries, parents before children.
 * Throws for a path that is absolute, doubled, or whose parent is not among the entries.
 */
export function encodeCpio(entries: readonly CpioEntry[]): Uint8Array {
  const sorted = [...entries].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
  checkPaths(sorted)
  const records = sorted.map((entry, i) => encodeEntry(entry, i + 1))
  records.push(encodeRecord({ inode: 0, mode: 0, links: 1 }, TRAILER, new Uint8Array(0)))
  return join(records)
}

interface Inode {
  readonly inode: number
  readonly mode: number
  readonly links: number
  readonly device?: { readonly major: number; readonly minor: number }
}

function encodeEntry(entry: CpioEntry, inode: number): Uint8Array {
  const links = entry.kind === 'directory' ? 2 : 1
  const fields: Inode = { inode, mode: modeOf(entry), links }
  if (entry.kind !== 'character-device') return encodeRecord(fields, entry.path, dataOf(entry))
  const device = { major: entry.major, minor: entry.minor }
  return encodeRecord({ ...fields, device }, entry.path, new Uint8Array(0))
}

/** Header and name together, and the data, are each padded to four bytes. */
function encodeRecord(inode: Inode, path: string, data: Uint8Array): Uint8Array {
  // The name ends with a NUL, which its size counts.
  const name = new TextEncoder().encode(`${path}\0`)
  const dataAt = roundUp(HEADER_SIZE + name.length, 4)
  const out = new Uint8Array(dataAt + roundUp(data.length, 4))
  out.set(encodeHeader(inode, name.length, data.length))
  out.set(name, HEADER_SIZE)
  out.set(data, dataAt)
  return out
}

function modeOf(entry: CpioEntry): number {
  switch (entry.kind) {
    case 'directory':
      return S_IFDIR | entry.mode
    case 'file':
      return S_IFREG | entry.mode
    case 'symlink':
      return S_IFLNK | 0o777
    case 'character-device':
      return S_IFCHR | entry.mode
  }
}

function dataOf(entry: CpioEntry): Uint8Array {
  if (entry.kind === 'file') return entry.data
  if (entry.kind === 'symlink') return new TextEncoder().encode(entry.target)
  return new Uint8Array(0)
}

/** 6 bytes of magic and 13 fields of 8 hex digits. */
function encodeHeader({ inode, mode, links, device }: Inode, nameSize: number, size: number): Uint8Array {
  const fields = [
    ...[inode, mode],
    ...[0, 0], // uid, gid
    links,
    0, // mtime
    size,
    ...[0, 0], // the device the file is on
    ...[device?.major ?? 0, device?.minor ?? 0],
    nameSize,
    0, // checksum, of the "070702" form only
  ]
  return new TextEncoder().encode(MAGIC + fields.map((v) => v.toString(16).padStart(8, '0')).join(''))
}

/** The records one after the other, padded to a block. */
function join(records: readonly Uint8Array[]): Uint8Array {
  const length = records.reduce((sum, record) => sum + record.length, 0)
  const out = new Uint8Array(roundUp(length, BLOCK))
  let at = 0
  for (const record of records) {
    out.set(record, at)
    at += record.length
  }
  return out
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step
}

function checkPaths(sorted: readonly CpioEntry[]): void {
  const directories = new Set(sorted.filter((entry) => entry.kind === 'directory').map((entry) => entry.path))
  sorted.forEach((entry, i) => {
    const { path } = entry
    if (path === '' || path.startsWith('/') || path.endsWith('/'))
      throw new Error(`cpio: "${path}" is not a relative path`)
    if (sorted[i - 1]?.path === path) throw new Error(`cpio: "${path}" appears twice`)
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')))
    if (parent !== '' && !directories.has(parent)) throw new Error(`cpio: "${path}" has no parent directory`)
  })
}
