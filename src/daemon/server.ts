import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { LeaseTable } from '../address/lease-table.ts'
import { Attention } from '../app/attention.ts'
import { BootQueue } from '../app/boot-queue.ts'
import { ClaimedAddresses } from '../app/claims.ts'
import { DhcpCounters } from '../app/dhcp-counters.ts'
import { Drops } from '../app/drops.ts'
import { foreignReports } from '../app/foreign-report.ts'
import { ForeignServers } from '../app/foreign-servers.ts'
import { type Health, type HealthItem, healthDocument } from '../app/health.ts'
import { keepIntents } from '../app/keep-intents.ts'
import { LeaseClock } from '../app/lease-clock.ts'
import { type LoadOptions, loadConfig } from '../app/load-config.ts'
import { LoopWatch } from '../app/loops.ts'
import { MenuAccess } from '../app/menu-access.ts'
import { missingImages } from '../app/missing-images.ts'
import { moveLeases } from '../app/move-leases.ts'
import { networkReports } from '../app/network-report.ts'
import { observeHeard } from '../app/observe-foreign.ts'
import { PingChecks, ROUTED } from '../app/ping-check.ts'
import { PlaneCounters } from '../app/plane-counters.ts'
import { RateLimit } from '../app/rate.ts'
import { RecognisedMachines } from '../app/recognised.ts'
import { RefusalWatch } from '../app/refusals.ts'
import type { Running } from '../app/running.ts'
import { SeenMachines } from '../app/seen.ts'
import { SharedLook } from '../app/shared-look.ts'
import { SilenceWatch } from '../app/silence.ts'
import { StoreHealth } from '../app/store-health.ts'
import { Timeline } from '../app/timeline.ts'
import { Transfers } from '../app/transfers.ts'
import { UnwrittenLeases } from '../app/unwritten.ts'
import { findLoaders, takePicture } from '../app/world.ts'
import { type ConfigProblem, formatProblem } from '../config/source.ts'
import type { LocalDisk } from '../files/disk.ts'
import { verifyPassword } from '../files/password-hash.ts'
import { SteadyClock } from '../lib/steady-clock.ts'
import type { Config } from '../model/config.ts'
import { DEFAULT_HTTP_LIMITS } from '../model/http-limits.ts'
import { formatEventText } from '../render/event.ts'
import { serveControl } from '../servers/control.ts'
import { FileSender } from '../servers/file-sender.ts'
import { isNeighbour } from '../servers/interfaces.ts'
import { nativeSockets } from '../servers/packet-socket.ts'
import type { Durability } from '../store/database.ts'
import { openStateStore } from '../store/state-store.ts'
import { AccessLog } from '../telemetry/access-log.ts'
import { describeFault, type Log } from '../telemetry/log.ts'
import { VERSION } from '../version.ts'
import { type Closer, closeAll } from './close-all.ts'
import { controlNode } from './control-node.ts'
import { openRoutedProber } from './dhcp-planes.ts'
import { Links } from './links.ts'
import { Networks } from './networks.ts'
import { openOperator } from './operator.ts'
import { TlsKeeper } from './tls-keeper.ts'

export interface ServerOptions {
  readonly config: Config
  readonly disk: LocalDisk
  /** What the command line makes of the configuration, now and after every reload. */
  readonly adapt?: (config: Config) => Config
  readonly load?: LoadOptions
  readonly log: Log
  /** `off` never waits for the disk: for the test that shows that it would notice. */
  readonly durability: Durability
}

export interface ReloadOutcome {
  readonly reloaded: boolean
  /** Errors and warnings as `file:line:column: path: message`. */
  readonly problems: readonly string[]
}

export interface RunningServer {
  /** Resolves with the listening sockets as soon as every network of the configuration is served. */
  readonly ready: Promise<readonly string[]>
  /** Resolves when the server can never do its work again and should end: the state store's writer died. */
  readonly failed: Promise<Error>
  reload(): Promise<ReloadOutcome>
  close(): Promise<void>
}

/** The name of the Unix socket in the state directory over which `status`, `reload`, `node` and others ask the server. */
export const CONTROL_SOCKET = 'control.sock'
/** Milliseconds between two looks at the interfaces and the firmware directories. */
const WATCH_MS = 1000
/** DHCP messages of one client that are answered; firmware asks four times a second at most, in a burst of a few. */
const ASK_RATE = { burst: 20, perSecond: 10, most: 20_000 } as const
/** Conflicts of one machine for which its answers wait until they are on disk: at once, then a second. */
const KEEP_RATE = { burst: 10, perSecond: 0.1, most: 20_000 } as const
const REPORT_RATE = { burst: 20, perSecond: 2, most: 4096 } as const

/** The composition root: configuration, store, world, servers; started in this order, stopped in reverse. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const server = new Server(options)
  try {
    await server.start()
  } catch (error) {
    await server.close()
    throw error
  }
  return server
}

class Server implements RunningServer {
  readonly #options: ServerOptions
  readonly #closers: Closer[] = []
  readonly #ready = Promise.withResolvers<readonly string[]>()
  readonly #failed = Promise.withResolvers<Error>()
  #running: Running | undefined
  #networks: Networks | undefined
  readonly #sender = new FileSender(
    () => this.#running?.picture.config.server.limits.http ?? DEFAULT_HTTP_LIMITS,
  )
  readonly #tls: TlsKeeper
  readonly #state = new StoreHealth((error) =>
    this.#options.log.line('error', `state: no address is given any more: ${error.message}`),
  )
  readonly #access = new AccessLog((why) => this.#options.log.line('error', `access log: ${why}`))
  #missing: readonly HealthItem[] = []
  #closing: Promise<void> | undefined
  /** Reload, watch and close touch the sockets one after another. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: ServerOptions) {
    this.#options = options
    this.#tls = new TlsKeeper({ disk: options.disk, log: options.log, now: () => Date.now() })
    this.#ready.promise.catch(() => {})
  }

  get ready(): Promise<readonly string[]> {
    return this.#ready.promise
  }

  get failed(): Promise<Error> {
    return this.#failed.promise
  }

  async start(): Promise<void> {
    const { disk, durability, log } = this.#options
    const config = this.#adapted(this.#options.config)
    const { stateDir } = config.server
    // First of all: whoever answers has done so by the time the leases are read.
    const links = this.#openLinks(config)
    const onError = (error: Error): void => {
      this.#state.fail(error)
      log.line('error', `state: ${error.message}`)
    }
    const opened = await openStateStore({
      stateDir,
      durability,
      onError,
      onFatal: (error) => this.#failed.resolve(error),
    })
    const { saved } = opened
    const clock = new SteadyClock(() => ({ wall: Date.now(), monotonic: performance.now() }))
    const store = this.#state.watch(opened.store)
    this.#closers.push(() => store.close())
    this.#closers.push(() => this.#access.close())
    await this.#access.use(config.server.accessLog)
    const timeline = new Timeline(store, saved.lastEventId)
    const intents = keepIntents({
      ...{ store, timeline, attempts: saved.attempts, known: saved.boots },
      newNonce: () => randomBytes(16).toString('hex'),
      now: () => clock.now(),
      tries: () => (this.#running?.picture.config ?? config).installTries,
    })
    const running: Running = {
      picture: await takePicture(config, disk),
      leases: LeaseTable.ofBlock(saved.leases),
      store,
      timeline,
      seen: new SeenMachines(store, saved.seen),
      ...intents,
      queue: new BootQueue(),
      menuAccess: new MenuAccess(verifyPassword),
      reportRate: new RateLimit(REPORT_RATE),
      askRate: new RateLimit(ASK_RATE),
      keepRate: new RateLimit(KEEP_RATE),
      attention: new Attention(),
      drops: new Drops(),
      counters: new DhcpCounters(),
      planes: new PlaneCounters(),
      transfers: new Transfers(() => performance.now()),
      access: this.#access,
      files: this.#sender,
      recognised: new RecognisedMachines(saved.seen),
      loops: new LoopWatch(),
      pingChecks: new PingChecks(),
      unwritten: new UnwrittenLeases(),
      claims: new ClaimedAddresses(),
      foreign: new ForeignServers(),
      isOwnAddress: (address) => links.isOwn(address),
      isNeighbour,
      disk,
      imageLook: new SharedLook(),
      now: () => clock.now(),
    }
    this.#running = running
    await this.#serve(running, { clock, links })
  }

  async #serve(
    running: Running,
    { clock, links }: { readonly clock: SteadyClock; readonly links: Links },
  ): Promise<void> {
    const { timeline } = running
    const { stateDir } = running.picture.config.server
    const { log } = this.#options
    const routed = openRoutedProber()
    running.pingChecks.attach(ROUTED, routed)
    this.#closers.push(async () => routed.close())
    timeline.follow((event) => {
      if (event.id !== undefined)
        log.line('warning' in event.detail ? 'warn' : 'info', formatEventText(event), { event })
    })
    const native = nativeSockets()
    if (!native.available)
      log.line('warn', `replies go out by broadcast: ${native.reason ?? 'no native sockets'}`)
    await moveLeases(running)
    const leaseClock = new LeaseClock(clock, running)
    leaseClock.start()
    await this.#openControl(stateDir, running)
    await this.#openOperator(running)
    await this.#openNetworks(running, links)
    this.#watch(running, leaseClock, links)
    timeline.emit({ time: running.now(), kind: 'server.started', detail: { version: VERSION } })
  }

  async reload(): Promise<ReloadOutcome> {
    return this.#inTurn(async () => {
      const running = this.#running
      if (running === undefined || this.#closing !== undefined)
        return { reloaded: false, problems: ['the server is closing'] }
      const { config: before } = running.picture
      const loaded = await loadConfig(before.file, this.#options.disk, this.#options.load)
      const { problems } = loaded
      const config = loaded.config === undefined ? undefined : this.#adapted(loaded.config)
      const lines = problems.map(formatProblem)
      for (const problem of problems) this.#tellProblem(problem)
      if (config === undefined) {
        const errors = problems.filter(({ severity }) => severity === 'error').length
        const detail = { errors, reason: lines[0] ?? '', message: 'the old configuration stays' }
        running.timeline.emit({ time: running.now(), kind: 'config.rejected', detail })
        return { reloaded: false, problems: lines }
      }
      running.picture = await takePicture(config, this.#options.disk)
      await this.#access.use(config.server.accessLog)
      await moveLeases(running)
      const restart = restartNeeded(this.#adapted(this.#options.config), config)
      if (restart !== undefined) this.#options.log.line('warn', restart)
      running.timeline.emit({
        time: running.now(),
        kind: 'config.reloaded',
        detail: { nodes: config.nodes.length },
      })
      await this.#tls.look(config.server.https, { atOnce: true })
      await this.#updateNetworks()
      return { reloaded: true, problems: [...lines, ...(restart === undefined ? [] : [restart])] }
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#inTurn(async () => {
      this.#ready.reject(new Error('the server was closed'))
      const running = this.#running
      running?.timeline.emit({ time: running.now(), kind: 'server.stopped', detail: {} })
      await closeAll(this.#closers, (error) => this.#fault('closing', error))
    })
    return this.#closing
  }

  async #openControl(stateDir: string, running: Running): Promise<void> {
    const control = await serveControl(join(stateDir, CONTROL_SOCKET), {
      status: () => ({
        ...healthDocument(this.#health()),
        pid: process.pid,
        sockets: this.#networks?.sockets ?? [],
        dropped: running.drops.totals(),
      }),
      networks: () => networkReports(this.#networks?.states() ?? [], running),
      transfers: () => running.transfers.list(),
      follow: (after, onLine) => {
        for (const event of running.timeline.recent(after)) onLine(JSON.stringify(event))
        return running.timeline.follow((event) => onLine(JSON.stringify(event)))
      },
      reload: () => this.reload(),
      node: (name, what, query) => controlNode({ name, what, query }, running),
    })
    this.#closers.push(() => control.close())
  }

  async #openOperator(running: Running): Promise<void> {
    const operator = await openOperator({
      running,
      health: () => this.#health(),
      onFault: (error) => this.#fault('operator plane', error),
    })
    this.#closers.push(() => operator.close(0))
  }

  #openLinks({ networks }: Config): Links {
    const links = new Links({
      now: () => performance.now(),
      onDeaf: ({ name }, why) =>
        this.#options.log.line(
          'warn',
          `other DHCP servers on ${name} are noticed by their clients alone: ${why}`,
        ),
    })
    this.#closers.push(async () => links.close())
    links.follow(networks)
    return links
  }

  async #openNetworks(running: Running, links: Links): Promise<void> {
    await this.#tls.look(running.picture.config.server.https)
    const networks = new Networks({
      running,
      sender: this.#sender,
      links,
      tls: this.#tls,
      health: () => this.#health(),
      onFault: (where, error) => this.#fault(where, error),
    })
    this.#networks = networks
    this.#closers.push(() => networks.close())
    await networks.update()
    tellSightings(links, running)
    this.#tellReady(networks)
  }

  #watch(running: Running, leaseClock: LeaseClock, links: Links): void {
    const silence = new SilenceWatch()
    const refusals = new RefusalWatch()
    running.timeline.follow((event) => silence.note(event))
    running.timeline.follow((event) => refusals.note(event))
    running.timeline.follow((event) => running.loops.note(event))
    let waiting = false
    const timer = setInterval(() => {
      const moved = leaseClock.look()
      silence.move(moved)
      refusals.move(moved)
      links.look()
      tellSightings(links, running)
      const time = running.now()
      const due = [silence.due(time), refusals.due(time), running.loops.due(), running.transfers.due(time)]
      for (const event of due.flat()) running.timeline.emit(event)
      // One look at a time: behind a slow disk or a long reload they would queue up without end.
      if (waiting) return
      waiting = true
      const looked = this.#inTurn(async () => {
        if (this.#closing !== undefined) return
        const { picture } = running
        const firmware = await findLoaders(picture.config, this.#options.disk)
        if (running.picture.config === picture.config) running.picture = { ...running.picture, firmware }
        this.#missing = await missingImages(picture.config, this.#options.disk)
        await this.#tryDisk(running)
        await this.#tls.look(picture.config.server.https)
        await this.#updateNetworks()
      })
      const again = (): void => {
        waiting = false
      }
      looked.then(again, again)
    }, WATCH_MS)
    this.#closers.push(async () => clearInterval(timer))
  }

  /** After a failed write, a lease that is bound anyway is written again, until the disk takes it. */
  async #tryDisk({ leases, store }: Running): Promise<void> {
    if (this.#state.item.problem === undefined) return
    const bound = [...leases.all()].find(({ state }) => state === 'bound')
    if (bound !== undefined) await store.saveLeases([bound]).catch(() => {})
  }

  /** At run time a socket that cannot be opened is an event, is shown by `/health`, and is tried again. */
  async #updateNetworks(): Promise<void> {
    const networks = this.#networks
    if (networks === undefined) return
    // The events of the networks have told of each failure, once.
    await networks.update().then(
      () => this.#tellReady(networks),
      () => {},
    )
  }

  #tellReady(networks: Networks): void {
    if (networks.health().every((item) => item.problem === undefined)) this.#ready.resolve(networks.sockets)
  }

  #health(): Health {
    return {
      version: VERSION,
      items: [this.#state.item, ...(this.#networks?.health() ?? []), ...this.#tls.health(), ...this.#missing],
      foreign: this.#running === undefined ? [] : foreignReports(this.#running),
    }
  }

  #adapted(config: Config): Config {
    return this.#options.adapt?.(config) ?? config
  }

  #fault(where: string, error: unknown): void {
    this.#options.log.line('error', `${where}: ${describeFault(error)}`)
  }

  #tellProblem(problem: ConfigProblem): void {
    this.#options.log.line(problem.severity === 'error' ? 'error' : 'warn', formatProblem(problem))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch((error: unknown) => this.#fault('server', error))
    return done
  }
}

function tellSightings(links: Links, running: Running): void {
  for (const { server, on } of links.take()) observeHeard(server, on, running)
}

/** `before` is what the server was started with: what is bound and open now. */
function restartNeeded({ server: before }: Config, { server: after }: Config): string | undefined {
  const changed = [
    ...(before.stateDir === after.stateDir ? [] : ['server.stateDir']),
    ...(isDeepStrictEqual(before.operator, after.operator) ? [] : ['server.operator']),
  ]
  return changed.length === 0
    ? undefined
    : `a change of ${changed.join(' and ')} takes effect at the next start`
}
