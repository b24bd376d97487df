/**
 * A TFTP relay that loses, repeats, reorders and delays datagrams, the same from the same seed: the nth datagram of
 * a direction of the nth transfer meets the same fate in every run. To its client it is the server; to the server each
 * client has a port of its own, so that transfer identifiers (RFC 1350 §4) keep their meaning on both sides.
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { generator, type Random } from '../helpers/hostile.ts'

/** In parts of a thousand. */
export interface Rates {
  readonly drop: number
  readonly duplicate: number
  readonly reorder: number
  readonly delay: number
}

export interface RelayPlan {
  /** Dotted decimal; requests come to its port 69. */
  readonly listen: string
  readonly server: string
  readonly seed: number
  readonly rates: Rates
  /** Default 69, on both sides. */
  readonly listenPort?: number
  readonly serverPort?: number
}

export interface RelayCounts {
  passed: number
  dropped: number
  duplicated: number
  reordered: number
  delayed: number
}

export interface LossyRelay {
  readonly counts: RelayCounts
  readonly port: number
  close(): void
}

/** A datagram that is held back leaves after the next one of its direction, or after this time. */
const HOLD_MS = 40
const LONGEST_DELAY_MS = 25
const TFTP_PORT = 69

interface Transfer {
  readonly up: Socket
  readonly down: Socket
  /** The server's port for this transfer, once it has answered. */
  serverPort: number
  readonly toServer: Lane
  readonly toClient: Lane
}

export async function openLossyRelay(plan: RelayPlan): Promise<LossyRelay> {
  const counts: RelayCounts = { passed: 0, dropped: 0, duplicated: 0, reordered: 0, delayed: 0 }
  const transfers = new Map<string, Promise<Transfer>>()
  const door = await bound(plan.listen, plan.listenPort ?? TFTP_PORT)
  door.on('message', (bytes, { address, port }) => {
    const key = `${address} ${port}`
    const known = transfers.get(key)
    const transfer = known ?? openTransfer(plan, { address, port, index: transfers.size }, counts)
    if (known === undefined) transfers.set(key, transfer)
    void transfer.then(({ toServer, up }) =>
      toServer.take(() => up.send(bytes, plan.serverPort ?? TFTP_PORT, plan.server)),
    )
  })
  return {
    counts,
    port: door.address().port,
    close() {
      door.close()
      for (const transfer of transfers.values())
        void transfer.then(({ up, down }) => [up, down].forEach((socket) => void socket.close()))
    },
  }
}

interface From {
  readonly address: string
  readonly port: number
  readonly index: number
}

async function openTransfer(plan: RelayPlan, from: From, counts: RelayCounts): Promise<Transfer> {
  const [up, down] = await Promise.all([bound(undefined, 0), bound(plan.listen, 0)])
  const lane = (direction: number): Lane =>
    new Lane(generator(plan.seed * 1_000_003 + from.index * 2 + direction), plan.rates, counts)
  const transfer: Transfer = { up, down, serverPort: 0, toServer: lane(0), toClient: lane(1) }
  up.on('message', (bytes, { port }) => {
    transfer.serverPort = port
    transfer.toClient.take(() => down.send(bytes, from.port, from.address))
  })
  down.on('message', (bytes, { address, port }) => {
    if (port !== from.port || address !== from.address || transfer.serverPort === 0) return
    transfer.toServer.take(() => up.send(bytes, transfer.serverPort, plan.server))
  })
  // An ICMP error of an end that is gone is no matter of the relay.
  for (const socket of [up, down]) socket.on('error', () => {})
  return transfer
}

async function bound(address: string | undefined, port: number): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 22, sendBufferSize: 1 << 22 })
  socket.bind(port, address)
  await once(socket, 'listening')
  return socket
}

/** One direction of one transfer. */
class Lane {
  readonly #random: Random
  readonly #rates: Rates
  readonly #counts: RelayCounts
  #held: (() => void) | undefined

  constructor(random: Random, rates: Rates, counts: RelayCounts) {
    this.#random = random
    this.#rates = rates
    this.#counts = counts
  }

  take(send: () => void): void {
    // Five numbers for each datagram, used or not: the fates do not depend on the rates.
    const [drop, duplicate, reorder, delay] = Array.from({ length: 4 }, () => this.#random(1000))
    const milliseconds = 1 + this.#random(LONGEST_DELAY_MS)
    const hit = (kind: keyof Rates, drawn = 1000): boolean => drawn < this.#rates[kind]
    if (hit('drop', drop)) {
      this.#counts.dropped += 1
      return
    }
    this.#counts.passed += 1
    if (hit('reorder', reorder) && this.#held === undefined) {
      this.#hold(send)
      return
    }
    if (hit('delay', delay)) {
      this.#counts.delayed += 1
      setTimeout(() => quietly(send), milliseconds)
    } else quietly(send)
    if (hit('duplicate', duplicate)) {
      this.#counts.duplicated += 1
      quietly(send)
    }
    this.#release()
  }

  #hold(send: () => void): void {
    this.#counts.reordered += 1
    this.#held = send
    setTimeout(() => {
      if (this.#held === send) this.#release()
    }, HOLD_MS)
  }

  #release(): void {
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) quietly(held)
  }
}

/** A socket that was closed meanwhile has nobody to send to. */
function quietly(send: () => void): void {
  try {
    send()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_SOCKET_DGRAM_NOT_RUNNING'))
      throw error
  }
}
