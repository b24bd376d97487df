import assert from 'node:assert/strict'
import type { AddressWorld } from '../../src/address/decide-lease.ts'
import { LeaseTable } from '../../src/address/lease-table.ts'
import { type Picture, worldAt } from '../../src/app/world.ts'
import type { BootRequest, ClientStage, Firmware, Question } from '../../src/boot/decision.ts'
import { LOADER_NAMES } from '../../src/boot/loaders.ts'
import { BUILTIN_PROFILES } from '../../src/config/builtin-profiles.ts'
import { type Ipv4, parseIpv4, parseRange, parseSubnet } from '../../src/lib/ipv4.ts'
import { type Mac, parseMac } from '../../src/lib/mac.ts'
import type {
  Config,
  ImageSpec,
  LoaderOverride,
  Menu,
  MenuItem,
  Network,
  Node,
  Profile,
  UnknownPolicy,
} from '../../src/model/config.ts'
import { DEFAULT_HTTP_LIMITS } from '../../src/model/http-limits.ts'
import { linuxVariants } from '../../src/model/image.ts'
import type { Lease } from '../../src/model/lease.ts'
import { indexNodeKeys } from '../../src/model/node-keys.ts'
import type { Step, Trace } from '../../src/model/rules.ts'
import { DEFAULT_TFTP_LIMITS } from '../../src/model/tftp-limits.ts'
import {
  type FirmwareFile,
  type Image,
  indexNodes,
  type QueueView,
  type World,
} from '../../src/model/world.ts'
import type { ClientArch } from '../../src/protocol/iana/arch.ts'

/** The instant of every test world: 2026-11-23 04:00:00 UTC, in milliseconds. */
export const NOW = 1_795_406_400_000
export const CONFIG_FILE = '/etc/centra-pxe/centra-pxe.yaml'
export const KERNEL_SHA256 = 'a1'.repeat(32)
export const INITRD_SHA256 = 'b2'.repeat(32)

/** Machines with a name in most tests; nobody describes the stranger. */
export const NODE01 = mac('52:54:00:77:00:01')
export const NODE02 = mac('52:54:00:77:00:02')
export const NODE02_SECOND = mac('52:54:00:77:10:02')
export const STRANGER = mac('52:54:00:aa:bb:cc')

export function ip(text: string): Ipv4 {
  const address = parseIpv4(text)
  assert.ok(address !== undefined, `${text} is an address`)
  return address
}

export function mac(text: string): Mac {
  const parsed = parseMac(text)
  assert.ok(parsed !== undefined, `${text} is a MAC address`)
  return parsed
}

export function network(subnet: string, changes: Partial<Network> = {}): Network {
  const parsed = parseSubnet(subnet)
  assert.ok(parsed.ok, subnet)
  return {
    name: 'provisioning',
    interface: 'prov0',
    subnet: parsed.value,
    dhcp: 'server',
    clients: 'all',
    pools: [],
    leaseSeconds: 3600,
    identity: 'mac',
    authoritative: true,
    bootp: false,
    besides: [],
    probe: true,
    quietRouter: false,
    relays: [],
    foreignIpxe: 'script',
    https: [],
    boots: 32,
    options: {},
    origin: { file: CONFIG_FILE, line: 10, column: 5 },
    ...changes,
  }
}

export function pool(text: string): Network['pools'] {
  const range = parseRange(text)
  assert.ok(range.ok, text)
  return [range.value]
}

/** The network of the contract's lab.yaml with the three built-in profiles on one image, and no nodes. */
export function world(): WorldBuilder {
  return new WorldBuilder()
}

export class WorldBuilder {
  now = NOW
  readonly leases = new LeaseTable()
  /** What ARP knows of our link. */
  readonly neighbours = new Map<Ipv4, Mac>()
  #network = network('10.77.0.0/24', {
    address: ip('10.77.0.1'),
    pools: pool('10.77.0.100-10.77.0.199'),
    options: { router: ip('10.77.0.1'), dns: [ip('10.77.0.1')] },
  })
  #server = ip('10.77.0.1')
  #unknown: UnknownPolicy = 'menu'
  #nodes: Node[] = []
  #menu: Menu = { title: 'Centra boot', timeoutSeconds: 30, default: 'local' }
  #firmware: readonly string[] = LOADER_NAMES
  readonly #loops = new Map<Mac, string>()
  readonly #fetched = new Map<Mac, string>()
  #queue: QueueView | undefined
  #https: Config['server']['https']
  #profiles: readonly Profile[] = BUILTIN_PROFILES.map((profile) => ({ ...profile, image: 'debian-live' }))
  #images: readonly Image[] = [image('debian-live')]
  #spec = imageSpec('debian-live')

  /** `macs` separated by spaces. */
  node(
    name: string,
    macs: string,
    parts: {
      readonly address?: string
      readonly profile?: string
      readonly cmdline?: readonly string[]
      readonly loader?: LoaderOverride
    } = {},
  ): this {
    this.#nodes.push({
      name,
      macs: macs.split(' ').map(mac),
      ...(parts.address === undefined ? {} : { address: ip(parts.address) }),
      ...(parts.profile === undefined ? {} : { profile: parts.profile }),
      cmdline: parts.cmdline ?? [],
      ...(parts.loader === undefined ? {} : { loader: parts.loader }),
      options: {},
      origin: { file: CONFIG_FILE, line: 40 + this.#nodes.length, column: 5 },
    })
    return this
  }

  replaceNode(name: string, changes: Partial<Node>): this {
    this.#nodes = this.#nodes.map((node) => (node.name === name ? { ...node, ...changes } : node))
    return this
  }

  /** The two nodes of the contract's lab.yaml. */
  labNodes(): this {
    return this.node('node01', NODE01, { address: '10.77.0.11', profile: 'control-plane' }).node(
      'node02',
      `${NODE02} ${NODE02_SECOND}`,
      { address: '10.77.0.12', profile: 'worker', cmdline: ['console=ttyS1,115200'] },
    )
  }

  network(changes: Partial<Network>): this {
    this.#network = { ...this.#network, ...changes }
    return this
  }

  server(address: string): this {
    this.#server = ip(address)
    return this
  }

  unknown(policy: UnknownPolicy): this {
    this.#unknown = policy
    return this
  }

  menuItems(...items: readonly MenuItem[]): this {
    this.#menu = { ...this.#menu, items }
    return this
  }

  menuDefault(key: string): this {
    this.#menu = { ...this.#menu, default: key }
    return this
  }

  /** The node plane over TLS as well. */
  https(port = 8443): this {
    this.#https = { port, certificate: '/etc/centra-pxe/server.crt', key: '/etc/centra-pxe/server.key' }
    return this
  }

  /** The loaders that are on disk. */
  firmware(...names: readonly string[]): this {
    this.#firmware = names
    return this
  }

  /** This machine fetched this loader again and again. */
  looping(client: Mac, loader: string): this {
    this.#loops.set(client, loader)
    return this
  }

  /** This machine has just fetched this loader. */
  fetched(client: Mac, loader: string): this {
    this.#fetched.set(client, loader)
    return this
  }

  /** The machines that load now, as this world's decision sees them. */
  queue(view: QueueView): this {
    this.#queue = view
    return this
  }

  profile(name: string, changes: Partial<Profile>): this {
    this.#profiles = this.#profiles.map((profile) =>
      profile.name === name ? { ...profile, ...changes } : profile,
    )
    return this
  }

  /** The images whose files are on disk. */
  images(...names: readonly string[]): this {
    this.#images = names.map(image)
    return this
  }

  /** The configured image is a kernel alone. */
  withoutInitrds(): this {
    this.#spec = { ...this.#spec, variants: linuxVariants('/srv/vmlinuz', []) }
    return this
  }

  /** One more image whose files are on disk. */
  image(found: Image): this {
    this.#images = [...this.#images, found]
    return this
  }

  lease(address: string, owner: Mac, changes: Partial<Lease> = {}): this {
    this.leases.put({
      network: this.#network.name,
      address: ip(address),
      mac: owner,
      state: 'bound',
      startedAt: this.now - 600_000,
      expiresAt: this.now + 3_000_000,
      ...changes,
    })
    return this
  }

  after(milliseconds: number): this {
    this.now += milliseconds
    return this
  }

  build(): World {
    return worldAt(this.picture(), this.leases, this.now, {
      loops: {
        loaderOf: (client) => this.#loops.get(client),
        fetchedBy: (client) => this.#fetched.get(client),
      },
      queue: this.#queue,
    })
  }

  picture(): Picture {
    const config = this.config()
    return {
      config,
      nodes: indexNodes(config.nodes),
      keys: indexNodeKeys(config.nodes),
      reservations: new Map(
        config.nodes.flatMap((node) => (node.address === undefined ? [] : [[node.address, node] as const])),
      ),
      firmware: new Map(this.#firmware.map((name) => [name, loaderFile(name)])),
      firmwareDirs: ['/usr/lib/ipxe'],
      images: new Map(this.#images.map((found) => [found.name, found])),
      storedFiles: new Map(),
    }
  }

  config(): Config {
    return {
      file: CONFIG_FILE,
      server: {
        stateDir: '/var/lib/centra-pxe',
        imageStore: '/var/lib/centra-pxe/images',
        listing: false,
        limits: { http: DEFAULT_HTTP_LIMITS, tftp: DEFAULT_TFTP_LIMITS },
        httpPort: 8080,
        ...(this.#https === undefined ? {} : { https: this.#https }),
        operator: { host: '127.0.0.1', port: 8081 },
        firmware: ['/usr/lib/ipxe'],
      },
      networks: [this.#network],
      images: new Map([[this.#spec.name, this.#spec]]),
      documents: new Map(),
      profiles: new Map(this.#profiles.map((profile) => [profile.name, profile])),
      nodes: this.#nodes,
      menu: this.#menu,
      consoles: ['tty0', 'ttyS0,115200'],
      sharedAdapters: new Set(),
      rules: [],
      installTries: 3,
      unknown: this.#unknown,
    }
  }

  /** What an address decision for this client looks at. */
  addresses(client: Mac): AddressWorld {
    const { nodes, reservations } = this.picture()
    const node = nodes.get(client)
    return {
      network: this.#network,
      server: this.#server,
      reservations,
      ...(node === undefined ? {} : { node }),
      leases: this.leases,
      now: this.now,
    }
  }

  get ingress(): BootRequest['ingress'] {
    return { network: this.#network.name, server: this.#server }
  }

  /** DHCP's question by a client of this kind, with no evidence of classification. */
  asksDhcp(
    client: Mac,
    {
      stage,
      arch,
      arches,
      archCode,
      firmware,
      transport,
      isOurs,
    }: {
      readonly stage: ClientStage
      readonly arch?: ClientArch
      readonly arches?: readonly ClientArch[]
      readonly archCode?: number
      readonly firmware?: Firmware
      readonly transport?: 'tftp' | 'http'
      readonly isOurs?: true
    },
  ): BootRequest {
    return {
      via: 'dhcp',
      question: { kind: 'where-next' },
      client: {
        mac: client,
        stage,
        ...(arch === undefined ? {} : { arch }),
        ...(arches === undefined ? {} : { arches }),
        ...(archCode === undefined ? {} : { archCode }),
        ...(firmware === undefined ? {} : { firmware }),
        ...(isOurs === undefined ? {} : { isOurs }),
        transport: transport ?? (stage === 'ipxe' ? 'http' : 'tftp'),
      },
      ingress: this.ingress,
      evidence: [],
    }
  }

  /** A question over HTTP or TFTP. */
  asks(via: 'tftp' | 'http', question: Question, client?: Mac): BootRequest {
    return {
      via,
      question,
      client: { ...(client === undefined ? {} : { mac: client }), stage: 'ipxe', transport: via },
      ingress: this.ingress,
      evidence: [],
    }
  }
}

export function imageSpec(name: string): ImageSpec {
  return {
    name,
    variants: linuxVariants('/srv/vmlinuz', ['/srv/initrd.img']),
    cmdline: ['quiet'],
    origin: { file: CONFIG_FILE, line: 20, column: 3 },
  }
}

export function image(name: string): Image {
  return {
    name,
    variants: linuxVariants(
      { name: 'vmlinuz', path: '/srv/vmlinuz', size: 8_000_000, sha256: KERNEL_SHA256 },
      [{ name: 'initrd.img', path: '/srv/initrd.img', size: 30_000_000, sha256: INITRD_SHA256 }],
    ),
    cmdline: ['quiet'],
    cite: `${CONFIG_FILE}:20`,
  }
}

export function loaderFile(name: string): FirmwareFile {
  return { name, path: `/usr/lib/ipxe/${name}`, size: 100_000 }
}

/** A trace as `rule from: outcome`, a line a step. */
export function told(trace: Trace): readonly string[] {
  return trace.map(({ rule, from, outcome }: Step) => `${rule} ${from}: ${outcome}`)
}
