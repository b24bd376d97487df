import { readFileSync } from 'node:fs'
import { endianness, networkInterfaces } from 'node:os'
import {
  ANY_ADDRESS,
  type Ipv4,
  ipv4FromBytes,
  maskOf,
  parseIpv4,
  type Subnet,
  subnetContains,
} from '../lib/ipv4.ts'
import { type Mac, parseMac } from '../lib/mac.ts'
import type { Host, HostInterface, HostSubnet } from '../model/host.ts'

/**
 * Our address on an interface, now. An interface that is missing, down, or without carrier has none: `os.networkInterfaces`
 * lists only those that are up and running (libuv src/unix/linux.c, `uv__ifaddr_exclude`).
 */
export function addressOn(name: string, subnet: Subnet, wanted: Ipv4 | undefined): Ipv4 | undefined {
  const addresses = (networkInterfaces()[name] ?? []).flatMap(({ family, address }) => {
    const parsed = family === 'IPv4' ? parseIpv4(address) : undefined
    return parsed === undefined ? [] : [parsed]
  })
  return addresses.find((address) =>
    wanted === undefined ? subnetContains(subnet, address) : address === wanted,
  )
}

/** Whether an interface that is up and running has this address, loopback among them. */
export function hasAddress(wanted: Ipv4): boolean {
  return Object.values(networkInterfaces()).some((entries = []) =>
    entries.some(({ family, address }) => family === 'IPv4' && parseIpv4(address) === wanted),
  )
}

/** The hardware address of an interface that is up and has an address; undefined for others, and for loopback. */
export function macOf(name: string): Mac | undefined {
  const mac = parseMac(networkInterfaces()[name]?.[0]?.mac ?? '')
  return mac === '00:00:00:00:00:00' ? undefined : mac
}

/** Every IPv4 address of this machine, now. */
export function ownAddresses(): ReadonlySet<Ipv4> {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])
  return new Set(all.flatMap(({ family, address }) => (family === 'IPv4' ? (parseIpv4(address) ?? []) : [])))
}

/**
 * The kernel's number of an interface: another one after it was removed and made again, when sockets bound to the old
 * one are dead. Every interface that is up with an IPv4 address is in this list, since it is in the all-hosts group;
 * each network namespace has its own (net/ipv4/igmp.c, `igmp_mc_seq_show`).
 */
export function interfaceIndex(name: string): number | undefined {
  try {
    for (const line of readFileSync('/proc/net/igmp', 'utf8').split('\n')) {
      const [, digits, device] = /^([0-9]+)\t(\S+)/.exec(line) ?? []
      if (device === name) return Number(digits)
    }
  } catch {
    // A kernel without multicast: an interface made anew is then noticed by its address alone.
  }
  return undefined
}

/** The interfaces of this network namespace but loopback, their networks and neighbours. Linux; elsewhere empty. */
export function lookAtHost(): Host {
  const routes = parseRoutes(proc('route'))
  return {
    interfaces: parseInterfaceNames(proc('dev'))
      .filter((name) => name !== 'lo')
      .map((name) => readInterface(name, routes)),
    neighbours: parseNeighbours(proc('arp')).map(({ address }) => address),
    hasDhcpServer: hasUdpPort(proc('udp'), 67),
  }
}

function proc(file: string): string {
  try {
    return readFileSync(`/proc/net/${file}`, 'utf8')
  } catch {
    return ''
  }
}

function readInterface(name: string, routes: readonly Route[]): HostInterface {
  const entries = networkInterfaces()[name] ?? []
  const own = routes.filter((route) => route.device === name)
  const mac = macOf(name)
  const gateways = own.filter(({ subnet }) => subnet.prefix === 0)
  const gateway = gateways.find((route) => route.gateway !== ANY_ADDRESS)?.gateway
  const addresses = entries.flatMap(({ family, cidr }) => (family === 'IPv4' ? hostSubnet(cidr ?? '') : []))
  const connected = own
    .filter((route) => route.gateway === ANY_ADDRESS && route.subnet.prefix > 0 && route.subnet.prefix < 32)
    .map(({ subnet }) => ({ subnet }))
  return {
    name,
    ...(mac === undefined ? {} : { mac }),
    subnets: entries.length > 0 ? addresses : connected,
    isRunning: entries.length > 0,
    hasDefaultRoute: gateways.length > 0,
    ...(gateway === undefined ? {} : { gateway }),
  }
}

function hostSubnet(cidr: string): readonly HostSubnet[] {
  const [text = '', digits = ''] = cidr.split('/')
  const address = parseIpv4(text)
  const prefix = Number(digits)
  if (address === undefined || digits === '') return []
  return [{ address, subnet: { network: ((address & maskOf(prefix)) >>> 0) as Ipv4, prefix } }]
}

/** The first column of /proc/net/dev, below its two header lines. */
export function parseInterfaceNames(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => /^\s*([^\s/]{1,15}):/.exec(line)?.[1] ?? [])
}

export interface Route {
  readonly device: string
  readonly subnet: Subnet
  /** 0.0.0.0 when the subnet is on the link. */
  readonly gateway: Ipv4
}

/** /proc/net/route: columns 1 to 3 are device, destination, gateway, column 8 is the mask (net/ipv4/fib_trie.c). */
export function parseRoutes(text: string): readonly Route[] {
  return text.split('\n').flatMap((line) => {
    const [device = '', destination, gateway, , , , , mask] = line.split('\t')
    const [network, next, bits] = [destination, gateway, mask].map((cell) => hostOrderIpv4(cell ?? ''))
    if (network === undefined || next === undefined || bits === undefined) return []
    const prefix = bits === 0 ? 0 : 32 - Math.log2(2 ** 32 - bits)
    return Number.isInteger(prefix) ? [{ device, subnet: { network, prefix }, gateway: next }] : []
  })
}

/** Eight digits of a number in host order whose octets in memory are the address. */
function hostOrderIpv4(digits: string): Ipv4 | undefined {
  if (!/^[0-9A-F]{8}$/.test(digits)) return undefined
  const bytes = Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
  return ipv4FromBytes(endianness() === 'LE' ? bytes.reverse() : bytes)
}

/** Complete entries of /proc/net/arp: the flag ATF_COM, 2 (include/uapi/linux/if_arp.h). */
export function parseNeighbours(text: string): readonly Neighbour[] {
  return text.split('\n').flatMap((line) => {
    const [shown = '', , flags = '', hardware = '', , device = ''] = line.split(/ +/)
    const [address, mac] = [parseIpv4(shown), parseMac(hardware)]
    if (address === undefined || (Number.parseInt(flags, 16) & 2) === 0) return []
    return [{ address, device, ...(mac === undefined ? {} : { mac }) }]
  })
}

/** Who answered ARP. */
export interface Neighbour {
  readonly address: Ipv4
  /** The interface of ours on its link. */
  readonly device: string
  /** Absent where a link has other addresses than Ethernet's. */
  readonly mac?: Mac
}

/**
 * Whether what is sent to an address on the link of an interface now goes to this card. Whoever has a TCP connection with us is in
 * the table; the kernel keeps entries for a minute at least (`gc_stale_time`, arp(7)). `table`: /proc/net/arp.
 */
export function isNeighbour(address: Ipv4, mac: Mac, device: string, table = proc('arp')): boolean {
  return parseNeighbours(table).some(
    (one) => one.address === address && one.mac === mac && one.device === device,
  )
}

/** Whether a socket of /proc/net/udp is bound to a port. */
export function hasUdpPort(text: string, port: number): boolean {
  const digits = port.toString(16).toUpperCase().padStart(4, '0')
  return new RegExp(`^ *[0-9]+: [0-9A-F]{8}:${digits} `, 'm').test(text)
}
