import { ANY_ADDRESS, formatIpv4, type Ipv4, isSubnetEnd, subnetContains } from '../lib/ipv4.ts'
import { err, ok, type Result } from '../lib/result.ts'
import type { Config, Network } from '../model/config.ts'
import type { DhcpMessage } from '../protocol/dhcp4/message.ts'
import { messageType, relayAgentInfo, subnetSelection } from '../protocol/dhcp4/options.ts'
import type { ServedNetwork } from './served-network.ts'

/**
 * The network of a message, which need not be the one it arrived on: a relay names the link of its client by option
 * 82.5 (RFC 3527), option 118 (RFC 3011) or giaddr (RFC 2131 §4.3.1), a client behind one renews by unicast from its own
 * subnet (§4.3.2). Our address stays the one on which we were reached. The error is why nobody answers.
 */
export function whichNetwork(
  message: DhcpMessage,
  arrival: ServedNetwork,
  { networks }: Config,
  sourceAddress: Ipv4 = ANY_ADDRESS,
): Result<ServedNetwork, string> {
  const { giaddr } = message
  if (giaddr !== 0) return relayedTo(message, arrival, networks)
  // RFC 2131 §4.4.1: a DISCOVER has none, and where one is, it means nothing.
  const ciaddr = messageType(message) === 'DISCOVER' ? ANY_ADDRESS : message.ciaddr
  const from = ciaddr === 0 && arrival.interface === undefined ? sourceAddress : ciaddr
  if (arrival.interface !== undefined && (from === 0 || isOnLink(arrival, from)))
    return here(arrival, networks)
  const remote = networks.find(
    ({ interface: name, subnet }) => name === undefined && subnetContains(subnet, from),
  )
  if (remote !== undefined) return ok(reachedAt(arrival, remote, networks))
  return arrival.interface === undefined
    ? err(`sent to ${formatIpv4(arrival.address)} by no relay, from no network behind one`)
    : here(arrival, networks)
}

/**
 * Until a reload has brought the sockets in line, they know their networks as they were: an address that moved with its subnet
 * to another name would look free there.
 */
function here(arrival: ServedNetwork, networks: readonly Network[]): Result<ServedNetwork, string> {
  const isKept = ({ name, subnet }: Network): boolean =>
    networks.some(
      (one) =>
        one.name === name && one.subnet.network === subnet.network && one.subnet.prefix === subnet.prefix,
    )
  const gone = (arrival.link ?? [arrival]).find(({ network }) => !isKept(network))
  return gone === undefined
    ? ok(arrival)
    : err(`arrived on ${gone.network.name}, which a reload took away or moved`)
}

function relayedTo(
  message: DhcpMessage,
  arrival: ServedNetwork,
  networks: readonly Network[],
): Result<ServedNetwork, string> {
  const { giaddr } = message
  const link = relayAgentInfo(message)?.linkSelection ?? subnetSelection(message) ?? giaddr
  const network = networks.find(({ subnet }) => subnetContains(subnet, link))
  const via = `relayed by ${formatIpv4(giaddr)}`
  if (network === undefined) return err(`${via}: no network has ${formatIpv4(link)}`)
  // The reply goes to giaddr, whatever it says: nobody outside our networks is to hear from us by a forged one.
  const home = networks.find((one) => subnetContains(one.subnet, giaddr))
  const isNamed = networks.some((one) => one.relays.includes(giaddr))
  if (home === undefined ? !isNamed : isSubnetEnd(home.subnet, giaddr))
    return err(
      `${via}: ${home === undefined ? 'it is in no network and no relays:' : 'no host has this address'}`,
    )
  if (giaddr === arrival.address || networks.some((one) => one.address === giaddr))
    return err(`${via}: that is our own address`)
  const found = reachedAt(arrival, network, networks)
  const relays = (found.link ?? [found]).flatMap((one) => one.network.relays)
  if (relays.length > 0 && !relays.includes(giaddr))
    return err(`${via}, which is not among the relays: of ${network.name}`)
  if (network.dhcp === 'off') return err(`${via}: ${network.name} has dhcp: off`)
  return ok(found)
}

function isOnLink({ network, link }: ServedNetwork, address: Ipv4): boolean {
  return (link ?? [{ network }]).some((one) => subnetContains(one.network.subnet, address))
}

/** A network behind relays or routers, with our address on which its clients reached us. */
function reachedAt(
  { interface: name, address }: ServedNetwork,
  network: Network,
  networks: readonly Network[],
): ServedNetwork {
  const { sharedNetwork } = network
  const on = { ...(name === undefined ? {} : { interface: name }), network, address }
  if (sharedNetwork === undefined) return on
  const link = networks.filter((one) => one.sharedNetwork === sharedNetwork)
  return { ...on, link: link.map((one) => ({ network: one, address })) }
}
