/** The files of the interop matrix: sizes at which transfers go wrong. The bytes are the same in every run. */
import { createHash } from 'node:crypto'
import type { InteropFile } from './matrix.ts'

/**
 * Octets. Around one block of 512; whole blocks of 512, 1428 (what an Ethernet frame takes) and 1468 (what EDK2 asks), whose last
 * packet is empty (RFC 1350 §6); a whole window of four; one MiB and one octet more.
 */
export const AWKWARD: readonly number[] = [
  ...[0, 1, 511, 512, 513, 1428 * 3, 1468 * 4, 65_537],
  ...[1_048_576, 1_048_577],
]

/** More than 65535 blocks of 512 octets: the block number wraps. */
export const WRAPPING = 65_536 * 512 + 777

/** For the lossy relay: a hundred-odd blocks of 512. */
export const LOSSY_SIZE = 70_001

export function interopFile(size: number): InteropFile {
  return { name: `size-${size}.bin`, bytes: contentOf(size) }
}

const contents = new Map<number, Buffer>()

/** A hash in counter mode: no two blocks are alike, so that a repeated or exchanged one is seen. */
function contentOf(size: number): Buffer {
  const known = contents.get(size)
  if (known !== undefined) return known
  const bytes = Buffer.alloc(size)
  const chunk = createHash('shake256', { outputLength: 65_521 }).update(`interop ${size}`).digest()
  for (let at = 0, n = 0; at < size; at += chunk.length, n += 1) {
    chunk.copy(bytes, at)
    if (at + 4 <= size) bytes.writeUInt32BE(n, at)
  }
  contents.set(size, bytes)
  return bytes
}
