import { broadcastOf, ipv4ToBytes, type Subnet } from '../lib/ipv4.ts'
import type { ClientOptions, Network, Node, StaticRoute } from '../model/config.ts'
import type { DhcpMessage, DhcpOption } from '../protocol/dhcp4/message.ts'
import {
  domainListValue,
  ipv4ListValue,
  ipv4Value,
  textValue,
  u16Value,
} from '../protocol/dhcp4/option-values.ts'
import { parameterRequestList } from '../protocol/dhcp4/options.ts'
import { OPTION } from '../protocol/iana/options.ts'

/** What a client is told: each of a node's own keys comes before its network's. */
export function clientOptions(network: Network, node: Node | undefined): ClientOptions {
  return node === undefined ? network.options : { ...network.options, ...node.options }
}

/**
 * The options that a client asked for in option 55, or all when it has none; those that it needs least come last. Custom
 * ones marked `always` go to everybody.
 */
export function wishedOptions(
  request: DhcpMessage,
  subnet: Subnet,
  options: ClientOptions,
): readonly DhcpOption[] {
  const asked = parameterRequestList(request)
  const isAsked = (code: number): boolean => asked.length === 0 || asked.includes(code)
  const custom = (options.custom ?? []).filter(({ code, always }) => always || isAsked(code))
  return [
    ...standardOptions(subnet, options).filter(({ code }) => isAsked(code)),
    ...custom.map(({ code, data }) => ({ code, data })),
  ]
}

function standardOptions(subnet: Subnet, options: ClientOptions): readonly DhcpOption[] {
  const { dns = [], ntp = [], mtu, domain, hostName, routes = [], search = [] } = options
  return [
    ...addresses(OPTION.domainNameServer, dns),
    // RFC 3021 §2.2: a /31 has two hosts and no broadcast address of its own.
    ...(subnet.prefix > 30 ? [] : [{ code: OPTION.broadcastAddress, data: ipv4Value(broadcastOf(subnet)) }]),
    ...addresses(OPTION.ntpServers, ntp),
    ...(mtu === undefined ? [] : [{ code: OPTION.interfaceMtu, data: u16Value(mtu) }]),
    ...(domain === undefined ? [] : [{ code: OPTION.domainName, data: textValue(domain) }]),
    ...(hostName === undefined ? [] : [{ code: OPTION.hostName, data: textValue(hostName) }]),
    ...(routes.length === 0 ? [] : [classlessRoutes(routes, options)]),
    ...(search.length === 0 ? [] : [{ code: OPTION.domainSearch, data: domainListValue(search) }]),
  ]
}

function addresses(code: number, list: Parameters<typeof ipv4ListValue>[0]): readonly DhcpOption[] {
  return list.length === 0 ? [] : [{ code, data: ipv4ListValue(list) }]
}

/** RFC 3442: whoever takes option 121 ignores option 3, so the default route is among its routes. */
function classlessRoutes(routes: readonly StaticRoute[], { router }: ClientOptions): DhcpOption {
  const hasDefault = routes.some(({ to }) => to.prefix === 0)
  const all =
    router === undefined || hasDefault
      ? routes
      : [{ to: { network: 0, prefix: 0 } as Subnet, via: router }, ...routes]
  const octets = all.flatMap(({ to, via }) => [
    to.prefix,
    ...ipv4ToBytes(to.network).subarray(0, Math.ceil(to.prefix / 8)),
    ...ipv4ToBytes(via),
  ])
  return { code: OPTION.classlessStaticRoute, data: Uint8Array.from(octets) }
}
