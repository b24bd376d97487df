import { err, ok, type Result } from '../../lib/result.ts'

/** Octets of a logical sector (ECMA-119 §6.1.2). */
export const SECTOR = 2048
/** The sector of the first volume descriptor (ECMA-119 §6.2.1). */
export const DESCRIPTOR_SECTOR = 16

/** A run of octets in an ISO image. */
export interface Extent {
  /** From the beginning of the image; octets, as `length`. */
  readonly offset: number
  readonly length: number
}

/** The root directory out of the primary volume descriptor, the first descriptor of every ISO 9660 image (§8.4). */
export function decodeVolume(sector: Uint8Array): Result<Extent, string> {
  const isPrimary = sector.length >= SECTOR && sector[0] === 1 && latin1(sector.subarray(1, 6)) === 'CD001'
  if (!isPrimary) return err('is no ISO 9660 image')
  const view = viewOf(sector)
  if (view.getUint16(128, true) !== SECTOR) return err('has blocks of another size than 2048 octets')
  return ok({ offset: view.getUint32(158, true) * SECTOR, length: view.getUint32(166, true) })
}

/** What a name of a directory stands for. */
export interface IsoEntry {
  readonly name: string
  readonly kind: 'file' | 'directory' | 'other'
  readonly extent: Extent
  /** The rest of its system use area, in which Rock Ridge may have its name or the end of it (SUSP §5.1). */
  readonly more?: { readonly extent: Extent; readonly begun: string }
}

/** The entries of a directory (ECMA-119 §9.1); records that make no sense end it. */
export function decodeDirectory(bytes: Uint8Array): readonly IsoEntry[] {
  const entries: IsoEntry[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at] ?? 0
    // No record crosses a sector; the rest of one is zero (§6.8.1.1).
    if (length === 0) {
      at = (Math.floor(at / SECTOR) + 1) * SECTOR
      continue
    }
    const record = bytes.subarray(at, at + length)
    at += length
    const entry = record.length === length ? decodeRecord(record) : undefined
    if (entry === undefined) break
    entries.push(entry)
  }
  return entries
}

const DIRECTORY = 0x02
/** Associated file, record format, several extents: nothing that a kernel is. */
const STRANGE = 0x04 | 0x08 | 0x80
const RECORD_HEAD = 33

function decodeRecord(record: Uint8Array): IsoEntry | undefined {
  const nameLength = record[32] ?? 0
  if (record.length < RECORD_HEAD + nameLength || nameLength === 0) return undefined
  const view = viewOf(record)
  const flags = record[25] ?? 0
  const isInterleaved = record[26] !== 0 || record[27] !== 0
  const raw = latin1(record.subarray(RECORD_HEAD, RECORD_HEAD + nameLength))
  const system = record.subarray(RECORD_HEAD + nameLength + (nameLength % 2 === 0 ? 1 : 0))
  const { name, isBegun, isLink, more } = decodeSystemUse(system)
  const isOther = (flags & STRANGE) !== 0 || isInterleaved || isLink
  const kind = (flags & DIRECTORY) !== 0 ? 'directory' : 'file'
  return {
    // `.` and `..` are the octets 0 and 1 (§7.6.2); a version number follows `;` (§7.5.1).
    name: name ?? (raw <= '\x01' ? raw : raw.replace(/\.?;[0-9]+$/, '').toLowerCase()),
    kind: isOther ? 'other' : kind,
    extent: { offset: view.getUint32(2, true) * SECTOR, length: view.getUint32(10, true) },
    ...(more === undefined ? {} : { more: { extent: more, begun: isBegun ? (name ?? '') : '' } }),
  }
}

interface SystemUse {
  /** Rock Ridge's, with its case and without the limits of ISO 9660. */
  readonly name?: string
  /** The name goes on with the next entry. */
  readonly isBegun: boolean
  readonly isLink: boolean
  readonly more?: Extent
}

/** Entries of a system use area: NM (name), SL (symbolic link) and CE (goes on elsewhere), as in SUSP and RRIP 1.12. */
export function decodeSystemUse(bytes: Uint8Array): SystemUse {
  let name: string | undefined
  let isLink = false
  let isBegun = false
  let more: Extent | undefined
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes[at + 2] ?? 0
    const entry = bytes.subarray(at, at + length)
    if (length < 4 || entry.length < length) break
    const signature = latin1(entry.subarray(0, 2))
    if (signature === 'NM' && length >= 5) {
      name = `${name ?? ''}${latin1(entry.subarray(5))}`
      isBegun = ((entry[4] ?? 0) & 1) !== 0
    }
    if (signature === 'SL') isLink = true
    if (signature === 'CE' && length >= 28) {
      const view = viewOf(entry)
      more = {
        offset: view.getUint32(4, true) * SECTOR + view.getUint32(12, true),
        length: view.getUint32(20, true),
      }
    }
    at += length
  }
  return { ...(name === undefined ? {} : { name }), isBegun, isLink, ...(more === undefined ? {} : { more }) }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function latin1(bytes: Uint8Array): string {
  let text = ''
  for (const octet of bytes) text += String.fromCharCode(octet)
  return text
}
