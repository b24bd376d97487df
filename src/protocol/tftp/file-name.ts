import { err, ok, type Result } from '../../lib/result.ts'
import { TFTP_ERROR } from './packet.ts'

/** Why a name is not even looked up; `code` and `message` are fit for an ERROR packet. */
export interface NameRefusal {
  readonly code: number
  readonly message: string
}

const ACCESS_VIOLATION: NameRefusal = { code: TFTP_ERROR.accessViolation, message: 'Access violation' }

/** A Raspberry Pi looks below its serial number first, or below its MAC address when it was told so. */
const OWN_FOLDER = /^(?:[0-9a-f]{8}|[0-9a-f]{2}(?:-[0-9a-f]{2}){5})\//i

/**
 * The names under which a requested file may be published, best first. They are only ever compared with the keys of
 * a table of published names, never opened: nothing here makes a path safe. Published names are ASCII, relative,
 * with `/` between their parts.
 *
 * A name with a `..` part (or one of more dots), a control character or a NUL, plainly or percent-encoded, is
 * refused with code 2; a name of which nothing is left, with code 1.
 */
export function candidateNames(bytes: Uint8Array): Result<readonly string[], NameRefusal> {
  const exact = latin1(bytes)
  if (bytes.includes(0)) return err(ACCESS_VIOLATION)
  // quirk: old ROMs append what follows option 67 (`undionly.kpxe\xff`), netbootxyz/netboot.xyz#1198.
  const cut = latin1(withoutTail(bytes))
  const plain = normalise(cut)
  if (plain === '') return err({ code: TFTP_ERROR.fileNotFound, message: 'File not found' })
  // iPXE decodes before it sends and U-Boot does not, so the literal names come first.
  const decoded = percentDecode(cut)
  const names = [cut, plain]
  if (decoded !== undefined) names.push(normalise(decoded))
  const ownFolder = OWN_FOLDER.exec(plain)
  if (ownFolder !== null) names.push(plain.slice(ownFolder[0].length))
  if (names.some(isUnsafe)) return err(ACCESS_VIOLATION)
  if (exact !== cut && !isUnsafe(exact)) names.unshift(exact, normalise(exact))
  return ok([...new Set(names)].filter((name) => name !== ''))
}

/** Up to the first 0xFF (option 255 ends a DHCP option list), less a tail of control characters and octets >= 0x80. */
function withoutTail(bytes: Uint8Array): Uint8Array {
  const end255 = bytes.indexOf(0xff)
  let end = end255 < 0 ? bytes.length : end255
  while (end > 0 && !isPlain(bytes[end - 1] ?? 0)) end -= 1
  return bytes.subarray(0, end)
}

function isPlain(octet: number): boolean {
  return octet >= 0x20 && octet < 0x7f
}

/** Backslashes (Windows, WDS), a `tftp://host/` in front, empty and `.` parts. */
function normalise(name: string): string {
  const path = name.replaceAll('\\', '/').replace(/^tftp:\/\/[^/]*(?:\/|$)/i, '')
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
}

function isUnsafe(name: string): boolean {
  if (Array.from(name, (character) => character.charCodeAt(0)).some((unit) => unit < 0x20 || unit === 0x7f))
    return true
  // Some servers collapsed `....//` and `...` into `..` (CVE-2006-1951, CVE-2006-1952): no part of dots alone.
  return name.split(/[/\\]/).some((part) => /^\.\.+$/.test(part))
}

/** undefined when nothing is encoded or the encoding is broken. */
function percentDecode(name: string): string | undefined {
  if (!name.includes('%') || /%(?![0-9a-f]{2})/i.test(name)) return undefined
  return name.replace(/%([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  )
}

function latin1(bytes: Uint8Array): string {
  let text = ''
  for (const octet of bytes) text += String.fromCharCode(octet)
  return text
}
