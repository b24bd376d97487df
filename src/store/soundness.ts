import { existsSync, readFileSync, statSync } from 'node:fs'
import { corruptStore } from './store-error.ts'

/**
 * Throws `corrupt` for damage that SQLite passes over in silence, because the leases it hides would be given to others: a
 * database cut to nothing is an empty one to SQLite, and a write-ahead log ends at its first frame that is not sound.
 * (What cannot be told from a power failure stays unnoticed: a log that is gone, or cut at its end.)
 */
export function refuseHiddenDamage(file: string): void {
  const log = `${file}-wal`
  const size = existsSync(file) ? statSync(file).size : undefined
  if (size === 0) throw corruptStore(file, 'it is empty: 0 octets')
  if (!existsSync(log)) return
  if (size === undefined && statSync(log).size > 0)
    throw corruptStore(file, 'it is missing, and its write-ahead log is there')
  const damage = damageOfLog(readFileSync(log))
  if (damage !== undefined) throw corruptStore(file, `its write-ahead log ${log} ${damage}`)
}

// https://sqlite.org/fileformat2.html#walformat
const HEADER = 32
const FRAME_HEADER = 24
/**
 * Every commit is synced before the next is written, so a power failure leaves one commit at most behind a frame that it
 * damaged, and the next server writes on over it: of a few failures a few may be left.
 */
const COMMITS_OF_CRASHES = 3
const MAGIC_LITTLE_ENDIAN = 0x377f0682
const MAGIC_BIG_ENDIAN = 0x377f0683

/** What is wrong with a write-ahead log; undefined for one that a crash or a power failure can leave. */
function damageOfLog(log: Uint8Array): string | undefined {
  // Zeros are what a file system leaves of a header that was not yet synced: no commit was either.
  if (log.length < HEADER || log.subarray(0, HEADER).every((octet) => octet === 0)) return undefined
  const view = new DataView(log.buffer, log.byteOffset, log.length)
  const magic = view.getUint32(0)
  if (magic !== MAGIC_LITTLE_ENDIAN && magic !== MAGIC_BIG_ENDIAN) return 'is not one'
  const littleEndian = magic === MAGIC_LITTLE_ENDIAN
  let sum = checksum(view, { from: 0, to: 24, littleEndian }, [0, 0])
  if (sum[0] !== view.getUint32(24) || sum[1] !== view.getUint32(28)) return 'has a damaged header'
  const frame = FRAME_HEADER + view.getUint32(8)
  let isSound = true
  let commitsBehind = 0
  for (let at = HEADER; at + frame <= log.length; at += frame) {
    // Another salt: a frame of the log's earlier life.
    if (view.getUint32(at + 8) !== view.getUint32(16) || view.getUint32(at + 12) !== view.getUint32(20)) {
      isSound = false
      continue
    }
    if (isSound) {
      sum = checksum(view, { from: at, to: at + 8, littleEndian }, sum)
      sum = checksum(view, { from: at + FRAME_HEADER, to: at + frame, littleEndian }, sum)
      isSound = sum[0] === view.getUint32(at + 16) && sum[1] === view.getUint32(at + 20)
    }
    if (!isSound && view.getUint32(at + 4) !== 0) commitsBehind += 1
  }
  return commitsBehind > COMMITS_OF_CRASHES
    ? `is damaged: ${commitsBehind} commits lie behind a frame that is not sound`
    : undefined
}

type Sum = readonly [number, number]

function checksum(
  view: DataView,
  { from, to, littleEndian }: { readonly from: number; readonly to: number; readonly littleEndian: boolean },
  [first, second]: Sum,
): Sum {
  let [a, b] = [first, second]
  for (let at = from; at < to; at += 8) {
    a = (a + view.getUint32(at, littleEndian) + b) >>> 0
    b = (b + view.getUint32(at + 4, littleEndian) + a) >>> 0
  }
  return [a, b]
}
