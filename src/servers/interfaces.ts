import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { type Ipv4, parseIpv4, type Subnet, subnetContains } from '../lib/ipv4.ts'

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
