import type { NodeEvidence, NodeKey } from './node-keys.ts'

/** What a machine showed over DHCP and in the requests of its loaders, which later ones need not show again. */
export interface MachineEvidence {
  readonly dhcp?: ShownOverDhcp
  readonly smbios?: SaidOfSmbios
  readonly node?: Recognised
}

/** By its firmware or a loader; an operating system may have another identifier. */
export interface ShownOverDhcp extends Pick<NodeEvidence, 'uuid' | 'port' | 'clientId'> {
  /** As a loader showed it. */
  readonly loaderUuid?: string
  /** Its firmware began anew since without a UUID: those here are from before. */
  readonly isEarlier?: true
  /** Its client architecture (option 93). */
  readonly arch?: string
}

/** With a script request, from its own lease. */
export interface SaidOfSmbios extends Pick<NodeEvidence, 'uuid' | 'serial' | 'assetTag'> {
  /** Its firmware began anew since. */
  readonly isEarlier?: true
}

/** The node that a machine was known to be, by name, and by which key: the one that it showed. */
export interface Recognised {
  readonly node: string
  readonly by: NodeKey
  readonly key: Pick<NodeEvidence, 'clientId' | 'port' | 'uuid'>
}
