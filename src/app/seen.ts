import type { Mac } from '../lib/mac.ts'
import { OldestFirst } from '../lib/oldest-first.ts'
import type { SeenMachine, StateStore } from '../model/ports.ts'

/** Machines remembered in memory and on disk; the one not seen for longest makes room. */
const MOST = 20_000

/** Every machine that sent us a packet, described or not. */
export class SeenMachines {
  readonly #store: Pick<StateStore, 'saveSeen'>
  readonly #machines = new OldestFirst<Mac, SeenMachine>()

  constructor(store: Pick<StateStore, 'saveSeen'>, known: readonly SeenMachine[]) {
    this.#store = store
    for (const machine of known) this.#machines.set(machine.mac, machine)
  }

  /** Whether what it showed was kept. */
  hasEvidence(mac: Mac): boolean {
    return this.#machines.get(mac)?.evidence !== undefined
  }

  newestFirst(): readonly SeenMachine[] {
    return [...this.#machines].map(([, machine]) => machine).reverse()
  }

  /** What it showed besides its MAC counts no more. On disk after the store's next `flush`. */
  forgetEvidence(mac: Mac): void {
    const known = this.#machines.get(mac)
    if (known?.evidence === undefined) return
    const machine = { ...known, evidence: {} }
    this.#machines.set(mac, machine)
    this.#store.saveSeen([machine])
  }

  /** Adds what is now known of a machine; what `facts` leaves out stays. `now` in milliseconds since 1970. */
  note(mac: Mac, network: string, now: number, facts: Facts): void {
    const before = this.#machines.get(mac)
    const machine = withFacts(
      { mac, network, firstSeen: before?.firstSeen ?? now, lastSeen: now },
      before,
      facts,
    )
    this.#machines.set(mac, machine)
    this.#machines.trim(MOST)
    this.#store.saveSeen([machine])
  }
}

type Facts = Partial<Omit<SeenMachine, 'mac' | 'network' | 'firstSeen' | 'lastSeen'>>

/** Every packet comes here: assignments, where spreading three objects would cost several times as much. */
function withFacts(
  machine: { -readonly [Key in keyof SeenMachine]: SeenMachine[Key] },
  before: SeenMachine | undefined,
  facts: Facts,
): SeenMachine {
  const address = facts.address ?? before?.address
  const arch = facts.arch ?? before?.arch
  const uuid = facts.uuid ?? before?.uuid
  const vendorClass = facts.vendorClass ?? before?.vendorClass
  const stage = facts.stage ?? before?.stage
  const evidence = facts.evidence ?? before?.evidence
  if (address !== undefined) machine.address = address
  if (arch !== undefined) machine.arch = arch
  if (uuid !== undefined) machine.uuid = uuid
  if (vendorClass !== undefined) machine.vendorClass = vendorClass
  if (stage !== undefined) machine.stage = stage
  if (evidence !== undefined) machine.evidence = evidence
  return machine
}
