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
 * one are dead. Read where network namespaces have their own view; undefined without IPv6 in the kernel.
 */
export function interfaceIndex(name: string): number | undefined {
  try {
    const digits = /^ifIndex\s+([0-9]+)/.exec(readFileSync(`/proc/net/dev_snmp6/${name}`, 'utf8'))?.[1]
    return digits === undefined ? undefined : Number(digits)
  } catch {
    return undefined
  }
}
