import { classifyTftp } from '../boot/classify-tftp.ts'
import { decide } from '../boot/decide.ts'
import { parseIpv4, subnetContains } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { BootAttempt } from '../model/ports.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'
import { worldAt } from './world.ts'

export type LoaderAnswer =
  | { readonly kind: 'file'; readonly name: string; readonly file: PublishedFile }
  | { readonly kind: 'refuse'; readonly reason: string }

/** A file on disk that may be read, as it was when it was last looked at. */
export interface PublishedFile {
  readonly path: string
  /** Octets. */
  readonly size: number
  /** Changes whenever the file does; absent: nobody can tell. */
  readonly revision?: string
  /** No symbolic link is followed to it. */
  readonly noLinks?: true
}

/** The loader of that name, if it is published. */
export function answerTftp(
  names: readonly string[],
  peer: string,
  on: ServedNetwork,
  running: Running,
): LoaderAnswer {
  const world = worldAt(running.picture, running.leases, running.now(), { recognised: running.recognised })
  const ingress = { network: on.network.name, server: on.address }
  const { action } = decide(classifyTftp(names, machineAt(peer, on, running), ingress), world)
  if (action.kind !== 'file')
    return { kind: 'refuse', reason: action.kind === 'refuse' ? action.reason : 'not published' }
  const { name, path, size, revision } = action.file
  const file = { path, size, ...(revision === undefined ? {} : { revision }), noLinks: true } as const
  return { kind: 'file', name, file }
}

/** The machine whose lease an address is; undefined for a stranger's. */
export function machineAt(peer: string, on: ServedNetwork, running: Running): Mac | undefined {
  const address = parseIpv4(peer)
  if (address === undefined) return undefined
  const { network } = servedFrom(peer, on, running)
  if (network.dhcp === 'proxy') return running.claims.at(address, running.now())
  const lease = running.leases.ofAddress(network.name, address)
  return lease?.state === 'bound' && lease.expiresAt > running.now()
    ? running.recognised.cardOf(lease.mac)
    : undefined
}

/**
 * The same, sure enough for what is given to this machine alone. Where another server gives the addresses a machine says itself
 * which one is its own (options 50 and 54, ciaddr), which anybody can say: there its card has to be who answers ARP for it.
 */
export function provenAt(peer: string, on: ServedNetwork, running: Running): Mac | undefined {
  const mac = machineAt(peer, on, running)
  const address = parseIpv4(peer)
  if (mac === undefined || address === undefined || !isProxied(peer, on, running)) return mac
  const { interface: device } = on
  return device !== undefined && running.isNeighbour(address, mac, device) ? mac : undefined
}

/** Whether it is the machine with this card: by its own lease, or that of another card of its node. */
export function isProvenAs(mac: Mac, peer: string, on: ServedNetwork, running: Running): boolean {
  const own = provenAt(peer, on, running)
  if (own === undefined) return false
  const { nodes } = running.picture
  const node = nodes.get(mac)
  return own === mac || (node !== undefined && nodes.get(own) === node)
}

/**
 * Where a boot attempt was opened, if its machine speaks from another lease: an installer has a client identifier of its own, or
 * goes by another card. Else the peer's own address.
 */
export function addressInAttempt(
  attempt: Pick<BootAttempt, 'mac' | 'address'> | undefined,
  peer: string,
  on: ServedNetwork,
  running: Running,
): string {
  return attempt !== undefined && attempt.address !== peer && isProvenAs(attempt.mac, peer, on, running)
    ? attempt.address
    : peer
}

/** Why whoever asks from there is not the machine that it asks for. */
export function notIts(peer: string, on: ServedNetwork, running: Running): string {
  const why = isProxied(peer, on, running) ? 'where its card does not answer ARP' : 'not from its lease'
  return `asked from ${peer}, ${why}`
}

function isProxied(peer: string, on: ServedNetwork, running: Running): boolean {
  return servedFrom(peer, on, running).network.dhcp === 'proxy'
}

/** The network of whoever reaches us here: a subnet of this link, or one behind relays; this one for strangers. */
export function servedFrom(peer: string, on: ServedNetwork, running: Running): ServedNetwork {
  const address = parseIpv4(peer)
  if (address === undefined || subnetContains(on.network.subnet, address)) return on
  const link = on.link ?? []
  const network = running.picture.config.networks.find(
    (one) =>
      subnetContains(one.subnet, address) &&
      (one.interface === undefined || link.some((subnet) => subnet.network.name === one.name)),
  )
  return network === undefined ? on : { ...on, network }
}
