import type { ServedNetwork } from '../app/served-network.ts'
import { type Picture, takePicture } from '../app/world.ts'
import { LocalDisk } from '../files/disk.ts'
import { addIpv4, type Ipv4, subnetContains } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { Config, Network } from '../model/config.ts'
import { addressOn } from '../servers/interfaces.ts'
import { CliError, EXIT } from './exit-codes.ts'

/** The network asked for; else that of the machine's reservation; else the first. */
export function pickNetwork(name: string | undefined, mac: Mac | undefined, config: Config): Network {
  const reserved = config.nodes.find((node) => mac !== undefined && node.macs.includes(mac))?.address
  const network =
    name === undefined
      ? (config.networks.find(({ subnet }) => reserved !== undefined && subnetContains(subnet, reserved)) ??
        config.networks[0])
      : config.networks.find((candidate) => candidate.name === name)
  if (network !== undefined) return network
  const names = config.networks.map((candidate) => candidate.name).join(', ')
  throw new CliError(
    `--network: there is no network ${name ?? 'at all'}; there are ${names || 'none'}`,
    EXIT.usage,
  )
}

/**
 * The network at whose address of ours the clients and relays of this one are heard: itself, or where it has neither interface
 * nor address, the first that listens for DHCP.
 */
export function heardWith(network: Network, { networks }: Pick<Config, 'networks'>): Network {
  const isHeard = ({ interface: name, address }: Network): boolean =>
    name !== undefined || address !== undefined
  return isHeard(network)
    ? network
    : (networks.find((one) => isHeard(one) && (one.dhcp !== 'off' || network.dhcp === 'off')) ?? network)
}

/** Ours on the network; where it is only known once the interface is up, the first address stands for it. */
function serverAddress(network: Network): Ipv4 {
  const found =
    network.interface === undefined
      ? undefined
      : addressOn(network.interface, network.subnet, network.address)
  return network.address ?? found ?? addIpv4(network.subnet.network, 1)
}

/** A network, our address there, and the other subnets of its link. */
export function placeOf(
  network: Network,
  config: Pick<Config, 'networks'>,
): Omit<ServedNetwork, 'interface'> {
  const { networks } = config
  const { sharedNetwork } = network
  const addressOf = (one: Network): Ipv4 => serverAddress(heardWith(one, config))
  const members = networks.filter((one) => sharedNetwork !== undefined && one.sharedNetwork === sharedNetwork)
  const link = members.map((one) => ({ network: one, address: addressOf(one) }))
  return { network, address: addressOf(network), ...(link.length > 1 ? { link } : {}) }
}

/** The files that the configuration names, as they are now. */
export function pictureOf(config: Config): Promise<Picture> {
  return takePicture(config, new LocalDisk())
}
