import { AF_INET, INTERFACE_NAME_LIMIT, isLittleEndian, loadLibc, SOCK_DGRAM } from './libc.ts'

/** netdevice(7). */
const SIOCGIFMTU = 0x8921
/** struct ifreq: the name with its NUL, and a union of 24 octets. */
const IFREQ = { name: 16, length: 40 } as const

/** The longest IP packet of an interface in octets; undefined when nobody can tell. Of this network namespace, unlike /sys. */
export function interfaceMtu(name: string): number | undefined {
  const libc = loadLibc()
  if (!libc.ok || name.length > INTERFACE_NAME_LIMIT) return undefined
  const fd = libc.value.socket(AF_INET, SOCK_DGRAM, 0)
  if (fd < 0) return undefined
  const request = new Uint8Array(IFREQ.length)
  request.set(new TextEncoder().encode(name))
  const failed = libc.value.ioctl(fd, SIOCGIFMTU, request) < 0
  libc.value.close(fd)
  return failed ? undefined : new DataView(request.buffer).getInt32(IFREQ.name, isLittleEndian)
}
