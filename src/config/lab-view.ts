import { broadcastOf, type Ipv4, type Ipv4Range } from '../lib/ipv4.ts'
import type { Config, Network } from '../model/config.ts'
import { linuxVariants } from '../model/image.ts'

export interface LabView {
  /** Files that take the place of every image's own; absolute paths. */
  readonly payload?: { readonly kernel: string; readonly initrd: string }
}

/**
 * A configuration as the lab runs it, in a world where nobody else is: networks that it only watches, or answers beside
 * another server, get Centra PXE as their DHCP server, and a pool if they have none, since no machine would get an
 * address otherwise.
 */
export function labView(config: Config, { payload }: LabView): Config {
  return {
    ...config,
    networks: config.networks.map((network) =>
      network.dhcp === 'off'
        ? network
        : {
            ...network,
            dhcp: 'server',
            probe: false,
            quietRouter: true,
            pools: network.pools.length > 0 ? network.pools : [upperHalf(network)],
          },
    ),
    images: payload === undefined ? config.images : withPayload(config, payload),
  }
}

/** Also the images of the image store that profiles name. */
function withPayload(config: Config, { kernel, initrd }: NonNullable<LabView['payload']>): Config['images'] {
  const stored = [...config.profiles.values()].flatMap(({ image, origin }) =>
    image === undefined || origin === undefined ? [] : [{ name: image, cmdline: [], origin }],
  )
  const images = [...stored, ...config.images.values()]
  return new Map(images.map((image) => [image.name, { ...image, variants: linuxVariants(kernel, [initrd]) }]))
}

/** At most 254 addresses; what is ours, the router's or reserved is never given out of a pool. */
function upperHalf({ subnet }: Network): Ipv4Range {
  const last = broadcastOf(subnet) - 1
  const middle = subnet.network + Math.floor((last - subnet.network) / 2)
  const first = Math.max(middle, last - 253, subnet.network)
  return { first: first as Ipv4, last: Math.max(last, first) as Ipv4 }
}
