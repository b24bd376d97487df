import type { Health, HealthItem } from '../app/health.ts'
import type { NetworkState } from '../app/network-report.ts'
import type { Running } from '../app/running.ts'
import type { ServedNetwork } from '../app/served-network.ts'
import { describeRefusal } from '../app/start-gate.ts'
import { formatIpv4, type Ipv4 } from '../lib/ipv4.ts'
import type { Network } from '../model/config.ts'
import type { FileSender } from '../servers/file-sender.ts'
import { addressOn, hasAddress, interfaceIndex } from '../servers/interfaces.ts'
import { openBootServer, openDhcp } from './dhcp-planes.ts'
import type { Links } from './links.ts'
import { openHttp, openHttps, type PlaneOptions } from './planes.ts'
import { openQuietRouterPlane } from './quiet-routers.ts'
import { openTftp } from './tftp-plane.ts'
import type { TlsKeeper } from './tls-keeper.ts'
import { type Plane, type WantedPlanes, wantedPlanes } from './wanted-planes.ts'

/** Transfers in flight when a network closes, in milliseconds. */
const CLOSE_GRACE_MS = 2000

interface OpenPlanes {
  served: ServedNetwork
  readonly index: number | undefined
  readonly sockets: readonly string[]
  close(): Promise<void>
}

export interface NetworksOptions {
  readonly running: Running
  readonly links: Links
  readonly tls: TlsKeeper
  readonly sender: FileSender
  readonly health: () => Health
  readonly onFault: (where: string, error: unknown) => void
}

/**
 * The served networks: opens the sockets of each as soon as its interface has our address, keeps them while it is
 * away for a moment, opens new ones when it was made anew. A missing interface is waited for, never a reason to exit.
 */
export class Networks {
  readonly #options: NetworksOptions
  readonly #open = new Map<string, OpenPlanes>()
  readonly #problems = new Map<string, string>()

  constructor(options: NetworksOptions) {
    this.#options = options
  }

  /** What listens now: `udp 0.0.0.0%prov0:67`, `tcp 10.77.0.1:8080`, ... */
  get sockets(): readonly string[] {
    return [...this.#open.values()].flatMap((planes) => planes.sockets)
  }

  /** An item for each network, in the order of the configuration. */
  health(): readonly HealthItem[] {
    return this.#options.running.picture.config.networks.map(({ name }) => {
      const problem = this.#problems.get(name)
      return { name: `network ${name}`, ...(problem === undefined ? {} : { problem }) }
    })
  }

  /** Each network's state, in the order of the configuration. */
  states(): readonly NetworkState[] {
    const { running, links } = this.#options
    return running.picture.config.networks.map((network) => {
      const [open, problem] = [this.#open.get(network.name), this.#problems.get(network.name)]
      return {
        network,
        listens: links.listens(network),
        ...(open === undefined ? {} : { address: open.served.address }),
        ...(problem === undefined ? {} : { problem }),
      }
    })
  }

  /**
   * Brings the sockets in line with the configuration and the interfaces. Rejects when a socket cannot be opened for a
   * reason that waiting does not mend (port taken, no permission); the other networks are served all the same.
   */
  async update(): Promise<void> {
    const { running, links } = this.#options
    const { networks } = running.picture.config
    links.follow(networks)
    await links.settled(networks)
    for (const name of [...this.#open.keys()]) {
      if (!networks.some((network) => network.name === name))
        await this.#closeNetwork(name, 'no longer configured')
    }
    for (const name of [...this.#problems.keys()])
      if (!networks.some((network) => network.name === name)) this.#problems.delete(name)
    const failures: unknown[] = []
    for (const wanted of wantedPlanes(networks, ADDRESSES))
      await this.#bring(wanted).catch((error) => failures.push(error))
    if (failures.length > 0) throw failures[0]
  }

  /** Transfers in flight get `CLOSE_GRACE_MS`. No event tells of it: the process ends. */
  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((planes) => planes.close()))
    this.#open.clear()
  }

  async #bring(wanted: WantedPlanes): Promise<void> {
    switch (wanted.kind) {
      case 'open':
        await this.#openNetwork(wanted)
        break
      case 'waits':
        this.#complain(wanted.network, wanted.problem)
        break
      case 'with': {
        const { name } = wanted.network
        const others = wanted.others.join(' or ')
        if (this.#open.has(name)) await this.#closeNetwork(name, `its clients are heard with ${others}`)
        const problems = wanted.others.flatMap((other) => this.#problems.get(other) ?? [])
        if (problems.length < wanted.others.length) this.#problems.delete(name)
        else this.#problems.set(name, `its clients are heard with ${others}: ${problems[0] ?? 'not served'}`)
        break
      }
      default:
        wanted satisfies never
    }
  }

  async #openNetwork(wanted: Extract<WantedPlanes, { readonly kind: 'open' }>): Promise<void> {
    const { served } = wanted
    const { network } = served
    if (!(await this.#mayStart(network))) return
    const open = this.#open.get(network.name)
    if (open !== undefined && canStay(open, wanted, this.#options)) {
      open.served = served
      this.#recover(network, served)
      return
    }
    if (open !== undefined) await this.#closeNetwork(network.name, 'its interface, address or ports changed')
    try {
      this.#open.set(network.name, await openPlanes(wanted, this.#options))
    } catch (error) {
      this.#complain(network, error instanceof Error ? error.message : String(error))
      throw error
    }
    this.#problems.delete(network.name)
    this.#emit('network.up', served)
  }

  /** Not while another server answers there that the configuration does not name, be it found a moment after the start. */
  async #mayStart(network: Network): Promise<boolean> {
    const verdict = this.#options.links.verdict(network)
    if (verdict.kind === 'go') return true
    if (verdict.kind === 'wait') {
      this.#problems.set(network.name, 'asking for other DHCP servers')
      return false
    }
    const refused = describeRefusal(verdict.servers.map(formatIpv4))
    await this.#closeNetwork(network.name, refused)
    this.#complain(network, refused)
    return false
  }

  #complain(network: Network, problem: string): void {
    const before = this.#problems.get(network.name)
    this.#problems.set(network.name, problem)
    if (before !== problem) this.#emit('network.down', { network }, problem)
  }

  #recover(network: Network, served: ServedNetwork): void {
    if (this.#problems.delete(network.name)) this.#emit('network.up', served)
  }

  async #closeNetwork(name: string, reason: string): Promise<void> {
    const open = this.#open.get(name)
    if (open === undefined) return
    this.#open.delete(name)
    this.#problems.set(name, reason)
    this.#emit('network.down', open.served, reason)
    await open.close()
  }

  #emit(
    kind: 'network.up' | 'network.down',
    on: Pick<ServedNetwork, 'network'> & { address?: Ipv4 },
    reason?: string,
  ): void {
    const { timeline, now } = this.#options.running
    timeline.emit({
      time: now(),
      kind,
      network: on.network.name,
      ...(on.address === undefined ? {} : { address: formatIpv4(on.address) }),
      detail: { dhcp: on.network.dhcp, ...(reason === undefined ? {} : { reason }) },
    })
  }
}

const ADDRESSES = { on: addressOn, has: hasAddress }

type WantedOpen = Extract<WantedPlanes, { readonly kind: 'open' }>

/** Sockets stay while what they are bound to does: interface, address, ports, and whether DHCP listens at all. */
function canStay(open: OpenPlanes, wanted: WantedOpen, options: NetworksOptions): boolean {
  return open.index === indexOf(wanted.served) && socketNames(wanted, options).join() === open.sockets.join()
}

function indexOf({ interface: name }: ServedNetwork): number | undefined {
  return name === undefined ? undefined : interfaceIndex(name)
}

function socketNames(
  { served: { network, interface: name, address }, planes }: WantedOpen,
  { running, tls }: NetworksOptions,
): readonly string[] {
  const { httpPort, https } = running.picture.config.server
  const ours = formatIpv4(address)
  const on = name === undefined ? '' : `%${name}`
  const names: Readonly<Record<Plane, string>> = {
    dhcp: name === undefined ? `udp ${ours}:67` : `udp 0.0.0.0${on}:67`,
    'boot-server': `udp ${ours}${on}:4011`,
    tftp: `udp ${ours}${on}:69`,
    http: `tcp ${ours}:${httpPort}`,
  }
  const secure = https !== undefined && tls.pair !== undefined && planes.has('http')
  return [
    ...[...planes].map((plane) => names[plane]),
    ...(secure ? [`tcp ${ours}:${https.port}`] : []),
    ...(isQuietRouter(network) ? [`icmpv6 ${on}`] : []),
  ]
}

function isQuietRouter({ quietRouter, interface: name, dhcp }: Network): boolean {
  return quietRouter && name !== undefined && (dhcp === 'server' || dhcp === 'proxy')
}

async function openPlanes(wanted: WantedOpen, options: NetworksOptions): Promise<OpenPlanes> {
  const { planes, served } = wanted
  const holder = { served }
  const plane: PlaneOptions = { ...options, on: () => holder.served }
  const opened: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((end) => end()))
  }
  try {
    if (planes.has('http')) {
      const http = await openHttp(plane)
      opened.push(() => http.close(CLOSE_GRACE_MS))
      const https = await openHttps(plane)
      if (https !== undefined) opened.push(() => https.close(CLOSE_GRACE_MS))
    }
    for (const [name, open] of DATAGRAM_PLANES)
      if (planes.has(name)) {
        const server = await open(plane)
        opened.push(() => server.close())
      }
    if (isQuietRouter(served.network)) {
      const router = openQuietRouterPlane(plane)
      opened.push(() => router.close())
    }
  } catch (error) {
    await close()
    throw error
  }
  return {
    get served() {
      return holder.served
    },
    set served(next) {
      holder.served = next
    },
    index: indexOf(served),
    sockets: socketNames(wanted, options),
    close,
  }
}

const DATAGRAM_PLANES = [
  ['tftp', openTftp],
  ['dhcp', openDhcp],
  ['boot-server', openBootServer],
] as const
