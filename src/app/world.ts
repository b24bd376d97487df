import { loaderOverrides, publishedNames } from '../boot/loaders.ts'
import type { Ipv4 } from '../lib/ipv4.ts'
import type { Config, Node } from '../model/config.ts'
import type { Disk } from '../model/disk.ts'
import { imageFiles } from '../model/image.ts'
import type { IntentView } from '../model/intent.ts'
import type { LeaseView } from '../model/lease.ts'
import { indexNodeKeys, type NodeKeys } from '../model/node-keys.ts'
import {
  type FirmwareFile,
  type Image,
  type ImageFile,
  indexNodes,
  type LoopView,
  type MenuAccessView,
  type NodeIndex,
  type QueueView,
  type RecognisedView,
  type World,
} from '../model/world.ts'

/** The part of the world that only a reload changes: configuration, inventory, and the files they name. */
export interface Picture {
  readonly config: Config
  readonly nodes: NodeIndex
  readonly keys: NodeKeys
  readonly reservations: ReadonlyMap<Ipv4, Node>
  readonly firmware: ReadonlyMap<string, FirmwareFile>
  readonly firmwareDirs: readonly string[]
  readonly images: ReadonlyMap<string, Image>
  /** The files of the image store's versions, also of those that no script names any more, by the image's name. */
  readonly storedFiles: ReadonlyMap<string, readonly ImageFile[]>
}

/** Looks at the files that a configuration names. Hashing large images takes seconds, once per change. */
export async function takePicture(config: Config, disk: Disk): Promise<Picture> {
  const { firmware } = config.server
  return {
    config,
    nodes: indexNodes(config.nodes),
    keys: indexNodeKeys(config.nodes),
    reservations: new Map(
      config.nodes.flatMap((node) => (node.address === undefined ? [] : [[node.address, node] as const])),
    ),
    firmware: await findLoaders(config, disk),
    firmwareDirs: firmware,
    ...(await lookAtImages(config, disk)),
  }
}

/** The published loaders that are on disk now. */
export function findLoaders(config: Config, disk: Disk): Promise<ReadonlyMap<string, FirmwareFile>> {
  return disk.findFirmware(config.server.firmware, publishedNames(loaderOverrides(config)))
}

/**
 * The images of the configuration and of the store, without those whose files went away. Of one name the configuration
 * has its own. A store that cannot be read is what it was `before`.
 */
export async function lookAtImages(
  config: Config,
  disk: Disk,
  before: Pick<Picture, 'images' | 'storedFiles'> = { images: new Map(), storedFiles: new Map() },
): Promise<Pick<Picture, 'images' | 'storedFiles'>> {
  const [measured, stored] = await Promise.all([
    measureImages(config, disk),
    disk.storedImages(config.server.imageStore).catch(() => undefined),
  ])
  const current = stored?.current ?? new Map([...before.images].filter(([, image]) => isStored(image)))
  const free = [...current].filter(([name]) => !config.images.has(name))
  return { images: new Map([...free, ...measured]), storedFiles: stored?.files ?? before.storedFiles }
}

function isStored(image: Image): boolean {
  return imageFiles(image).some(({ stored }) => stored === true)
}

async function measureImages(config: Config, disk: Disk): Promise<ReadonlyMap<string, Image>> {
  const specs = [...config.images.values()]
  const measured = await Promise.allSettled(specs.map((spec) => disk.measureImage(spec)))
  return new Map(
    measured.flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [[outcome.value.name, outcome.value] as const] : [],
    ),
  )
}

/** What a server remembers of machines. */
export interface Memory {
  /** Concerns DHCP alone. */
  readonly loops?: LoopView | undefined
  readonly recognised?: RecognisedView | undefined
  /** Concerns scripts alone. */
  readonly queue?: QueueView | undefined
  /** Concerns choices of the menu alone. */
  readonly menuAccess?: MenuAccessView | undefined
  /** Likewise. */
  readonly intents?: IntentView | undefined
}

/** The world of one decision. `now` in milliseconds since 1970. */
export function worldAt(
  picture: Picture,
  leases: LeaseView,
  now: number,
  { loops, recognised, queue, intents, menuAccess }: Memory = {},
): World {
  const { config, nodes, keys, firmware, firmwareDirs, images } = picture
  return {
    config,
    nodes,
    keys,
    firmware,
    firmwareDirs,
    images,
    leases,
    now,
    ...(loops === undefined ? {} : { loops }),
    ...(recognised === undefined ? {} : { recognised }),
    ...(queue === undefined ? {} : { queue }),
    ...(intents === undefined ? {} : { intents }),
    ...(menuAccess === undefined ? {} : { menuAccess }),
  }
}
