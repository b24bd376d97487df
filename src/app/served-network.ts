import type { Ipv4 } from '../lib/ipv4.ts'
import type { Network } from '../model/config.ts'

/** A network that has an interface with our address on it, now. */
export interface ServedNetwork {
  readonly network: Network
  readonly interface: string
  /** Ours, in the network's subnet. */
  readonly address: Ipv4
}
