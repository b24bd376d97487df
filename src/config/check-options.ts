import { formatIpv4, formatSubnet, subnetContains } from '../lib/ipv4.ts'
import type { ClientOptions, Network } from '../model/config.ts'
import { OPTION } from '../protocol/iana/options.ts'
import { isHost, type Place, problem } from './places.ts'
import type { ConfigProblem, Path } from './source.ts'

const BY_DECISION = 'is told by what a machine boots; see loader:, nextServer: and profiles:'
const BY_PROTOCOL = "belongs to the protocol's own working"

/** Options that nobody sets by number, each with the reason. */
const NOT_CUSTOM: ReadonlyMap<number, string> = new Map<number, string>([
  ...[OPTION.subnetMask, OPTION.broadcastAddress].map((code) => [code, 'follows from subnet:'] as const),
  [OPTION.router, 'is options.router'],
  [OPTION.domainNameServer, 'is options.dns'],
  [OPTION.hostName, 'is options.hostName'],
  [OPTION.domainName, 'is options.domain'],
  [OPTION.interfaceMtu, 'is options.mtu'],
  [OPTION.ntpServers, 'is options.ntp'],
  [OPTION.domainSearch, 'is options.search'],
  [OPTION.classlessStaticRoute, 'is options.routes'],
  // EDK2 takes option 13 for the size of what it loads, in blocks of 512 octets (PxeBcDhcp4.c).
  ...[OPTION.bootFileSize, OPTION.vendorSpecificInformation, OPTION.vendorClass, OPTION.tftpServerName].map(
    (code) => [code, BY_DECISION] as const,
  ),
  ...[OPTION.bootFileName, OPTION.ipxe, OPTION.url, OPTION.pxelinuxConfigFile, OPTION.pxelinuxPathPrefix].map(
    (code) => [code, BY_DECISION] as const,
  ),
  ...[50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 61, 82, 93, 94, 97, 118].map(
    (code) => [code, BY_PROTOCOL] as const,
  ),
  // PXE 2.1, Table 2-1: clients list them in option 55, and are never answered.
  ...[128, 129, 130, 131, 132, 133, 134, 135].map((code) => [code, 'is kept for PXE firmware'] as const),
])
/** RFC 3942 §3.1: for local use. */
const FIRST_LOCAL_CODE = 224
/** Firmware does not join the pieces of a longer option (RFC 3396). */
const MOST_OCTETS = 255

/** Where the keys of a network, which has some of them outside `options:` too, and of a node stand. */
export function checkOptions(
  options: ClientOptions,
  place: Place,
  network: Network | undefined,
): readonly ConfigProblem[] {
  const isNetwork = place.source.has([...place.path, 'subnet'])
  const written = (key: string): Path =>
    isNetwork && !place.source.has([...place.path, 'options', key]) ? [key] : ['options', key]
  return [
    ...(isNetwork ? ['router', 'dns', 'domain'].flatMap((key) => checkTwice(key, place)) : []),
    ...checkRouter(options, network, (message) => problem(place, written('router'), message)),
    ...checkRoutes(options, network, place),
    ...checkSearch(options, place),
    ...checkCustom(options, place),
  ]
}

function checkTwice(key: string, place: Place): readonly ConfigProblem[] {
  return place.source.has([...place.path, key]) && place.source.has([...place.path, 'options', key])
    ? [problem(place, ['options', key], `${key}: is there already, beside options:; keep one of them`)]
    : []
}

function checkRouter(
  { router }: ClientOptions,
  network: Network | undefined,
  wrong: (message: string) => ConfigProblem,
): readonly ConfigProblem[] {
  if (router === undefined || network === undefined || isHost(network, router)) return []
  return [wrong(`${formatIpv4(router)} is not a host of ${formatSubnet(network.subnet)}`)]
}

function checkRoutes(
  { routes = [] }: ClientOptions,
  network: Network | undefined,
  place: Place,
): readonly ConfigProblem[] {
  const octets = routes.reduce((sum, { to }) => sum + 5 + Math.ceil(to.prefix / 8), 5)
  const remote = routes.flatMap(({ via }, i) =>
    network === undefined || subnetContains(network.subnet, via)
      ? []
      : [
          problem(
            place,
            ['options', 'routes', i],
            `${formatIpv4(via)} is not in ${formatSubnet(network.subnet)}`,
          ),
        ],
  )
  return octets <= MOST_OCTETS
    ? remote
    : [
        ...remote,
        problem(place, ['options', 'routes'], `takes ${octets} octets; an option holds ${MOST_OCTETS}`),
      ]
}

function checkSearch({ search = [] }: ClientOptions, place: Place): readonly ConfigProblem[] {
  const octets = search.reduce((sum, name) => sum + name.length + 2, 0)
  const long = search.findIndex((name) => name.split('.').some((label) => label.length > 63))
  if (long >= 0)
    return [problem(place, ['options', 'search', long], 'a part of a domain name has at most 63 characters')]
  return octets <= MOST_OCTETS
    ? []
    : [problem(place, ['options', 'search'], `takes ${octets} octets; an option holds ${MOST_OCTETS}`)]
}

function checkCustom({ custom = [] }: ClientOptions, place: Place): readonly ConfigProblem[] {
  return custom.flatMap(({ code }, i) => {
    const key: Path = ['options', 'custom', i, 'code']
    const reason = NOT_CUSTOM.get(code)
    if (reason !== undefined) return [problem(place, key, `option ${code} ${reason}`)]
    if (custom.findIndex((other) => other.code === code) < i)
      return [problem(place, key, `option ${code} is already in this list`)]
    if (code >= FIRST_LOCAL_CODE) return []
    const message = `option ${code} has a meaning of its own by IANA, which clients will take it for`
    return [problem(place, key, message, 'warning')]
  })
}
