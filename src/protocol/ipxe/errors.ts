import {
  type ErrorText,
  TEXT_OF_NONSENSE,
  TEXT_OF_NUMBER,
  TEXT_OF_PART,
  TEXT_OF_POSIX,
  TEXT_OF_UNKNOWN,
} from './error-texts.ts'

/** An error of iPXE in words that iPXE's own `echo` can carry: printable ASCII, no `${`, no word beginning with `#`. */
export interface IpxeErrorExplanation {
  /** Eight lower-case hex digits, or `unknown`. */
  readonly number: string
  /** The POSIX name, `EPLATFORM` for an error of the firmware, or `unknown`. */
  readonly name: string
  readonly meaning: string
  /** What to check next, a paragraph. */
  readonly advice: string
  readonly see: string
}

/**
 * POSIX names by code, bits 24 to 30 (iPXE src/include/errno.h): the names in alphabetical order, the same in
 * every version and on every platform.
 */
const POSIX_NAMES = [
  'ENOERR E2BIG EACCES EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EALREADY',
  'EBADF EBADMSG EBUSY ECANCELED ECHILD ECONNABORTED ECONNREFUSED ECONNRESET',
  'EDEADLK EDESTADDRREQ EDOM EDQUOT EEXIST EFAULT EFBIG EHOSTUNREACH',
  'EIDRM EILSEQ EINPROGRESS EINTR EINVAL EIO EISCONN EISDIR',
  'ELOOP EMFILE EMLINK EMSGSIZE EMULTIHOP ENAMETOOLONG ENETDOWN ENETRESET',
  'ENETUNREACH ENFILE ENOBUFS ENODATA ENODEV ENOENT ENOEXEC ENOLCK',
  'ENOLINK ENOMEM ENOMSG ENOPROTOOPT ENOSPC ENOSR ENOSTR ENOSYS',
  'ENOTCONN ENOTDIR ENOTEMPTY ENOTSOCK ENOTSUP ENOTTY ENXIO EOPNOTSUPP',
  'EOVERFLOW EPERM EPIPE EPROTO EPROTONOSUPPORT EPROTOTYPE ERANGE EROFS',
  'ESPIPE ESRCH ESTALE ETIME ETIMEDOUT ETXTBSY EWOULDBLOCK EXDEV',
].flatMap((line) => line.split(' '))
const EPLATFORM = 0x7f

/** The part of iPXE that failed, by bits 13 to 23 (src/include/ipxe/errfile.h and x86's bits/errfile.h). */
const PARTS: ReadonlyMap<number, string> = new Map(
  Object.entries({
    TCP: [0x0a6000, 0x0e6000],
    HTTP: [0x0c6000, 0x416000, 0x426000, 0x436000, 0x446000, 0x4a6000],
    UDP: [0x0f6000],
    DHCP: [0x026000, 0x106000, 0x156000, 0x04e000, 0x272000],
    TFTP: [0x126000],
    DNS: [0x116000, 0x0b2000],
    TLS: [0x0de000],
    certificates: [0x00e000, 0x16e000, 0x27e000, 0x2ae000, 0x2be000, 0x2ee000, 0x2fe000, 0x69e000],
    'neighbour discovery': [0x016000, 0x076000, 0x376000],
    IPv4: [0x056000],
    IPv6: [0x046000, 0x066000, 0x3b6000],
    'network interface': [0x036000, 0x086000, 0x0ee000, 0x306000],
    NFS: [0x316000, 0x326000, 0x336000, 0x346000, 0x356000, 0x366000, 0x3c6000],
    iSCSI: [0x0d6000, 0x0fe000],
    URLs: [0x092000],
    download: [0x012000, 0x182000],
    script: [0x022000, 0x028000, 0x162000],
    menus: [0x2ce000, 0x2de000, 0x17e000, 0x22e000, 0x15e000, 0x63e000],
    images: [0x05e000, 0x0ae000],
    booting: [0x03e000],
    'disk or SAN': [0x122000, 0x222000, 0x232000, 0x20e000, 0x852000],
    // PXE images and their calls are of BIOS; 2.0 moved the initrd from 8c8000 to 0f8000.
    'network boot program': [0x858000, 0x8d8000],
  }).flatMap(([part, files]) => files.map((file): readonly [number, string] => [file, part])),
)

/** What the file belongs to when `PARTS` lacks it, by bits 13 to 15. */
const CATEGORIES: ReadonlyMap<number, string> = new Map([
  [0x2000, 'core'],
  [0x4000, 'driver'],
  [0x6000, 'network'],
  [0x8000, 'image'],
])

/**
 * An iPXE error number in words. `number` is eight hex digits as in https://ipxe.org/2d0c613b and as
 * `${errno:hexraw}` expands: bits 24 to 30 the POSIX code, 13 to 23 the source file, 8 to 12 which of several
 * errors of that file, 0 to 7 the status for the platform (BIOS: PXE, UEFI: EFI), which differs between the two for
 * the same error (iPXE src/include/errno.h). Never throws: anything may have been reported.
 */
export function explainIpxeError(number: string): IpxeErrorExplanation {
  if (!/^[0-7][0-9a-f]{7}$/i.test(number))
    return { number: 'unknown', name: 'unknown', ...TEXT_OF_NONSENSE, see: 'https://ipxe.org' }
  const digits = number.toLowerCase()
  const value = Number.parseInt(digits, 16)
  const code = value >>> 24
  const name = code === EPLATFORM ? 'EPLATFORM' : (POSIX_NAMES[code] ?? 'unknown')
  return {
    number: digits,
    name,
    ...textOf(digits, name, value & 0xff_e000),
    see: `https://ipxe.org/${digits}`,
  }
}

function textOf(digits: string, name: string, file: number): ErrorText {
  const exact = TEXT_OF_NUMBER[digits] ?? TEXT_OF_NUMBER[digits.slice(0, 6)]
  if (exact !== undefined) return exact
  const part = PARTS.get(file) ?? CATEGORIES.get(file & 0xe000)
  const special = part === undefined ? undefined : TEXT_OF_PART[`${name} ${part}`]
  if (special !== undefined) return special
  const { meaning, advice } = TEXT_OF_POSIX[name] ?? TEXT_OF_UNKNOWN
  return { meaning: part === undefined || file === 0 ? meaning : `${meaning} (${part})`, advice }
}
