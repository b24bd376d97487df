import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as texts from './error-texts.ts'
import { explainIpxeError } from './errors.ts'
import { textProblem } from './words.ts'

/**
 * Numbers as `show errno:hexraw` printed them on the iPXE shell of a machine in QEMU, in a network namespace with a
 * server on 10.78.0.1/24: [how, name, meaning, numbers]. Seen on Debian 12's ROM for BIOS and its ROM for UEFI (both
 * 1.0.0+git-20190125), and on sid's undionly.kpxe and snponly.efi (both 2.0.0), chained from those. The last two
 * digits are the platform's: up to 7f or a0 for BIOS, 80 and more for UEFI. 1.0 and 2.0 agree where nothing is said.
 */
const SEEN: readonly (readonly [string, string, string, readonly string[]])[] = [
  [
    'imgfetch of a file that the HTTP server answers with 404',
    'ENOENT',
    'Not found (HTTP 404)',
    ['2d0c613b', '2d0c618e'],
  ],
  [
    '401 with WWW-Authenticate: Basic',
    'EACCES',
    'The server wants a password (HTTP 401)',
    ['0243613c', '0243618f'],
  ],
  ['403', 'EPERM', 'The server refuses this file (HTTP 403)', ['410c613c', '410c618f']],
  ['410', 'EIO', 'The server refuses the request (HTTP 4xx)', ['1d0c6439', '1d0c6498']],
  ['500 and 503', 'EIO', 'The server failed (HTTP 5xx)', ['1d0c6539', '1d0c6598']],
  [
    'Content-Length 5000, closed after 100 octets',
    'EIO',
    'The file ended too early (HTTP)',
    ['1d0c6239', '1d0c6298'],
  ],
  [
    'Content-Length 1900000000 on a machine of 256 MiB',
    'ENOSPC',
    'Too large for this machine',
    ['34182006', '3418208b'],
  ],
  [
    'a closed port (the server sends RST), and RST in the middle of a file',
    'ECONNRESET',
    'Connection refused or broken off (TCP)',
    ['0f0a6039', '0f0a6095'],
  ],
  [
    'HTTP from an address of the subnet that nobody has (ARP unanswered); from a routed one, whose packets the ' +
      'router drops; from a routed one when nobody has the address of the router: all after 16 to 18 s',
    'ETIMEDOUT',
    'No answer (TCP)',
    ['4c0a6035', '4c0a6092'],
  ],
  [
    'an address outside the subnet, no router',
    'ENETUNREACH',
    'No route to the server (TCP)',
    ['280a6011', '280a6090'],
  ],
  [
    'chain of 760 kB of text, of an empty file; of an arm64 .efi (2.0 for UEFI: 7f048183)',
    'ENOEXEC',
    'Not an executable image',
    ['2e008001', '2e008081'],
  ],
  [
    'a script with a command that is none',
    'ENOEXEC',
    'The script has a command that this iPXE does not have',
    ['2e022001', '2e022081'],
  ],
  [
    'a script with goto nowhere',
    'ENOENT',
    'The script jumps to a label that it does not have',
    ['2d02803b', '2d02808e'],
  ],
  [
    'TFTP error 1: 1.0, then 2.0',
    'ENOENT',
    'Not found (TFTP)',
    ['2d12603b', '2d12608e', '2d12613b', '2d12618e'],
  ],
  [
    'TFTP error 2',
    'EACCES',
    'The server refuses this file (TFTP access violation)',
    ['0212603c', '0212608f'],
  ],
  ['TFTP errors 0 and 3', 'ENOTSUP', 'The server reports an error (TFTP)', ['3c126003', '3c126083']],
  ['TFTP error 4', 'ENOTTY', 'The server does not understand the request (TFTP)', ['3d126001', '3d126083']],
  ['TFTP from a silent server, and from nobody', 'ETIMEDOUT', 'No answer (TFTP)', ['4c126035', '4c126092']],
  ['a name, no DNS server known', 'ENXIO', 'No DNS server is known', ['3e11623b', '3e11628e']],
  ['a name, NXDOMAIN', 'ENXIO', 'The name does not exist (DNS)', ['3e11613b', '3e11618e']],
  ['a name, silent DNS server', 'ETIMEDOUT', 'No answer from the DNS server', ['4c116035', '4c116092']],
  [
    'https: on 1.0, gopher: on both',
    'ENOTSUP',
    'This iPXE does not know this kind of URL',
    ['3c092003', '3c092083'],
  ],
  [
    'https: to a plain HTTP server, on 2.0',
    'EPIPE',
    'The server closed the connection (HTTP)',
    ['420c6001', '420c6095'],
  ],
  ['Ctrl-C in the middle of a file', 'ECANCELED', 'Somebody pressed Ctrl-C', ['0b0720a0', '0b072095']],
  [
    'imgfetch --nosuch',
    'EINVAL',
    'A command has an option that this iPXE does not know',
    ['1c162202', '1c162282'],
  ],
  ['ifconf -c dhcp net0, no DHCP server', 'ETIMEDOUT', 'No DHCP answer', ['4c106035', '4c106092']],
  [
    'ifstat, after ARP requests without an answer',
    'ETIMEDOUT',
    'Nobody has that address on this network',
    ['4c376035', '4c376092'],
  ],
  [
    'chain of an arm64 .efi on 2.0 for UEFI x64',
    'EPLATFORM',
    'The firmware cannot run this image (unsupported)',
    ['7f048183'],
  ],
  ['https: to a self-signed server, on 2.0', 'EACCES', 'The certificate is not accepted', ['0216eb8f']],
  [
    'https: to a server of TLS 1.3 alone, on 2.0',
    'EPERM',
    'The server broke the TLS handshake off',
    ['410de18f'],
  ],
  [
    'imgfetch --timeout 1000 from nobody, on 2.0',
    'ETIMEDOUT',
    'The time that the script allows for it is over',
    ['4c072092'],
  ],
  ['imgfree nosuch', 'ENOENT', 'No image of that name is loaded', ['2d0ae08e']],
  ['ifconf of an e1000 without a cable', 'ENOTCONN', 'The link is down', ['38086101']],
  ['sanboot of a disk that does not exist', 'EIO', 'No such disk, or it cannot be read', ['1d852039']],
  ['the same, on 1.0 for UEFI', 'ENODEV', 'No such disk, or it cannot be read', ['2c222087']],
  ['the same, on 2.0 for UEFI', 'ENOENT', 'No such disk, or it cannot be read', ['2d22208e']],
]

describe('numbers that were seen', () => {
  for (const [how, name, meaning, numbers] of SEEN)
    test(how, () => {
      for (const number of numbers) {
        const explained = explainIpxeError(number)
        assert.deepEqual(
          { ...explained, advice: explained.advice.length > 0 },
          { number, name, meaning, advice: true, see: `https://ipxe.org/${number}` },
        )
      }
    })
})

/** From the source, not provoked here: what they need is named. Those of Secure Boot: test/e2e/signed-ipxe.test.ts. */
const READ: readonly (readonly [string, string, string, string])[] = [
  [
    'LoadImage: EFI_SECURITY_VIOLATION (Secure Boot)',
    '7f04819a',
    'EPLATFORM',
    'The firmware refuses the image (security violation)',
  ],
  [
    'LoadImage: EFI_ACCESS_DENIED (Secure Boot)',
    '7f04818f',
    'EPLATFORM',
    'The firmware refuses the image (access denied)',
  ],
  [
    'LoadImage: a status without a text of its own',
    '7f048195',
    'EPLATFORM',
    'The firmware cannot load this image',
  ],
  ['StartImage: EFI_NOT_FOUND', '7f04828e', 'EPLATFORM', 'The program ran and ended with an error'],
  ['DHCP without a file name', '2d03e13b', 'ENOENT', 'Nothing to boot'],
  ['an expired certificate', '0216e43c', 'EACCES', 'The certificate has expired, or is not valid yet'],
  ['another complaint about a certificate', '0216e33c', 'EACCES', 'The certificate is not accepted'],
  ['a file of the drivers', '2c044001', 'ENODEV', 'No such device (driver)'],
  ['a file that no table here has', '0a362006', 'EBUSY', 'Busy (core)'],
  ['a POSIX code alone', '31000006', 'ENOMEM', 'Out of memory'],
  ['no error', '00000000', 'ENOERR', 'No error'],
  ['the last POSIX code', '4f000001', 'EXDEV', 'The server sent a redirection that leads nowhere'],
  ['a code after the last', '50000001', 'unknown', 'An error that this server does not know'],
]

describe('numbers from the source', () => {
  for (const [how, number, name, meaning] of READ)
    test(how, () => {
      const explained = explainIpxeError(number)
      assert.deepEqual([explained.name, explained.meaning], [name, meaning])
    })
})

test('POSIX names are in alphabetical order after ENOERR, as in the source of iPXE', () => {
  const names = Array.from({ length: 0x4f }, (_, i) => explainIpxeError(hex((i + 1) * 2 ** 24)).name)
  assert.deepEqual(names, [...new Set(names)].sort())
  assert.ok(names.every((name) => Object.hasOwn(texts.TEXT_OF_POSIX, name)))
})

test('upper case is the same number', () => {
  assert.deepEqual(explainIpxeError('2D0C613B'), explainIpxeError('2d0c613b'))
})

test('a robot that knows the words constructor and __proto__ gets no more than anybody', () => {
  for (const nonsense of [
    '',
    '2d0c613',
    '2d0c613b0',
    'f0000000',
    '0x2d0c61',
    '${errno}',
    '2d0c613b\n',
    'constructor',
    '__proto__',
  ])
    assert.deepEqual(explainIpxeError(nonsense), {
      number: 'unknown',
      name: 'unknown',
      ...texts.TEXT_OF_NONSENSE,
      see: 'https://ipxe.org',
    })
})

test('every text can be echoed by iPXE', () => {
  const all = [
    ...[texts.TEXT_OF_NUMBER, texts.TEXT_OF_PART, texts.TEXT_OF_POSIX].flatMap((table) =>
      Object.values(table),
    ),
    texts.TEXT_OF_NONSENSE,
    texts.TEXT_OF_UNKNOWN,
  ]
  assert.ok(all.length > 140, `${all.length} texts`)
  for (const line of all.flatMap(({ meaning, advice }) => [meaning, advice])) {
    assert.equal(textProblem(line), undefined, line)
    // echo takes a first word with a hyphen for its option; GRUB's quotes are single.
    assert.doesNotMatch(line, /^-|'/)
  }
})

test('every text is reached by a number', () => {
  const reached = new Set<string>()
  for (let code = 0; code <= 0x7f; code += 1)
    for (let file = 0; file <= 0x7ff; file += 1) {
      const { name, meaning } = explainIpxeError(hex(code * 2 ** 24 + file * 2 ** 13))
      reached.add(`${name}: ${meaning}`)
    }
  const missed = [
    ...Object.entries(texts.TEXT_OF_PART).map(([key, { meaning }]) => `${key.split(' ')[0]}: ${meaning}`),
    ...Object.entries(texts.TEXT_OF_POSIX).map(([name, { meaning }]) => `${name}: ${meaning}`),
  ].filter((key) => !reached.has(key))
  assert.deepEqual(missed, [])
  for (const [key, { meaning }] of Object.entries(texts.TEXT_OF_NUMBER))
    assert.equal(explainIpxeError(key.padEnd(8, '0')).meaning, meaning, key)
})

function hex(value: number): string {
  return value.toString(16).padStart(8, '0')
}
