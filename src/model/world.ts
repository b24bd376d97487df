import type { Mac } from '../lib/mac.ts'
import type { Config, Node } from './config.ts'
import type { Recognised, ShownOverDhcp } from './evidence.ts'
import type { Variant } from './image.ts'
import type { IntentView } from './intent.ts'
import type { LeaseView } from './lease.ts'
import type { NodeEvidence, NodeKeys } from './node-keys.ts'

/** A loader found in one of the firmware directories, by the name under which TFTP and HTTP publish it. */
export interface FirmwareFile {
  readonly name: string
  readonly path: string
  /** Octets. */
  readonly size: number
  /** Changes whenever the file does; safe inside an entity tag. */
  readonly revision?: string
  /** `lib/file-identity.ts`. */
  readonly identity?: string
}

export interface ImageFile {
  readonly name: string
  readonly path: string
  /** Octets. */
  readonly size: number
  /** Lower-case hex; part of the file's immutable address. */
  readonly sha256: string
  /** Of the file that was hashed (`lib/file-identity.ts`); files of the image store never change. */
  readonly identity?: string
  /** Of the image store: no symbolic link is followed to it. */
  readonly stored?: true
}

/** An image whose files were found, measured and hashed. */
export interface Image {
  readonly name: string
  readonly variants: readonly Variant<ImageFile>[]
  /** Kernel arguments of every machine that boots it. */
  readonly cmdline: readonly string[]
  /** Where it is declared: a place of the configuration, or `image store` and its version. */
  readonly cite: string
}

export type NodeIndex = ReadonlyMap<Mac, Node>

/** What is remembered of a machine for requests that show less. */
export interface Shown extends NodeEvidence, Pick<ShownOverDhcp, 'arch'> {
  /** From before its firmware began anew: it speaks against a node, and for none. */
  readonly earlier?: Pick<NodeEvidence, 'uuid' | 'otherUuids' | 'serial' | 'assetTag'>
}

export interface RecognisedView {
  /** What a DHCP message of this machine showed before. */
  nodeOf(mac: Mac): Recognised | undefined
  /** The machines that showed themselves to be this node. */
  claimants(node: string): Iterable<Mac>
  /** The machines that said one of these when they asked for their script. */
  sayersOf(keys: Pick<NodeEvidence, 'uuid' | 'serial'>): Iterable<Mac>
  /** What its firmware and loaders showed over DHCP and said with their scripts: most requests show less. */
  shownBy(mac: Mac): Shown | undefined
}

export interface LoopView {
  /** The loader that this machine fetched again and again without asking for a script. `now` as `World.now`. */
  loaderOf(mac: Mac, now: number): string | undefined
  /** The loader that it fetched within the last two minutes, if it asked for no script since. */
  fetchedBy(mac: Mac, now: number): string | undefined
}

/** The machines of a network that load an image now, as the one sees them that asks. */
export interface QueueView {
  /** It is one of them. */
  readonly loads: boolean
  /** The others. */
  readonly loading: number
  /** What they have not fetched yet, in octets. */
  readonly octets: number
  /** Those that wait, came before it, and will ask within a moment: free places are theirs. */
  readonly ahead: number
  /** Its place among those that wait, 1 for whoever is next; the last one when it has just come. */
  readonly place: number
  /** Those that wait, this one among them. */
  readonly waiting: number
}

/** What passwords have opened, for the machine that asks. */
export interface MenuAccessView {
  /** Whether the entry of that name was opened. */
  readonly opened: (lock: string) => boolean
  /** The password that came with the request did not open it: it was wrong, or too many were tried. */
  readonly refused?: 'wrong' | 'too-many'
}

/** Everything a decision may look at; immutable, made by `app/world.ts`. */
export interface World {
  readonly config: Config
  readonly nodes: NodeIndex
  readonly keys: NodeKeys
  readonly firmware: ReadonlyMap<string, FirmwareFile>
  /** The directories that were searched for `firmware`, for messages. */
  readonly firmwareDirs: readonly string[]
  readonly images: ReadonlyMap<string, Image>
  readonly leases: LeaseView
  /** The loaders that machines fetch again and again, by machine; absent where nobody watches. */
  readonly loops?: LoopView
  /** Machines that are known by what they showed before; absent where nobody remembers. */
  readonly recognised?: RecognisedView
  /** Absent where nobody counts: as if nobody else loaded. */
  readonly queue?: QueueView
  /** Absent: nothing is open. */
  readonly menuAccess?: MenuAccessView
  /** Absent where nothing is known of commands: as if there had been none. */
  readonly intents?: IntentView
  /** Milliseconds since 1970. */
  readonly now: number
}

/** The nodes by each of their MAC addresses. */
export function indexNodes(nodes: readonly Node[]): NodeIndex {
  return new Map(nodes.flatMap((node) => node.macs.map((mac) => [mac, node] as const)))
}
