import type { Ipv4, Ipv4Range, Subnet } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { InstallerDocument } from './document.ts'
import type { HttpLimits } from './http-limits.ts'
import type { Variant } from './image.ts'
import type { RedeemedBy } from './intent.ts'
import type { TftpLimits } from './tftp-limits.ts'
import type { TlsFiles } from './tls.ts'

/** Where the operator wrote something; traces and errors cite it. Lines and columns count from 1. */
export interface Origin {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** What the operator declared: read once from files, never changed by the server. */
export interface Config {
  /** Absolute path of the main file. */
  readonly file: string
  readonly server: ServerConfig
  readonly networks: readonly Network[]
  readonly images: ReadonlyMap<string, ImageSpec>
  /** What installers and first boots read, by name. */
  readonly documents: ReadonlyMap<string, InstallerDocument>
  /** The built-in profiles with the operator's overrides, and the operator's own. */
  readonly profiles: ReadonlyMap<string, Profile>
  readonly nodes: readonly Node[]
  /** In the order in which they are tried. */
  readonly rules: readonly SelectionRule[]
  readonly menu: Menu
  /** Boots of installers on one node without success after which it is quarantined. */
  readonly installTries: number
  readonly unknown: UnknownPolicy
  /** Kernel consoles of every profile, as in `console=`: `ttyS0,115200`. */
  readonly consoles: readonly string[]
  /** Network adapters that go from machine to machine: they tell none. */
  readonly sharedAdapters: ReadonlySet<Mac>
}

export interface ServerConfig {
  readonly stateDir: string
  /** The folder of the image store. */
  readonly imageStore: string
  /** TCP port of the node plane on every served network's address. */
  readonly httpPort: number
  /** The same over TLS, on a port of its own; absent: not at all. */
  readonly https?: HttpsListener
  /** Whether the node plane lists what it publishes. */
  readonly listing: boolean
  readonly limits: ServerLimits
  /** The operator plane's listener. */
  readonly operator: { readonly host: string; readonly port: number }
  /** Directories with loaders, first match wins. */
  readonly firmware: readonly string[]
  /** Where every request of the node plane is written; absent: nowhere. */
  readonly accessLog?: AccessTarget
}

export interface ServerLimits {
  readonly tftp: TftpLimits
  readonly http: HttpLimits
}

export type AccessTarget = { readonly kind: 'file'; readonly path: string } | { readonly kind: 'stdout' }

export interface HttpsListener extends TlsFiles {
  readonly port: number
}

/** What machines fetch from the HTTPS port: UEFI HTTP boot its loader, iPXE what it loads; or where a system reports. */
export const HTTPS_USES = ['firmware', 'scripts', 'documents', 'reports'] as const
export type HttpsUse = (typeof HTTPS_USES)[number]

export type DhcpMode = 'off' | 'observe' | 'proxy' | 'server'
export type ClientsPolicy = 'all' | 'netboot' | 'known'
export type UnknownPolicy = 'menu' | 'local' | 'ignore'
/** `script`: at once. `chain`: our loader first, whose iPXE then gets the script. */
export type ForeignIpxePolicy = 'script' | 'chain'

export interface Network {
  readonly name: string
  /** Where we listen; a network reached only through a relay names none. */
  readonly interface?: string
  /** Networks of one name are subnets of one link. */
  readonly sharedNetwork?: string
  readonly subnet: Subnet
  /** Our address; when absent, the interface's own address in the subnet. Without an interface: where relays send to. */
  readonly address?: Ipv4
  readonly dhcp: DhcpMode
  readonly clients: ClientsPolicy
  readonly pools: readonly Ipv4Range[]
  /** Lease time in seconds (option 51) of a client that wishes nothing. */
  readonly leaseSeconds: number
  /** What a client may wish for, in seconds; absent: its wish counts for nothing. */
  readonly leaseLimits?: { readonly min: number; readonly max: number }
  /** How long a new address is probed before it is offered, in milliseconds; absent: it is not. */
  readonly pingCheckMs?: number
  /** What a lease belongs to: a MAC, or a client identifier (option 61) where there is one. */
  readonly identity: 'mac' | 'client-id'
  /** Whether clients with an address that is not theirs here are told so (NAK, RFC 2131 §4.3.2). */
  readonly authoritative: boolean
  /** Whether nodes that speak BOOTP alone get their reservation (RFC 1534 §2). */
  readonly bootp: boolean
  /** Other servers that give addresses there by arrangement. */
  readonly besides: readonly Ipv4[]
  /** Whether other servers are asked for, before `server` starts and every ten minutes. */
  readonly probe: boolean
  /** Whether machines that boot are told that no IPv6 router is there (RFC 4861), so that iPXE does not wait for one. */
  readonly quietRouter: boolean
  /** The relay agents that are believed; none: any. */
  readonly relays: readonly Ipv4[]
  /** Where clients fetch their loader instead of from us: siaddr and option 66. */
  readonly nextServer?: Ipv4
  /** The loader of machines whose node and profile name none, in place of the table's. */
  readonly loader?: LoaderOverride
  /** What an iPXE gets that is not ours, such as a card's own. */
  readonly foreignIpxe: ForeignIpxePolicy
  /** What machines boot there that nothing else is said of. */
  readonly profile?: string
  readonly https: readonly HttpsUse[]
  /** Where its machines load the files of images; absent: from us. */
  readonly files?: FilesBase
  /** Of all its HTTP transfers of files together, in octets a second; absent: as fast as they can. */
  readonly rate?: number
  /** Of each client address. */
  readonly clientRate?: number
  /** Machines that load an image at the same time; `auto`: by what they have to load; absent: any number. */
  readonly boots?: number | 'auto'
  readonly options: ClientOptions
  readonly origin: Origin
}

/** Another server with the files of our images, at the same paths. */
export interface FilesBase {
  /** `http` or `https`, no slash at the end. */
  readonly url: string
  /** `script`: loaders are told the address; `redirect`: iPXE alone, by our answer. */
  readonly by: 'script' | 'redirect'
}

/** A subnet and our address for its clients: the server identifier. */
export interface LinkSubnet {
  readonly network: Network
  readonly address: Ipv4
}

/** What clients are told besides their address; a node's own comes before its network's. */
export interface ClientOptions {
  readonly router?: Ipv4
  readonly dns?: readonly Ipv4[]
  readonly ntp?: readonly Ipv4[]
  readonly domain?: string
  readonly search?: readonly string[]
  /** Octets. */
  readonly mtu?: number
  readonly routes?: readonly StaticRoute[]
  readonly hostName?: string
  /** Told as they are, by option code. */
  readonly custom?: readonly CustomOption[]
}

export interface StaticRoute {
  readonly to: Subnet
  readonly via: Ipv4
}

export interface CustomOption {
  readonly code: number
  /** 1 to 255 octets. */
  readonly data: Uint8Array
  /** Told also to clients that do not ask for it in option 55. */
  readonly always: boolean
}

/** What can be booted, as the operator names it: paths are absolute. */
export interface ImageSpec {
  readonly name: string
  readonly variants: readonly Variant<string>[]
  readonly cmdline: readonly string[]
  readonly origin: Origin
}

/** What a machine needs to run a profile: shown on its screen, not checked. */
export interface Requirements {
  readonly cores?: number
  readonly memoryGB?: number
  readonly diskGB?: number
}

/** A file for every architecture that can run it, or one by the name of an architecture (`uefi-x64`). */
export type LoaderOverride = string | Readonly<Record<string, string>>

/**
 * How a loader leaves a machine to its own disk. `exit`: back to the firmware. `exit-failure`: the same with an error, after which
 * UEFI tries its next boot option. `first-disk`: the boot sector of the BIOS's first disk. `search`: a system's loader on
 * one of the disks.
 */
export const LOCAL_DISK_METHODS = ['exit', 'exit-failure', 'first-disk', 'search'] as const
export type LocalDiskMethod = (typeof LOCAL_DISK_METHODS)[number]

/** The menu's own entries; no profile can have one of these names. */
export const MENU_KEYS = ['local', 'info', 'shell', 'network', 'reboot', 'poweroff'] as const

/** The built-in profile that the menu offers for machines that are broken. */
export const RESCUE_PROFILE = 'rescue'

/** What to do where a profile has no image that is on disk. The rescue profile's is one that we make ourselves. */
export function imageAdvice({ name, image }: { readonly name: string; readonly image?: string }): string {
  return name === RESCUE_PROFILE && (image === undefined || image === RESCUE_PROFILE)
    ? 'centra-pxe rescue build --authorized-keys FILE makes it'
    : `set profiles.${name}.image`
}

export interface Profile {
  readonly name: string
  readonly title: string
  readonly description?: string
  readonly services: readonly string[]
  readonly requires: Requirements
  /** Shown before the profile is chosen; all-in-one says here that it is not for production. */
  readonly warning?: string
  /** The name of an image; a profile without one is hidden from the menu. */
  readonly image?: string
  /** The name of the document that its installer or first boot reads. */
  readonly document?: string
  readonly cmdline: readonly string[]
  /** It writes the machine's disk: it boots by command alone, once, and this is what uses the command up. */
  readonly install?: RedeemedBy
  /** Replaces the loader table's choice. */
  readonly loader?: LoaderOverride
  /** Instead of the usual way to its own disk. */
  readonly localDisk?: LocalDiskMethod
  /** UEFI HTTP boot loads the image's EFI program itself. */
  readonly direct?: boolean
  /** What a machine boots that could not load this profile's image and at which nobody chooses otherwise. */
  readonly onFailure?: typeof RESCUE_PROFILE
  /** Absent for a built-in profile that the configuration does not mention. */
  readonly origin?: Origin
}

export interface Node {
  readonly name: string
  /** Its network cards; where none is written, one of the keys below tells the machine. */
  readonly macs: readonly Mac[]
  /** Option 61 as hex, in each form that counts. */
  readonly clientIds?: readonly string[]
  /** The port of a relay or switch at which it is (option 82). */
  readonly relayPort?: RelayPort
  /** SMBIOS' text in lower case. */
  readonly uuid?: string
  /** Of SMBIOS, type 1 and type 3. */
  readonly serial?: string
  readonly assetTag?: string
  /** For rules to match. */
  readonly labels?: Readonly<Record<string, string>>
  /** A reservation. */
  readonly address?: Ipv4
  /** A node without one gets what `unknown:` says, but keeps its name and its reservation. */
  readonly profile?: string
  /** The profile that `node install` boots. */
  readonly install?: string
  readonly cmdline: readonly string[]
  /** Replaces the loader table's choice, and the profile's. */
  readonly loader?: LoaderOverride
  /** Instead of the usual way to its own disk, or its profile's. */
  readonly localDisk?: LocalDiskMethod
  /** Where it fetches its loader instead of from us, or from where its network says. */
  readonly nextServer?: Ipv4
  /** Instead of its network's. */
  readonly https?: readonly HttpsUse[]
  readonly options: ClientOptions
  readonly origin: Origin
}

/** What machines that no node gives a profile boot: the first rule that fits. */
export interface SelectionRule {
  /** As traces call it: `rule 2`, or as it is named. */
  readonly name: string
  readonly match: Selector
  readonly profile: string
  readonly origin: Origin
}

/** All that is written must hold, of a list one; texts without case. */
export interface Selector {
  readonly labels?: Readonly<Record<string, string>>
  readonly networks?: readonly string[]
  /** Client architectures by name. */
  readonly arches?: readonly string[]
  /** Manufacturer and product as SMBIOS has them. */
  readonly vendors?: readonly string[]
  readonly products?: readonly string[]
  readonly relayPort?: RelayPort
  readonly subnets?: readonly Subnet[]
}

/** At least one of circuit id and remote id, both as hex. */
export interface RelayPort {
  /** The relay's giaddr; any that the network lists where there is none. */
  readonly relay?: Ipv4
  readonly circuitId?: string
  readonly remoteId?: string
}

export interface Menu {
  readonly title: string
  readonly timeoutSeconds: number
  /** `local` or the name of a profile. */
  readonly default: string
  /** What it offers; absent: every profile that has an image. */
  readonly items?: readonly MenuItem[]
}

/** An entry of the menu, or a menu of its own. */
export type MenuItem = ProfileItem | SubmenuItem

interface ItemCommon {
  /** Of a profile, or unlike any profile's: what machines send when it was chosen. */
  readonly name: string
  /** The key that chooses it. */
  readonly key?: string
  /** Its key alone chooses it. */
  readonly hidden?: true
  /** The hash of a password. */
  readonly password?: string
}

export interface ProfileItem extends ItemCommon {
  readonly kind: 'profile'
  readonly title?: string
}

export interface SubmenuItem extends ItemCommon {
  readonly kind: 'submenu'
  readonly title: string
  readonly items: readonly MenuItem[]
}

/** Whether it is wrong that an image is missing. It is not for the rescue system until something names its profile. */
export function needsImage({ name, image }: Profile, config: Config): boolean {
  if (name !== RESCUE_PROFILE || image !== RESCUE_PROFILE) return true
  const { nodes, rules, networks, menu } = config
  const named = [...nodes, ...rules, ...networks].map(({ profile }) => profile)
  return named.includes(name) || menu.default === name
}
