import type { Mac } from '../lib/mac.ts'
import { OldestFirst } from '../lib/oldest-first.ts'
import type { BootEvent } from '../model/event.ts'

/** Machines that are remembered. */
const MOST = 4096
/** Milliseconds from the newest DHCP answer: an iPXE that waits for a router asks again within them. */
const FOR_MS = 60_000

/** Which machines on a network are booting: firmware or a loader of theirs got an address or was offered one lately. */
export class BootingMachines {
  readonly #network: string
  readonly #answered = new OldestFirst<Mac, number>()

  constructor(network: string) {
    this.#network = network
  }

  /** Takes every event of the timeline; only answers of DHCP on this network count. */
  note({ kind, mac, network, time, detail }: BootEvent): void {
    const isAnswer = kind === 'dhcp.offer' || kind === 'dhcp.ack'
    if (!isAnswer || mac === undefined || network !== this.#network || detail['stage'] === 'os') return
    this.#answered.set(mac, time)
    this.#answered.trim(MOST)
  }

  /** `now` in milliseconds since 1970. */
  has(mac: Mac, now: number): boolean {
    const time = this.#answered.get(mac)
    return time !== undefined && Math.abs(now - time) < FOR_MS
  }
}
