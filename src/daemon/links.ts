import { setTimeout as sleep } from 'node:timers/promises'
import type { ServedNetwork } from '../app/served-network.ts'
import { StartGate, type StartVerdict } from '../app/start-gate.ts'
import type { Ipv4 } from '../lib/ipv4.ts'
import type { Network } from '../model/config.ts'
import type { HeardServer } from '../model/host.ts'
import { addressOn, interfaceIndex, ownAddresses } from '../servers/interfaces.ts'
import { openServerListener, type ServerListener } from '../servers/server-listener.ts'

/** How often it is looked, while a network waits for answers, in milliseconds. */
const LOOK_EVERY_MS = 25
const WAIT_LIMIT_MS = 500
/** Sightings that wait to be told; a flood cannot make the list longer. */
const MOST_SIGHTINGS = 4096

/** Another server, where it was heard, and our address there. */
export interface Sighting {
  readonly server: HeardServer
  readonly on: Pick<ServedNetwork, 'network' | 'address'>
}

interface Link {
  readonly gate: StartGate
  /** undefined when this process may not listen. */
  listener?: ServerListener | undefined
  index?: number | undefined
  on?: Pick<ServedNetwork, 'network' | 'address'> | undefined
}

export interface LinksOptions {
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
  /** Nobody can be heard on this interface, and why. Once for each. */
  readonly onDeaf: (network: Network, why: string) => void
}

/**
 * The links of the networks with an interface: listens for other DHCP servers wherever `dhcp:` is not `off`, and asks where
 * it is `server` or `proxy`. Needs no state: a start asks before it reads its leases.
 */
export class Links {
  readonly #options: LinksOptions
  /** By interface. */
  readonly #links = new Map<string, Link>()
  readonly #deaf = new Set<string>()
  #sightings: Sighting[] = []
  #own: ReadonlySet<Ipv4> = new Set()

  constructor(options: LinksOptions) {
    this.#options = options
  }

  /** Opens and closes listeners as networks and interfaces come and go, asks where it is time, and listens. */
  follow(networks: readonly Network[]): void {
    this.#own = ownAddresses()
    const listened = networks.filter(({ dhcp }) => dhcp !== 'off')
    for (const [device, link] of this.#links)
      if (!listened.some((network) => network.interface === device)) {
        link.listener?.close()
        this.#links.delete(device)
      }
    for (const link of this.#links.values()) link.on = undefined
    for (const network of listened) this.#followOne(network)
    this.look()
  }

  /** Takes what was heard since the last look. */
  look(): void {
    for (const { gate, listener, on } of this.#links.values())
      for (const server of listener?.hear() ?? []) {
        if (on === undefined || this.#own.has(server.address)) continue
        // A relay may stand in for us (option 82.11), but not before our probe, which we never answer.
        if (server.asked === undefined && on.network.relays.includes(server.address)) continue
        gate.heard(server, this.#options.now())
        if (this.#sightings.length < MOST_SIGHTINGS) this.#sightings.push({ server, on })
      }
  }

  /** What was heard since this was asked last. */
  take(): readonly Sighting[] {
    const sightings = this.#sightings
    this.#sightings = []
    return sightings
  }

  /** Whether this machine had the address at the last `follow`, on any interface. */
  isOwn(address: Ipv4): boolean {
    return this.#own.has(address)
  }

  /** Whether other servers are heard there. */
  listens(network: Network): boolean {
    return this.#of(network)?.listener !== undefined
  }

  /** Whether the network may be served now; without a listener nothing is known and nothing is refused. */
  verdict(network: Network): StartVerdict {
    const link = this.#of(network)
    if (link === undefined || this.#deaf.has(network.interface ?? '')) return { kind: 'go' }
    return link.gate.verdict(network, this.#options.now())
  }

  /** Waits, a part of a second at most, until the networks that were just asked on have had time to answer. */
  async settled(networks: readonly Network[]): Promise<void> {
    const waits = (): boolean =>
      networks.some((network) => this.#of(network)?.on !== undefined && this.verdict(network).kind === 'wait')
    for (let waited = 0; waited < WAIT_LIMIT_MS && waits(); waited += LOOK_EVERY_MS) {
      await sleep(LOOK_EVERY_MS)
      this.look()
    }
  }

  /** Closes every listener; what was heard can still be taken. */
  close(): void {
    for (const { listener } of this.#links.values()) listener?.close()
    this.#links.clear()
  }

  #of({ interface: device, dhcp }: Network): Link | undefined {
    return device === undefined || dhcp === 'off' ? undefined : this.#links.get(device)
  }

  #followOne(network: Network): void {
    const { interface: device } = network
    const address = device === undefined ? undefined : addressOn(device, network.subnet, network.address)
    // Away for a moment: what is open stays, as the network's other sockets do.
    if (device === undefined || address === undefined) return
    const link = this.#links.get(device) ?? { gate: new StartGate() }
    this.#links.set(device, link)
    // Of several subnets of one link, the first in the configuration has what is heard.
    link.on ??= { network, address }
    const index = interfaceIndex(device)
    if (link.listener === undefined || link.index !== index) {
      link.listener?.close()
      link.index = index
      link.listener = openServerListener(device)
      this.#tellDeaf(network, link.listener)
    }
    if (link.listener !== undefined && link.gate.shouldAsk(network, this.#options.now())) link.listener.ask()
  }

  #tellDeaf(network: Network, listener: ServerListener | undefined): void {
    const device = network.interface ?? ''
    if (listener !== undefined) this.#deaf.delete(device)
    else if (!this.#deaf.has(device)) {
      this.#deaf.add(device)
      this.#options.onDeaf(network, `packets on ${device} need root or CAP_NET_RAW, and koffi`)
    }
  }
}
