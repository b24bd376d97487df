import type { LoaderOverride, Node } from '../model/config.ts'
import type { Step } from '../model/rules.ts'
import type { FirmwareFile, World } from '../model/world.ts'
import type { ClientArch } from '../protocol/iana/arch.ts'
import type { BootRequest } from './decision.ts'
import { archesOfLoader, overrideFor } from './loaders.ts'

/** What is known of the machine that asks, and the trace so far. */
export interface Asked {
  readonly request: BootRequest
  readonly world: World
  readonly node: Node | undefined
  /** What it will boot, as far as that is known. */
  readonly profile: string | undefined
  /** The profile that somebody commanded for one boot: its loader and `direct:` come first. */
  readonly commanded?: string
  readonly steps: Step[]
}

/** A loader for a machine, and who says so. */
export interface Chosen {
  readonly name: string
  /** Absent: named, and not on disk. */
  readonly file: FirmwareFile | undefined
  /** Who chose it: `table`, `profile web`, `node n1`. */
  readonly by: string
  readonly from: Step['from']
}

/** What the node, or else one of its profiles, or else its network, names for this architecture. */
export function namedLoader(asked: Asked, arch: ClientArch, stage: 'rom' | 'ipxe'): Chosen | undefined {
  for (const { override, by, from } of overrides(asked)) {
    const name = overrideFor(override, { arch, stage })
    if (name !== undefined) return { name, file: asked.world.firmware.get(name), by, from }
    if (typeof override === 'string')
      asked.steps.push({ rule: 'loader.override', outcome: `${by} says ${override}, not for ${arch}`, from })
  }
  return undefined
}

/** What they name without an architecture, for a client of which none is known; never a file of the table. */
export function namedForAny(asked: Asked): Chosen | undefined {
  for (const { override: name, by, from } of overrides(asked))
    if (typeof name === 'string' && archesOfLoader(name).length === 0)
      return { name, file: asked.world.firmware.get(name), by, from }
  return undefined
}

interface Override {
  readonly override: LoaderOverride
  readonly by: string
  readonly from: Step['from']
}

/**
 * The node's own first, then that of the profile it was commanded to boot, then its usual profile's, then the network's: a machine
 * whose firmware takes signed loaders alone still gets one for a profile that names none.
 */
export function overrides({
  request,
  node,
  profile: selected,
  commanded,
  world,
}: Asked): readonly Override[] {
  const network = world.config.networks.find(({ name }) => name === request.ingress.network)
  return [
    ...(node?.loader === undefined
      ? []
      : [{ override: node.loader, by: `node ${node.name}`, from: 'inventory' } as const]),
    ...[...new Set([commanded, selected])].flatMap((name) => {
      const profile = world.config.profiles.get(name ?? '')
      return profile?.loader === undefined
        ? []
        : [{ override: profile.loader, by: `profile ${profile.name}`, from: 'config' } as const]
    }),
    ...(network?.loader === undefined
      ? []
      : [{ override: network.loader, by: `network ${network.name}`, from: 'config' } as const]),
  ]
}
