import { type LookupAddress, type LookupOptions, lookup } from 'node:dns'
import { BlockList, isIP, isIPv4, type LookupFunction } from 'node:net'

/** What a download may connect to: `private` needs the operator's word, `never` is nobody's mirror. */
export type Reach = 'public' | 'private' | 'never'

/** Special-purpose addresses of IANA's registries (RFC 6890), and those that carry an IPv4 address inside. */
const PRIVATE = blockList([
  ...['10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
  ...['::1/128', 'fc00::/7'],
])
const NEVER = blockList([
  // Link-local is where clouds keep their metadata service.
  ...['0.0.0.0/8', '169.254.0.0/16', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.18.0.0/15'],
  ...['198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
  ...['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'],
])
/** Global unicast (RFC 4291 §2.4): whatever lies outside, such as `64:ff9b::/96`, is none. */
const GLOBAL = blockList(['2000::/3'])

function blockList(subnets: readonly string[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [address = '', bits] = subnet.split('/')
    list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6')
  }
  return list
}

/** `address` without brackets or zone. */
export function reachOf(address: string): Reach {
  const family = isIPv4(address) ? 'ipv4' : 'ipv6'
  if (isIP(address) === 0 || NEVER.check(address, family)) return 'never'
  if (PRIVATE.check(address, family)) return 'private'
  return family === 'ipv4' || GLOBAL.check(address, family) ? 'public' : 'never'
}

/** Why a connection there is refused; undefined when it may be made. */
export function refusalOf(address: string, allowPrivate: boolean): string | undefined {
  const reach = reachOf(address)
  if (reach === 'public' || (reach === 'private' && allowPrivate)) return undefined
  return reach === 'private'
    ? `${address} is a private address: --allow-private allows it`
    : `${address} is no address of a server that files come from`
}

/** A name server's answer was refused. */
export class RefusedAddress extends Error {}

/**
 * Resolves names for one connection, and gives it the very addresses that were looked at: a second answer of the name
 * server changes nothing. One refused address refuses the name.
 */
export function guardedLookup(allowPrivate: boolean): LookupFunction {
  return (hostname, options, callback) => {
    const wanted: LookupOptions & { all: true } = { ...options, all: true }
    lookup(hostname, wanted, (error, addresses: readonly LookupAddress[]) => {
      if (error !== null) return callback(error, '')
      const refused = addresses.map(({ address }) => refusalOf(address, allowPrivate)).find(Boolean)
      const [first] = addresses
      if (refused !== undefined || first === undefined)
        return callback(new RefusedAddress(`${hostname}: ${refused ?? 'has no address'}`), '')
      if (options.all === true) callback(null, [...addresses])
      else callback(null, first.address, first.family)
    })
  }
}
