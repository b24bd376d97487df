import assert from 'node:assert/strict'
import { basename, posix } from 'node:path'
import { Attention } from '../../src/app/attention.ts'
import { BootQueue } from '../../src/app/boot-queue.ts'
import { ClaimedAddresses } from '../../src/app/claims.ts'
import { DhcpCounters } from '../../src/app/dhcp-counters.ts'
import { Drops } from '../../src/app/drops.ts'
import { ForeignServers } from '../../src/app/foreign-servers.ts'
import { keepIntents } from '../../src/app/keep-intents.ts'
import { LoopWatch } from '../../src/app/loops.ts'
import { MenuAccess } from '../../src/app/menu-access.ts'
import { PingChecks } from '../../src/app/ping-check.ts'
import { PlaneCounters } from '../../src/app/plane-counters.ts'
import { RateLimit } from '../../src/app/rate.ts'
import { RecognisedMachines } from '../../src/app/recognised.ts'
import type { Running } from '../../src/app/running.ts'
import { SeenMachines } from '../../src/app/seen.ts'
import type { ServedNetwork } from '../../src/app/served-network.ts'
import { SharedLook } from '../../src/app/shared-look.ts'
import { Timeline } from '../../src/app/timeline.ts'
import { Transfers } from '../../src/app/transfers.ts'
import { UnwrittenLeases } from '../../src/app/unwritten.ts'
import { verifyPassword } from '../../src/files/password-hash.ts'
import { judgeTlsPair } from '../../src/files/tls-pair.ts'
import type { ImageSpec } from '../../src/model/config.ts'
import type { Disk } from '../../src/model/disk.ts'
import type { StoredEvent } from '../../src/model/event.ts'
import type { FileFigures } from '../../src/model/http.ts'
import { imageFiles, mapPayload } from '../../src/model/image.ts'
import type { StoredImages } from '../../src/model/image-store.ts'
import type { BootLine, NodeBoots } from '../../src/model/intent.ts'
import type { Lease } from '../../src/model/lease.ts'
import type {
  BootAttempt,
  BootProgress,
  BootsChange,
  SeenMachine,
  StateStore,
} from '../../src/model/ports.ts'
import type { TlsFiles, TlsReading } from '../../src/model/tls.ts'
import type { FirmwareFile, Image, ImageFile } from '../../src/model/world.ts'
import { describeEvent } from '../../src/render/event.ts'
import { image, STRANGER, type WorldBuilder } from './world.ts'

/** A store that only remembers. `disk` decides how a write ends: at once, later, never, or with an error. */
export class MemoryStore implements StateStore {
  readonly leases: Lease[] = []
  readonly attempts: BootAttempt[] = []
  readonly boots = new Map<string, NodeBoots>()
  readonly lines: BootLine[] = []
  readonly events: StoredEvent[] = []
  readonly seen: SeenMachine[] = []
  readonly progress: BootProgress[] = []
  disk: () => Promise<void> = () => Promise.resolve()

  async saveLeases(leases: readonly Lease[]): Promise<void> {
    await this.disk()
    this.leases.push(...leases)
  }

  async moveLeases({ gone, leases }: Parameters<StateStore['moveLeases']>[0]): Promise<void> {
    await this.disk()
    const isAt = (a: Lease, b: Lease): boolean => a.network === b.network && a.address === b.address
    const kept = this.leases.filter((one) => ![...gone, ...leases].some((other) => isAt(one, other)))
    this.leases.splice(0, this.leases.length, ...kept, ...leases)
  }

  async saveBoots(change: BootsChange): Promise<void> {
    await this.disk()
    this.boots.set(change.state.node, change.state)
    this.lines.push(...change.lines)
    if (change.attempt !== undefined) this.attempts.push(change.attempt)
  }

  async openAttempt(attempt: BootAttempt): Promise<void> {
    await this.disk()
    this.attempts.push(attempt)
  }

  appendEvents(events: readonly StoredEvent[]): void {
    this.events.push(...events)
  }

  saveSeen(machines: readonly SeenMachine[]): void {
    this.seen.push(...machines)
  }

  saveProgress(progress: BootProgress): void {
    this.progress.push(progress)
  }

  flush(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** Every event as a person reads it. */
  get told(): readonly string[] {
    return this.events.map(describeEvent)
  }
}

/** Files by absolute path, with their text. */
const NO_FILES: FileFigures = {
  connections: { evicted: 0, refused: 0 },
  cut: { stalled: 0, slow: 0 },
  cache: { octets: 0, pinned: 0, hits: 0, misses: 0 },
  slots: { taken: 0, waiting: 0, refused: 0 },
}

export class MemoryDisk implements Disk {
  readonly #files: ReadonlyMap<string, string>
  /** The images of the store. */
  stored: readonly Image[] = []

  constructor(files: Readonly<Record<string, string>>) {
    this.#files = new Map(Object.entries(files))
  }

  async readText(path: string): Promise<string> {
    const text = this.#files.get(path)
    if (text === undefined) throw new Error(`ENOENT: no such file ${path}`)
    return text
  }

  async glob(pattern: string): Promise<readonly string[]> {
    return [...this.#files.keys()].filter((path) => posix.matchesGlob(path, pattern)).sort()
  }

  async isFile(path: string): Promise<boolean> {
    return this.#files.has(path)
  }

  async findFirmware(
    dirs: readonly string[],
    names: readonly string[],
  ): Promise<ReadonlyMap<string, FirmwareFile>> {
    const found = new Map<string, FirmwareFile>()
    for (const dir of dirs)
      for (const name of names) {
        const path = posix.join(dir, name)
        const text = this.#files.get(path)
        if (text !== undefined && !found.has(name)) found.set(name, { name, path, size: text.length })
      }
    return found
  }

  async readTlsPair({ certificate, key }: TlsFiles): Promise<TlsReading> {
    const texts = { certificate: await this.readText(certificate), key: await this.readText(key) }
    return judgeTlsPair(texts, Date.UTC(2026, 0, 1))
  }

  async measureImage(spec: ImageSpec): Promise<Image> {
    for (const path of imageFiles(spec)) assert.ok(this.#files.has(path), path)
    const { variants, cmdline, origin } = spec
    const [kernel, initrd] = imageFiles(image(spec.name))
    assert.ok(kernel !== undefined && initrd !== undefined)
    const fileAt = (path: string): ImageFile => ({
      ...(/initrd/.test(path) ? initrd : kernel),
      ...{ name: basename(path), path },
    })
    return {
      ...{ name: spec.name, cmdline, cite: `${origin.file}:${origin.line}` },
      variants: variants.map((one) => ({ ...one, payload: mapPayload(one.payload, fileAt) })),
    }
  }

  async storedImages(): Promise<StoredImages> {
    return { current: new Map(this.stored.map((one) => [one.name, one])), files: new Map() }
  }
}

/** A server without sockets in this world; its clock is the world's. */
export function running(
  there: WorldBuilder,
  store: MemoryStore,
): { readonly running: Running; readonly on: ServedNetwork } {
  const { network, server } = there.addresses(STRANGER)
  // Those that an earlier life gave are not given again.
  let nonces = store.attempts.length
  const newNonce = (): string => {
    nonces += 1
    return nonces.toString(16).padStart(32, '0')
  }
  const timeline = new Timeline(store, 0)
  const intents = keepIntents({
    ...{ store, newNonce, timeline, attempts: [...store.attempts], known: [...store.boots.values()] },
    now: () => there.now,
    tries: () => there.config().installTries,
  })
  return {
    on: { network, interface: network.interface ?? 'eth0', address: server },
    running: {
      picture: there.picture(),
      leases: there.leases,
      store,
      timeline,
      seen: new SeenMachines(store, [...store.seen]),
      ...intents,
      queue: new BootQueue(),
      menuAccess: new MenuAccess(verifyPassword),
      reportRate: new RateLimit({ burst: 20, perSecond: 2, most: 4096 }),
      // Far above the server's: a test says in no time what a client says in a minute.
      askRate: new RateLimit({ burst: 1000, perSecond: 10, most: 20_000 }),
      keepRate: new RateLimit({ burst: 10, perSecond: 0.1, most: 20_000 }),
      attention: new Attention(),
      drops: new Drops(),
      counters: new DhcpCounters(),
      planes: new PlaneCounters(),
      transfers: new Transfers(() => there.now),
      access: { isOn: false, line: () => {}, totals: { written: 0, lost: 0 } },
      files: { figures: NO_FILES },
      recognised: new RecognisedMachines(store.seen),
      loops: new LoopWatch(),
      pingChecks: new PingChecks(),
      unwritten: new UnwrittenLeases(),
      claims: new ClaimedAddresses(),
      foreign: new ForeignServers(),
      isOwnAddress: () => false,
      isNeighbour: (address, mac, device) =>
        device === (network.interface ?? 'eth0') && there.neighbours.get(address) === mac,
      disk: new MemoryDisk({ '/srv/vmlinuz': 'kernel', '/srv/initrd.img': 'initrd' }),
      imageLook: new SharedLook(),
      now: () => there.now,
    },
  }
}
