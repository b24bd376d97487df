import { err, ok, type Result } from '../lib/result.ts'

/** The link type of Ethernet frames (LINKTYPE_ETHERNET). */
export const LINKTYPE_ETHERNET = 1

export interface CapturedPacket {
  /** Microseconds since 1970, UTC; nanosecond captures are rounded down. */
  readonly timeMicros: number
  /** A view of what was captured. */
  readonly bytes: Uint8Array
  /** Octets on the wire; more than `bytes.length` when the capture cut the packet. */
  readonly originalLength: number
}

export interface Capture {
  readonly linkType: number
  readonly packets: readonly CapturedPacket[]
  /** The offset of a last record that the file breaks off in; undefined when the file is whole. */
  readonly truncatedAt: number | undefined
}

export interface PcapError {
  /** `pcapng` is the other capture format; `editcap -F pcap` converts it. */
  readonly code: 'too-short' | 'bad-magic' | 'pcapng'
  /** Offset in the file. */
  readonly at: number
}

const FILE_HEADER = 24
const RECORD_HEADER = 16
const PCAPNG_MAGIC = 0x0a0d0d0a
/** The magic number as it reads in big-endian order (draft-ietf-opsawg-pcap §4). */
const MAGIC: ReadonlyMap<number, { readonly littleEndian: boolean; readonly unitsPerMicro: number }> =
  new Map([
    [0xa1b2c3d4, { littleEndian: false, unitsPerMicro: 1 }],
    [0xd4c3b2a1, { littleEndian: true, unitsPerMicro: 1 }],
    [0xa1b23c4d, { littleEndian: false, unitsPerMicro: 1000 }],
    [0x4d3cb2a1, { littleEndian: true, unitsPerMicro: 1000 }],
  ])

/** Reads a classic pcap file of either byte order, with microseconds or nanoseconds (draft-ietf-opsawg-pcap). */
export function readPcap(bytes: Uint8Array): Result<Capture, PcapError> {
  if (bytes.length < FILE_HEADER) return err({ code: 'too-short', at: bytes.length })
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const magic = view.getUint32(0)
  const format = MAGIC.get(magic)
  if (format === undefined) return err({ code: magic === PCAPNG_MAGIC ? 'pcapng' : 'bad-magic', at: 0 })
  const u32 = (at: number): number => view.getUint32(at, format.littleEndian)
  const packets: CapturedPacket[] = []
  let at = FILE_HEADER
  while (at + RECORD_HEADER <= bytes.length) {
    const end = at + RECORD_HEADER + u32(at + 8)
    if (end > bytes.length) break
    packets.push({
      timeMicros: u32(at) * 1_000_000 + Math.floor(u32(at + 4) / format.unitsPerMicro),
      bytes: bytes.subarray(at + RECORD_HEADER, end),
      originalLength: u32(at + 12),
    })
    at = end
  }
  // The upper bits of the link type field say how long the frame check sequence is.
  const linkType = u32(20) & 0xffff
  return ok({ linkType, packets, truncatedAt: at === bytes.length ? undefined : at })
}
