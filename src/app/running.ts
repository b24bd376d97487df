import type { LeaseTable } from '../address/lease-table.ts'
import type { Ipv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { Disk } from '../model/disk.ts'
import type { FileFigures } from '../model/http.ts'
import type { AccessSink, StateStore } from '../model/ports.ts'
import type { BootAttempts } from './attempts.ts'
import type { Attention } from './attention.ts'
import type { BootQueue } from './boot-queue.ts'
import type { ClaimedAddresses } from './claims.ts'
import type { DhcpCounters } from './dhcp-counters.ts'
import type { Drops } from './drops.ts'
import type { ForeignServers } from './foreign-servers.ts'
import type { NodeIntents } from './intents.ts'
import type { LoopWatch } from './loops.ts'
import type { MenuAccess } from './menu-access.ts'
import type { PingChecks } from './ping-check.ts'
import type { PlaneCounters } from './plane-counters.ts'
import type { RateLimit } from './rate.ts'
import type { RecognisedMachines } from './recognised.ts'
import type { SeenMachines } from './seen.ts'
import type { SharedLook } from './shared-look.ts'
import type { Timeline } from './timeline.ts'
import type { Transfers } from './transfers.ts'
import type { UnwrittenLeases } from './unwritten.ts'
import { lookAtImages, type Picture } from './world.ts'

/** What the use cases of a running server share. The picture is replaced as a whole, by reload. */
export interface Running {
  picture: Picture
  readonly leases: LeaseTable
  /** Leases on their way to the disk. */
  readonly unwritten: UnwrittenLeases
  /** Where another server gives the addresses. */
  readonly claims: ClaimedAddresses
  readonly store: StateStore
  readonly timeline: Timeline
  readonly seen: SeenMachines
  readonly attempts: BootAttempts
  /** The boots that somebody asked for. */
  readonly intents: NodeIntents
  /** Machines that load an image, and those that wait for them. */
  readonly queue: BootQueue
  /** Entries of the menu that need a password. */
  readonly menuAccess: MenuAccess
  /** Reports of each address. */
  readonly reportRate: RateLimit
  /** DHCP messages of each MAC address. */
  readonly askRate: RateLimit
  /** Of machines whose answers wait until their conflict is on disk. */
  readonly keepRate: RateLimit
  /** Whose DHCP messages are told of. */
  readonly attention: Attention
  /** DHCP messages without an answer that were not understood. */
  readonly drops: Drops
  readonly counters: DhcpCounters
  /** Requests and transfers over TFTP and HTTP. */
  readonly planes: PlaneCounters
  /** Those under way. */
  readonly transfers: Transfers
  readonly access: AccessSink
  /** What sends files over HTTP. */
  readonly files: { readonly figures: FileFigures }
  /** Addresses that are probed now. */
  readonly pingChecks: PingChecks
  /** The DHCP servers beside us. */
  readonly foreign: ForeignServers
  /** Whether an interface of this machine has it now. */
  readonly isOwnAddress: (address: Ipv4) => boolean
  /** Whether this card has the address on the link of that interface now, as the kernel knows by ARP. */
  readonly isNeighbour: (address: Ipv4, mac: Mac, device: string) => boolean
  /** Machines that are known by more than their MAC. */
  readonly recognised: RecognisedMachines
  /** Machines that a loader leads nowhere. */
  readonly loops: LoopWatch
  readonly disk: Disk
  readonly imageLook: SharedLook
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** When the images of a picture were looked at, as `Running.now`. */
const lookedAt = new WeakMap<Picture['images'], number>()
/** When the last look began. */
const begunAt = new WeakMap<SharedLook, number>()

/**
 * Notices images that were added, or changed on disk since they were hashed, so that a script never names old bytes. Not
 * again within so many milliseconds: whoever asks by hash gets what has that hash, or nothing.
 */
export function refreshImages(running: Running, withinMs = 0): Promise<void> | undefined {
  const last = lookedAt.get(running.picture.images) ?? Number.NEGATIVE_INFINITY
  const asked = running.now()
  if (asked - last < withinMs) return undefined
  const { imageLook } = running
  const look = async (): Promise<void> => {
    const { picture, disk } = running
    const now = running.now()
    begunAt.set(imageLook, now)
    const images = await lookAtImages(picture.config, disk, picture)
    lookedAt.set(images.images, now)
    // Loaders are looked for meanwhile, and change the picture too; only a reload makes these images old.
    if (running.picture.config === picture.config) running.picture = { ...running.picture, ...images }
  }
  const isFresh = asked - (begunAt.get(imageLook) ?? Number.NEGATIVE_INFINITY) < withinMs
  return isFresh ? imageLook.join(look) : imageLook.take(look)
}
