import type { Config } from '../model/config.ts'

export interface LabView {
  /** Files that take the place of every image's own; absolute paths. */
  readonly payload?: { readonly kernel: string; readonly initrd: string }
}

/**
 * A configuration as the lab runs it, in a world where nobody else is: networks that it only watches, or answers beside
 * another server, get Centra PXE as their DHCP server, since no machine would get an address otherwise.
 */
export function labView(config: Config, { payload }: LabView): Config {
  const images = [...config.images.values()].map((image) =>
    payload === undefined ? image : { ...image, kernel: payload.kernel, initrd: [payload.initrd] },
  )
  return {
    ...config,
    networks: config.networks.map((network) =>
      network.dhcp === 'off' ? network : { ...network, dhcp: 'server' },
    ),
    images: new Map(images.map((image) => [image.name, image])),
  }
}
