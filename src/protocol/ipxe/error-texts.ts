/** What an error means and what to do, for somebody who stands before the machine. */
export interface ErrorText {
  readonly meaning: string
  readonly advice: string
}

const LOOK_UP = ['Look that address up: it names the line of iPXE that failed.']

const text = (meaning: string, ...advice: readonly string[]): ErrorText => ({
  meaning,
  advice: (advice.length === 0 ? LOOK_UP : advice).join(' '),
})

const NO_ANSWER = [
  'Is the server on, and is the address in the URL the right one?',
  'Else a firewall drops the packets, or the machine is in another VLAN.',
  'An address outside the subnet needs a router: does DHCP give the right one?',
]
const REFUSED = [
  'Connecting: the server is on, but nothing listens on that port. Is centra-pxe running there, is the port in the URL right, does a firewall reject it?',
  'In the middle of a file: the server or a proxy in between broke it off.',
]
const MISSING = [
  'The server does not have that file. Check its name and the profile that names it: it was removed, replaced by a newer version, or never there.',
]
const NOT_EXECUTABLE = [
  'The file is no program for this firmware, or for another processor architecture.',
  'BIOS takes a Linux bzImage, UEFI takes .efi files of its own architecture.',
  'An error page that was saved in the place of a kernel shows up here, too.',
]
const TOO_LARGE = [
  'The images do not fit into this machine: iPXE holds all of them at once.',
  'Use a smaller initrd, or put more memory in.',
  'A BIOS machine has less than 4 GiB for it, however much is installed.',
]
const NO_DHCP = [
  'Is there a DHCP server on this network, and does it serve this interface?',
  'Is the cable in the right port, and the port in the right VLAN?',
  'A switch port with spanning tree needs port fast, or blocks for half a minute.',
]
const NO_DNS = [
  'Names need a DNS server that this network reaches: DHCP option 6.',
  'Use the address of the server in the place of its name to do without.',
]
const NO_LINK = ['Check cable, switch port and transceiver; then that iPXE uses the right interface.']
const NO_ROUTE = [
  'The address is not in the subnet of this machine, and it has no router to it.',
  'Did DHCP succeed? Does it give the right netmask and router (option 3)?',
]
const SIGN_IN = [
  'The server wants a user name and a password, and the URL has none.',
  'Is it the right server? A proxy or a web interface may answer in its place.',
]
const SECURE_BOOT = [
  'Secure Boot: the firmware does not trust the signature of this image, or it has none.',
  'Boot a signed chain (shim and a signed loader), enrol the key that signed it, or switch Secure Boot off in the firmware.',
  'A kernel that a distribution signed needs the shim of that distribution on the server: centra-pxe firmware fetch --signed.',
]
const CERTIFICATE = [
  'iPXE does not trust the certificate of the server. It must be signed by an authority that this iPXE was built with, and the clock of the machine must be right.',
  'Over plain HTTP no certificate is needed.',
]
const TLS = [
  'Machine and server find no TLS version and cipher that both have.',
  'iPXE speaks TLS up to 1.2, and its version 1.0 exchanges keys by RSA only.',
  'Plain HTTP does without.',
]
const SCRIPT = ['The script has an error, or was written for another version of iPXE.']
const NOT_BUILT_IN = [
  'This iPXE was built without it: the first screen of iPXE lists its features.',
  'Chain a newer or fuller iPXE, or use HTTP or TFTP.',
]

/**
 * By the beginning of the number: six digits are POSIX code, file and disambiguator; eight have the platform's
 * status, too. From `__einfo_uniqify` in iPXE 1.0.0+git-20190125 and 2.0; where only one has a number, it says so.
 */
export const TEXT_OF_NUMBER: Readonly<Record<string, ErrorText>> = {
  '2d0c61': text('Not found (HTTP 404)', ...MISSING),
  '020c61': text('The server wants a password (HTTP 401)', ...SIGN_IN),
  '024361': text('The server wants a password (HTTP 401)', ...SIGN_IN),
  '024461': text('The server wants a password (HTTP 401)', ...SIGN_IN),
  '410c61': text(
    'The server refuses this file (HTTP 403)',
    'The server has a rule against it: check its access rules and the rights of the file.',
  ),
  '1d0c61': text('The server gave an answer that iPXE does not know (HTTP)'),
  '1d0c62': text(
    'The file ended too early (HTTP)',
    'The server or a proxy broke the transfer off: check the log of the server and its disk.',
  ),
  '1d0c64': text(
    'The server refuses the request (HTTP 4xx)',
    'Its log says why: 429 is too many requests at once, 410 a file that is gone.',
  ),
  '1d0c65': text(
    'The server failed (HTTP 5xx)',
    'The log of the server says why. 502 and 504 come from a proxy before it; 503 says that it is busy or not ready: try again.',
  ),
  '1c0c61': text(
    'The answer is not HTTP',
    'Something else listens on that port: is the port in the URL right? An HTTPS port does not understand plain HTTP.',
  ),
  // 2.0; in 1.0 it is 2d1260.
  '2d1261': text('Not found (TFTP)', ...MISSING),
  '3e1161': text(
    'The name does not exist (DNS)',
    'The DNS server does not know the name of the server: check the spelling, and the domain.',
    ...NO_DNS.slice(1),
  ),
  '3e1162': text('No DNS server is known', ...NO_DNS),
  '040ee1': text('No address for this machine (no configuration method succeeded)', ...NO_DHCP),
  '380861': text('The link is down', ...NO_LINK),
  '1a0861': text('The link is not up yet', ...NO_LINK),
  '1a0863': text('The address is not configured yet', ...NO_DHCP),
  '2d03e1': text(
    'Nothing to boot',
    'The DHCP answer has neither a file name nor a root path: no boot server answered.',
    'centra-pxe explain tells what this machine would get, and why.',
  ),
  '020081': text(
    'The image is not trusted',
    'This iPXE wants a valid signature for every image (imgtrust): verify it with imgverify first.',
  ),
  '460381': text('The memory that the image wants is taken', ...TOO_LARGE),
  '7f04819a': text('The firmware refuses the image (security violation)', ...SECURE_BOOT),
  '7f04818f': text('The firmware refuses the image (access denied)', ...SECURE_BOOT),
  '7f048183': text('The firmware cannot run this image (unsupported)', ...NOT_EXECUTABLE),
  '7f048181': text('The firmware cannot load this image (load error)', ...NOT_EXECUTABLE),
  '7f048189': text('The firmware has no memory for this image', ...TOO_LARGE),
  '7f0481': text('The firmware cannot load this image', ...NOT_EXECUTABLE),
  '7f0482': text(
    'The program ran and ended with an error',
    'What it printed before says why: a loader that finds no configuration or no kernel, a kernel that cannot start. Secure Boot refusals of a second stage end here, too.',
  ),
  '7f8d81': text(
    'The network boot program ended with an error',
    'What it printed before says why: a loader that does not find its files.',
  ),
  '2e0220': text(
    'The script has a command that this iPXE does not have',
    'A spelling error, or a command that this build leaves out (poweroff, for instance).',
  ),
  '2d0280': text('The script jumps to a label that it does not have', ...SCRIPT),
  '1c1622': text('A command has an option that this iPXE does not know', ...SCRIPT),
  '0b0720': text('Somebody pressed Ctrl-C', 'Start again, or go on from the menu.'),
  '4c0720': text('The time that the script allows for it is over', ...NO_ANSWER),
  '341820': text('Too large for this machine', ...TOO_LARGE),
  // The remaining ones are of HTTPS and signatures.
  '0216e4': text(
    'The certificate has expired, or is not valid yet',
    'Check the clock of this machine in its firmware setup, then the certificate.',
  ),
  '0216e6': text('The certificate is not of a trusted authority', ...CERTIFICATE),
  '0216ea': text(
    'The certificate is for another server name',
    'The name in the URL must be in the certificate: use the name, not the address.',
  ),
  '410de1': text('The server broke the TLS handshake off', ...TLS),
  '3c0de4': text('The server speaks another version of TLS', ...TLS),
}

const NO_DISK = text(
  'No such disk, or it cannot be read',
  'Drive 0x80 is the first disk. Is it plugged in, and in the list of the firmware setup?',
  'Of a disk over the network: does the storage server answer?',
)

/** By POSIX name and part of iPXE (`PARTS` of errors.ts): the same error means another thing elsewhere. */
export const TEXT_OF_PART: Readonly<Record<string, ErrorText>> = {
  'ECONNRESET TCP': text('Connection refused or broken off (TCP)', ...REFUSED),
  'ETIMEDOUT TCP': text('No answer (TCP)', ...NO_ANSWER),
  'ENETUNREACH TCP': text('No route to the server (TCP)', ...NO_ROUTE),
  'ETIMEDOUT HTTP': text(
    'The server accepts the connection and says nothing (HTTP)',
    ...NO_ANSWER.slice(0, 2),
  ),
  'ENOENT TFTP': text('Not found (TFTP)', ...MISSING),
  'EACCES TFTP': text(
    'The server refuses this file (TFTP access violation)',
    'The server does not publish it, or may not read it: check its rights on the server.',
  ),
  'ENOTSUP TFTP': text(
    'The server reports an error (TFTP)',
    'The log of the server has its words; iPXE does not show them.',
  ),
  'ENOTTY TFTP': text('The server does not understand the request (TFTP)', 'Is it a TFTP server?'),
  'ETIMEDOUT TFTP': text(
    'No answer (TFTP)',
    ...NO_ANSWER.slice(0, 2),
    'TFTP answers come from a new port of the server: a firewall must let UDP pass.',
  ),
  'ETIMEDOUT DHCP': text('No DHCP answer', ...NO_DHCP),
  'ETIMEDOUT DNS': text('No answer from the DNS server', ...NO_DNS),
  'ETIMEDOUT neighbour discovery': text('Nobody has that address on this network', ...NO_ANSWER),
  'EACCES certificates': text('The certificate is not accepted', ...CERTIFICATE),
  'EPERM TLS': text('The TLS handshake failed', ...TLS),
  'ENOTSUP TLS': text('Machine and server have no TLS cipher in common', ...TLS),
  'ENOTSUP URLs': text(
    'This iPXE does not know this kind of URL',
    ...NOT_BUILT_IN,
    'In a script: the name of an image that is not loaded is taken for a URL, too.',
  ),
  'ENOEXEC image': text('Not an executable image', ...NOT_EXECUTABLE),
  'ENOENT images': text('No image of that name is loaded', ...SCRIPT),
  'ECANCELED menus': text('Somebody left the menu', 'Start again, or choose from the menu.'),
  'ENOENT disk or SAN': NO_DISK,
  'ENODEV disk or SAN': NO_DISK,
  'EIO disk or SAN': NO_DISK,
  'ENODEV booting': text('No network interface', 'iPXE has no driver for the network card of this machine.'),
}

/** By POSIX name; meanings of codes that iPXE hardly uses are the POSIX ones. */
export const TEXT_OF_POSIX: Readonly<Record<string, ErrorText>> = {
  ENOERR: text('No error', 'iPXE reports no error: the program that it started ended by itself.'),
  EACCES: text(
    'Access denied',
    'A password, a certificate or a signature is missing or wrong.',
    'Check the access rules of the server; with Secure Boot, the signature of the image.',
  ),
  EPERM: text(
    'Not permitted',
    'The server has a rule against it, or a signature or certificate is not accepted.',
  ),
  ECONNREFUSED: text('Connection refused', ...REFUSED),
  ECONNRESET: text('Connection refused or broken off', ...REFUSED),
  ECONNABORTED: text('Connection broken off', ...REFUSED),
  EPIPE: text('The server closed the connection', ...REFUSED.slice(2), 'The log of the server says why.'),
  ETIMEDOUT: text('No answer', ...NO_ANSWER),
  EHOSTUNREACH: text('The server cannot be reached', ...NO_ANSWER),
  ENETUNREACH: text('No route to the server', ...NO_ROUTE),
  ENETDOWN: text('The network is down', ...NO_LINK),
  EADDRNOTAVAIL: text('No address for this machine', ...NO_DHCP),
  ENOTCONN: text('Not connected', ...NO_LINK),
  ENXIO: text('The name of the server is not found', ...NO_DNS),
  ENODEV: text(
    'No such device',
    'iPXE does not see the network card or the disk: a driver is missing, or it is switched off in the firmware setup.',
  ),
  ENOENT: text('Not found', ...MISSING),
  ENOEXEC: text('Not an executable image', ...NOT_EXECUTABLE),
  ENOMEM: text('Out of memory', ...TOO_LARGE),
  ENOSPC: text('No space left', ...TOO_LARGE),
  ENOBUFS: text('No space left in memory', ...TOO_LARGE),
  EFBIG: text('The file is too large', ...TOO_LARGE),
  ERANGE: text('A value or an address is out of range', ...SCRIPT),
  ECANCELED: text('Cancelled', 'Somebody pressed Ctrl-C or Escape: start again, or go on from the menu.'),
  ENOTSUP: text('Not supported', ...NOT_BUILT_IN),
  EPROTONOSUPPORT: text('The protocol is not supported', ...NOT_BUILT_IN),
  ENOSYS: text('This iPXE does not have that function', ...NOT_BUILT_IN),
  EINVAL: text(
    'Invalid value or answer',
    'A script, a URL or an answer of the server is malformed: check the URL and the script.',
  ),
  EIO: text(
    'Input or output failed',
    'The transfer broke off: try again, then check cable, card and server.',
  ),
  EPROTO: text('The other side broke the protocol', 'Is it the right server, and the right port?'),
  EBUSY: text('Busy', 'Something else uses the device: try again.'),
  EINPROGRESS: text('Not finished yet', 'Try again in some seconds.'),
  ELOOP: text('Too many links or redirections', 'Names or redirections of the server go in a circle.'),
  EXDEV: text('The server sent a redirection that leads nowhere', 'Check the URL and the server.'),
  EPLATFORM: text(
    'The firmware reports an error',
    'The last two digits are its status code. With Secure Boot, check the signature first.',
  ),
  E2BIG: text('Argument list too long'),
  EADDRINUSE: text('Address in use'),
  EAFNOSUPPORT: text('Address family not supported', ...NOT_BUILT_IN),
  EAGAIN: text('Not available for the moment', 'Try again in some seconds.'),
  EALREADY: text('Already under way'),
  EBADF: text('Not an open file'),
  EBADMSG: text('Damaged message'),
  ECHILD: text('No child process'),
  EDEADLK: text('Deadlock avoided'),
  EDESTADDRREQ: text('No destination address'),
  EDOM: text('Argument outside the domain'),
  EDQUOT: text('Quota exceeded'),
  EEXIST: text('It exists already'),
  EFAULT: text('Bad address in memory'),
  EIDRM: text('Identifier removed'),
  EILSEQ: text('Illegal sequence of bytes'),
  EINTR: text('Interrupted'),
  EISCONN: text('Already connected'),
  EISDIR: text('It is a folder', ...MISSING),
  EMFILE: text('Too many open files'),
  EMLINK: text('Too many links'),
  EMSGSIZE: text('Message too long'),
  EMULTIHOP: text('More than one hop'),
  ENAMETOOLONG: text('Name too long'),
  ENETRESET: text('Connection broken off by the network'),
  ENFILE: text('Too many open files'),
  ENODATA: text('No data'),
  ENOLCK: text('No locks left'),
  ENOLINK: text('Link severed'),
  ENOMSG: text('No such message'),
  ENOPROTOOPT: text('Protocol option not available'),
  ENOSR: text('No stream resources'),
  ENOSTR: text('Not a stream'),
  ENOTDIR: text('Not a folder'),
  ENOTEMPTY: text('Folder not empty'),
  ENOTSOCK: text('Not a socket'),
  ENOTTY: text('Not possible here'),
  EOPNOTSUPP: text('Not possible with this connection', ...NOT_BUILT_IN),
  EOVERFLOW: text('Value too large'),
  EPROTOTYPE: text('Wrong kind of protocol'),
  EROFS: text('Read only'),
  ESPIPE: text('Invalid position'),
  ESRCH: text('No such process'),
  ESTALE: text('Stale file', 'The server replaced the file meanwhile: try again.'),
  ETIME: text('Timer expired'),
  ETXTBSY: text('File in use'),
  EWOULDBLOCK: text('It would have to wait', 'Try again in some seconds.'),
}

/** For a reported error that has not the form of a number: anything may come in `?errno=`. */
export const TEXT_OF_NONSENSE: ErrorText = text(
  'No error number of iPXE',
  'What the machine reports is no number of eight hex digits: read its screen.',
)

/** For a number of the right form whose POSIX code none of the tables has. */
export const TEXT_OF_UNKNOWN: ErrorText = text('An error that this server does not know')
