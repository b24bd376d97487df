import type { TftpLimits } from '../model/tftp-limits.ts'
import type { TftpClient } from './tftp-exchange.ts'
import type { TftpSession } from './tftp-session.ts'

/** One read request from its arrival to the end of its transfer. */
export interface TransferSlot {
  readonly client: TftpClient
  /** The request as it came, to know a retransmission. */
  readonly datagram: Uint8Array
  /** Absent while the answer is awaited. */
  session: TftpSession | undefined
}

/** The transfers under way, one for a client's address and port, and their limits. */
export class TransferSlots {
  readonly #limits: () => Pick<TftpLimits, 'transfers' | 'perClient'>
  readonly #byClient = new Map<string, TransferSlot>()
  readonly #byAddress = new Map<string, Set<TransferSlot>>()
  /** Transfers whose client has not answered, oldest first: what a flood of forged requests fills. */
  readonly #unheard = new Set<TransferSlot>()

  constructor(limits: () => Pick<TftpLimits, 'transfers' | 'perClient'>) {
    this.#limits = limits
  }

  get(client: TftpClient): TransferSlot | undefined {
    return this.#byClient.get(keyOf(client))
  }

  sessions(): readonly TftpSession[] {
    return Array.from(this.#byClient.values(), (slot) => slot.session).filter(
      (session) => session !== undefined,
    )
  }

  /** The slot is still waiting for its answer: it was neither replaced nor released. */
  isWaiting(slot: TransferSlot): boolean {
    return this.get(slot.client) === slot && slot.session === undefined
  }

  /** Finds room for one more transfer, if need be by ending one that has little to lose; false when there is none. */
  makeRoom(address: string): boolean {
    const own = this.#byAddress.get(address)
    const { transfers, perClient } = this.#limits()
    if (own !== undefined && own.size >= perClient) return endFirst(own, (session) => session.isExpendable)
    return this.#byClient.size < transfers || endFirst(this.#unheard, () => true)
  }

  /** Room must have been made. Whatever this client and port had is to be released before. */
  take(slot: TransferSlot): void {
    this.#byClient.set(keyOf(slot.client), slot)
    const own = this.#byAddress.get(slot.client.address)
    if (own === undefined) this.#byAddress.set(slot.client.address, new Set([slot]))
    else own.add(slot)
  }

  /** The answer is there. Until the client is heard, the session is the first to go where room is short. */
  begin(slot: TransferSlot, session: TftpSession): void {
    slot.session = session
    this.#unheard.add(slot)
  }

  /** Its address is real. */
  heard(slot: TransferSlot): void {
    this.#unheard.delete(slot)
  }

  /** Harmless when the slot was released before. */
  release(slot: TransferSlot): void {
    if (this.get(slot.client) === slot) this.#byClient.delete(keyOf(slot.client))
    this.#unheard.delete(slot)
    const own = this.#byAddress.get(slot.client.address)
    if (own?.delete(slot) === true && own.size === 0) this.#byAddress.delete(slot.client.address)
  }
}

function endFirst(slots: Iterable<TransferSlot>, mayEnd: (session: TftpSession) => boolean): boolean {
  for (const { session } of slots) {
    if (session === undefined || !mayEnd(session)) continue
    session.discard('no-room')
    return true
  }
  return false
}

function keyOf(client: TftpClient): string {
  return `${client.address}:${client.port}`
}
