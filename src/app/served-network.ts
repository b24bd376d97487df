import type { LinkSubnet } from '../model/config.ts'

/** A network of ours, now, and our address: in its subnet, or where its relays send to. */
export interface ServedNetwork extends LinkSubnet {
  /** Absent where only relays reach us, at our address on whichever interface. */
  readonly interface?: string
  /** Every subnet of the link, this one among them, where there are several (`sharedNetwork:`). */
  readonly link?: readonly LinkSubnet[]
}
