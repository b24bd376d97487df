import { posix, resolve } from 'node:path'
import { ImagePathSchema } from '../config/image-schema.ts'
import type { FirstDhcpMode, Wishes } from '../config/propose.ts'
import {
  broadcastOf,
  formatIpv4,
  formatSubnet,
  type Ipv4,
  type Ipv4Range,
  parseIpv4,
  parseRange,
  parseSubnet,
  type Subnet,
  subnetContains,
} from '../lib/ipv4.ts'
import { err, ok, type Result } from '../lib/result.ts'
import { CliError, EXIT } from './exit-codes.ts'

/** The options of `init`, as typed. */
export interface InitFlags {
  readonly interface?: string
  readonly subnet?: string
  readonly address?: string
  readonly dhcp?: FirstDhcpMode
  readonly pool?: string
  readonly router?: string
  readonly dns?: readonly string[]
  readonly kernel?: string
  readonly initrd?: readonly string[]
  readonly stateDir: string
  readonly out: string
  readonly probe: boolean
  readonly yes?: boolean
  readonly force?: boolean
  readonly json?: boolean
}

export interface ImageWish {
  readonly kernel: string
  readonly initrd: readonly string[]
}

/** What the flags decide; a flag that cannot be read is wrong use. */
export function readWishes(flags: InitFlags): Wishes {
  if (flags.interface !== undefined && !/^[^\s/]{1,15}$/.test(flags.interface))
    throw wrong('--interface', 'expected the name of a network interface, at most 15 characters')
  return {
    ...(flags.interface === undefined ? {} : { interface: flags.interface }),
    ...read('--subnet', 'subnet', flags.subnet, readSubnet),
    ...read('--address', 'address', flags.address, readAddress),
    ...(flags.dhcp === undefined ? {} : { dhcp: flags.dhcp }),
    ...read('--pool', 'pool', flags.pool, readPool),
    ...read('--router', 'router', flags.router, readAddress),
    ...read('--dns', 'dns', flags.dns, readAddresses),
  }
}

/** `--subnet`: at most 30 bits of prefix, so that there is room for a server and a machine. The error is one sentence. */
export function readSubnet(text: string): Result<Subnet, string> {
  const subnet = parseSubnet(text)
  return subnet.ok && subnet.value.prefix > 30
    ? err(`${text} has no place for a server and a machine; expected a subnet such as 10.77.0.0/24`)
    : subnet
}

function readAddress(text: string): Result<Ipv4, string> {
  const address = parseIpv4(text)
  return address === undefined
    ? err(`expected an IPv4 address such as 10.77.0.1, got "${text}"`)
    : ok(address)
}

function readAddresses(texts: readonly string[]): Result<readonly Ipv4[], string> {
  const all = texts.flatMap((text) => text.split(',')).map(readAddress)
  const failed = all.find((one) => !one.ok)
  return failed ?? ok(all.flatMap((one) => (one.ok ? [one.value] : [])))
}

/** `--pool`: a range, or `none` for reservations alone. Whether it lies in the subnet is seen by `checkWishes`. */
export function readPool(text: string): Result<Ipv4Range | 'none', string> {
  return text === 'none' ? ok('none') : parseRange(text)
}

/** What is wrong with wished addresses once the subnet is known: the configuration would refuse them. */
export function checkWishes({ address, router, pool }: Wishes, subnet: Subnet): Result<undefined, string> {
  for (const host of [address, router])
    if (host !== undefined && !isHost(subnet, host))
      return err(`${formatIpv4(host)} is not a host of ${formatSubnet(subnet)}`)
  const inside =
    pool === undefined ||
    pool === 'none' ||
    (subnetContains(subnet, pool.first) && subnetContains(subnet, pool.last))
  return inside ? ok(undefined) : err(`the pool is not inside ${formatSubnet(subnet)}`)
}

function isHost(subnet: Subnet, address: Ipv4): boolean {
  return subnetContains(subnet, address) && address !== subnet.network && address !== broadcastOf(subnet)
}

/** The files of the image by `--kernel` and `--initrd`; undefined without a kernel. */
export function readImage({ kernel, initrd = [] }: InitFlags): ImageWish | undefined {
  if (kernel === undefined) {
    if (initrd.length > 0) throw wrong('--initrd', 'there is no kernel that would load it; add --kernel')
    return undefined
  }
  const image = { kernel, initrd }
  for (const [flag, file] of [
    ['--kernel', kernel] as const,
    ...initrd.map((one) => ['--initrd', one] as const),
  ]) {
    const read = readImageFile(file)
    if (!read.ok) throw wrong(flag, read.error)
  }
  const twice = sameName(image)
  if (twice !== undefined) throw wrong('--initrd', twice)
  return image
}

/** A path whose file name loaders can carry; whether there is such a file is not looked at. The error is one sentence. */
export function readImageFile(text: string): Result<string, string> {
  const parsed = ImagePathSchema.safeParse(text)
  return parsed.success
    ? ok(text)
    : err(`${parsed.error.issues[0]?.message ?? 'expected a path'}, got "${text}"`)
}

/** Loaders tell the files of an image apart by name. */
export function sameName({ kernel, initrd }: ImageWish): string | undefined {
  const names = [kernel, ...initrd].map((file) => posix.basename(file))
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  return twice === undefined ? undefined : `two files of one image cannot both be named ${twice}`
}

/** A path typed here as the configuration at `out` shall have it: absolute as typed, else counted from its folder. */
export function pathFor(out: string, typed: string): string {
  if (posix.isAbsolute(typed)) return typed
  const from = out === '-' ? resolve('.') : posix.dirname(resolve(out))
  const path = posix.relative(from, resolve(typed))
  return path.startsWith('../') ? path : `./${path}`
}

function read<K extends string, A, T>(
  ...[flag, key, value, parse]: [
    flag: string,
    key: K,
    value: A | undefined,
    parse: (value: A) => Result<T, string>,
  ]
): { readonly [P in K]?: T } {
  if (value === undefined) return {}
  const result = parse(value)
  if (!result.ok) throw wrong(flag, result.error)
  return { [key]: result.value } as { readonly [P in K]?: T }
}

function wrong(flag: string, message: string): CliError {
  return new CliError(`${flag}: ${message}`, EXIT.usage)
}
