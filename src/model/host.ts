import type { Ipv4, Subnet } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'

/** A network interface as the system has it now. */
export interface HostInterface {
  readonly name: string
  /** Absent when it is not up and running, or no Ethernet. */
  readonly mac?: Mac
  /** An interface without carrier tells its subnets by its routes, and not its addresses. */
  readonly subnets: readonly HostSubnet[]
  /** Up, with carrier, and with an address of any family. */
  readonly isRunning: boolean
  /** Packets to the rest of the world leave here. */
  readonly hasDefaultRoute: boolean
  /** The next hop of the default route, where it has one. */
  readonly gateway?: Ipv4
}

export interface HostSubnet {
  readonly subnet: Subnet
  readonly address?: Ipv4
}

/** What a machine that shall become a server looks like before. */
export interface Host {
  readonly interfaces: readonly HostInterface[]
  /** Addresses that answered ARP lately, on any interface. */
  readonly neighbours: readonly Ipv4[]
  /** Another program has UDP port 67 here. */
  readonly hasDhcpServer: boolean
}

/** A server that answered, or was heard answering somebody else. */
export interface HeardServer {
  readonly interface: string
  /** Option 54, else the source of its packet. */
  readonly address: Ipv4
  /** The source of its frame: the server's, or of a relay or router in front of it. */
  readonly mac?: Mac
  /** Which question of ours it answers: as an operating system asks, or as PXE firmware does. */
  readonly asked?: 'plain' | 'pxe'
  /** `proxy` offers boot files and no addresses. */
  readonly kind: 'dhcp' | 'proxy'
  /** What it offered us: in use or soon to be. */
  readonly offered?: Ipv4
  readonly router?: Ipv4
  readonly dns: readonly Ipv4[]
  /** Absent when it says nothing about booting. */
  readonly boot?: OfferedBoot
}

/** What a server's answer says about booting. Texts are safe to print. */
export interface OfferedBoot {
  /** siaddr; absent when zero. */
  readonly nextServer?: Ipv4
  /** Option 66, or the field `sname`. */
  readonly tftpServer?: string
  /** Option 67, or the field `file`. */
  readonly bootFile?: string
  /** Option 60. */
  readonly vendorClass?: string
  /** Option 43 has PXE's discovery control, boot servers, menu or prompt (PXE 2.1 Table 2-1: 6 to 10). */
  readonly hasPxeOptions?: true
}

/** What is known of DHCP servers on the interfaces asked. */
export type Hearing =
  | {
      readonly kind: 'listened'
      readonly interfaces: readonly string[]
      readonly seconds: number
      readonly servers: readonly HeardServer[]
    }
  | { readonly kind: 'not-listened'; readonly why: string }
