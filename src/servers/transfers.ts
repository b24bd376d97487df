import type { Socket } from 'node:net'

/** One file on its way to one client. */
export interface ActiveTransfer {
  readonly socket: Socket
  /** Octets that the kernel has taken. */
  sent: number
  /** Octets that it was given and has not taken yet; 0 between two pieces. */
  pending: number
  /** When it took or was given something for the last time, on the clock of `performance.now()`. */
  movedAt: number
  /** Why the connection was cut, if it was. */
  cut?: string
}

/** The transfers of all planes that run now. */
export class ActiveTransfers {
  readonly #all = new Set<ActiveTransfer>()
  readonly #cuts = { stalled: 0, slow: 0 }
  #octets = 0

  get size(): number {
    return this.#all.size
  }

  /** Octets that the kernel took, and cut connections, since the start. */
  get figures(): { readonly octets: number; readonly stalled: number; readonly slow: number } {
    return { octets: this.#octets, ...this.#cuts }
  }

  [Symbol.iterator](): Iterator<ActiveTransfer> {
    return this.#all.values()
  }

  begin(socket: Socket): ActiveTransfer {
    const transfer = { socket, sent: 0, pending: 0, movedAt: performance.now() }
    this.#all.add(transfer)
    return transfer
  }

  end(transfer: ActiveTransfer): void {
    this.#all.delete(transfer)
  }

  /** The kernel took so many more. */
  note(transfer: ActiveTransfer, octets: number): void {
    transfer.sent += octets
    transfer.pending = 0
    transfer.movedAt = performance.now()
    this.#octets += octets
  }

  /** Ends the connection, once; `reason` is what the log tells of the transfer. */
  cut(transfer: ActiveTransfer, why: 'stalled' | 'slow', reason: string): void {
    if (transfer.cut !== undefined) return
    this.#cuts[why] += 1
    transfer.cut = reason
    transfer.socket.destroy()
  }
}
