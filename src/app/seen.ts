import type { Mac } from '../lib/mac.ts'
import type { SeenMachine, StateStore } from '../model/ports.ts'

/** Machines remembered in memory and on disk; the one not seen for longest makes room. */
const MOST = 20_000

/** Every machine that sent us a packet, described or not. */
export class SeenMachines {
  readonly #store: Pick<StateStore, 'saveSeen'>
  readonly #machines = new Map<Mac, SeenMachine>()

  constructor(store: Pick<StateStore, 'saveSeen'>, known: readonly SeenMachine[]) {
    this.#store = store
    for (const machine of known) this.#machines.set(machine.mac, machine)
  }

  /** Adds what is now known of a machine; what `facts` leaves out stays. `now` in milliseconds since 1970. */
  note(mac: Mac, network: string, now: number, facts: Partial<Omit<SeenMachine, 'mac' | 'network'>>): void {
    const before = this.#machines.get(mac)
    const machine: SeenMachine = { firstSeen: now, ...before, ...facts, mac, network, lastSeen: now }
    // Deleting first keeps the Map in the order of the last packet.
    this.#machines.delete(mac)
    this.#machines.set(mac, machine)
    const oldest = this.#machines.size > MOST ? this.#machines.keys().next().value : undefined
    if (oldest !== undefined) this.#machines.delete(oldest)
    this.#store.saveSeen([machine])
  }
}
