import { addIpv4, formatIpv4, type Ipv4, maskOf, parseIpv4 } from '../src/lib/ipv4.ts'

/** The network of every contender, in a namespace of its own: the same addresses for all. */
export const LAN = {
  network: '10.16.0.0',
  prefix: 13,
  interface: 'bench0',
  server: '10.16.0.1',
  /** Where the load comes from: perfdhcp plays a relay. */
  relay: '10.16.0.2',
  /** Addresses of nodes with a reservation begin here, outside the pool. */
  reserved: '10.17.0.0',
} as const

export interface Pool {
  readonly first: string
  readonly last: string
}

/** A /16. Not larger without need: ISC dhcpd's cost grows with the pool, used or not. */
export const POOL: Pool = { first: '10.20.0.0', last: '10.20.255.254' }
/** A /15, for 100 000 leases. */
export const LARGE_POOL: Pool = { first: '10.20.0.0', last: '10.21.255.254' }

export function poolSize({ first, last }: Pool): number {
  return ipv4(last) - ipv4(first) + 1
}

/** Clients under load count up from here; each step of a ladder has its own. */
const FIRST_CLIENT = 0x02_c0_00_00_00_00
/** Clients that hold leases when a server starts. */
const FIRST_HOLDER = 0x02_10_00_00_00_00
/** Nodes with a reservation. */
const FIRST_NODE = 0x02_de_00_00_00_00

/** A lease that a server finds when it starts. */
export interface SeededLease {
  readonly mac: string
  readonly address: string
}

export function clientMac(index: number): string {
  return mac(FIRST_CLIENT + index)
}

/** Leases spread evenly over the pool, so that no server's way of searching it is favoured. */
export function seededLeases(count: number, pool: Pool): readonly SeededLease[] {
  const size = poolSize(pool)
  return Array.from({ length: count }, (_, i) => ({
    mac: mac(FIRST_HOLDER + i),
    address: formatIpv4(addIpv4(ipv4(pool.first), Math.floor((i * size) / count))),
  }))
}

/** Nodes whose address is reserved. */
export function reservedNodes(count: number): readonly SeededLease[] {
  return Array.from({ length: count }, (_, i) => ({
    mac: mac(FIRST_NODE + i),
    address: formatIpv4(addIpv4(ipv4(LAN.reserved), i)),
  }))
}

/** The values of the marks in the templates of `peers/`. */
export function lanMarks(pool: Pool = POOL): Readonly<Record<string, string>> {
  return {
    INTERFACE: LAN.interface,
    ADDRESS: LAN.server,
    NETWORK: LAN.network,
    SUBNET: `${LAN.network}/${LAN.prefix}`,
    MASK: formatIpv4(maskOf(LAN.prefix)),
    FIRST: pool.first,
    LAST: pool.last,
  }
}

/** Replaces `@NAME@`; a mark without a value is a fault of the template. */
export function fillTemplate(template: string, marks: Readonly<Record<string, string>>): string {
  return template.replace(/@([A-Z]+)@/g, (mark, name: string) => {
    const value = marks[name]
    if (value === undefined) throw new Error(`the template has ${mark}, which has no value`)
    return value
  })
}

function mac(value: number): string {
  return (value.toString(16).padStart(12, '0').match(/../g) ?? []).join(':')
}

function ipv4(text: string): Ipv4 {
  const address = parseIpv4(text)
  if (address === undefined) throw new Error(`${text} is no address`)
  return address
}
