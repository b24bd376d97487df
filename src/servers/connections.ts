import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { HttpLimits } from '../model/http-limits.ts'

/** `asking`: no whole request is there yet, or a new one has not begun; `served`: an answer is being made or sent. */
type Doing = 'asking' | 'served' | 'idle'

interface Connection {
  readonly socket: Socket
  readonly peer: string
  /** By when, on the clock of `performance.now()`, its first request has to be whole but for its body. */
  readonly askBy: number
  doing: Doing
  /** Of pipelined requests all but the first wait. */
  unanswered: number
}

/** Milliseconds between two cuts, and how many connections each takes: 50 us for one, and boots wait meanwhile. */
const CUT_MS = 25
const CUTS = 100
/** RFC 9110 §15.5.9. */
const TIMEOUT = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n'

/**
 * The connections of all HTTP planes. Whoever comes when all are taken gets the place of another: of the connection that
 * has waited longest to send a whole request, else of the one that has been idle longest. So slow senders keep nobody out.
 * Those that do not send their first head in time are cut in portions: Node would cut thousands at once.
 */
export class Connections {
  readonly #limits: () => HttpLimits
  readonly #all = new Map<Socket, Connection>()
  readonly #clients = new Map<string, number>()
  /** In the order in which they began to ask. */
  readonly #asking = new Set<Connection>()
  readonly #idle = new Set<Connection>()
  #evicted = 0
  #refused = 0
  #isWatching = false

  constructor(limits: () => HttpLimits) {
    this.#limits = limits
  }

  /** Open now; evicted for others and refused since the start. */
  get figures(): { readonly open: number; readonly evicted: number; readonly refused: number } {
    return { open: this.#all.size, evicted: this.#evicted, refused: this.#refused }
  }

  /** More than half are taken: whoever is slow should not hold one. */
  get isScarce(): boolean {
    return this.#all.size > this.#limits().connections / 2
  }

  /** Takes a new connection in; false: it was refused and closed. `handshakeMs` are given beside the time for its head. */
  open(socket: Socket, peer: string, handshakeMs = 0): boolean {
    const { connections, connectionsPerClient, headers } = this.#limits()
    const isGreedy = this.isScarce && (this.#clients.get(peer) ?? 0) >= connectionsPerClient
    const mustGo = isGreedy ? this.#ofClient(peer) : this.#all.size >= connections ? this.#any() : undefined
    if (mustGo === undefined && (isGreedy || this.#all.size >= connections)) {
      this.#refused += 1
      socket.destroy()
      return false
    }
    if (mustGo !== undefined) {
      this.#evicted += 1
      this.#close(mustGo)
    }
    const askBy = performance.now() + handshakeMs + headers * 1000
    const connection: Connection = { socket, peer, askBy, doing: 'asking', unanswered: 0 }
    this.#all.set(socket, connection)
    this.#clients.set(peer, (this.#clients.get(peer) ?? 0) + 1)
    this.#asking.add(connection)
    socket.once('close', () => this.#close(connection))
    if (!this.#isWatching) this.#watch(askBy)
    return true
  }

  #watch(until: number): void {
    this.#isWatching = true
    setTimeout(() => this.#cutLate(), Math.max(CUT_MS, until - performance.now())).unref()
  }

  #cutLate(): void {
    this.#isWatching = false
    const now = performance.now()
    let cuts = 0
    for (const connection of this.#asking) {
      if (connection.askBy > now || cuts === CUTS) {
        this.#watch(connection.askBy)
        return
      }
      cuts += 1
      if (connection.socket.writable && connection.socket.bytesWritten === 0) connection.socket.write(TIMEOUT)
      this.#close(connection)
    }
  }

  /** A whole head arrived. */
  asked({ socket }: IncomingMessage, response: ServerResponse): void {
    const connection = this.#all.get(rawOf(socket))
    if (connection === undefined) return
    connection.unanswered += 1
    this.#become(connection, 'served')
    response.on('finish', () => {
      connection.unanswered -= 1
      if (connection.unanswered === 0) this.#become(connection, 'idle')
    })
  }

  #become(connection: Connection, doing: Doing): void {
    if (!this.#all.has(connection.socket)) return
    connection.doing = doing
    this.#asking.delete(connection)
    this.#idle.delete(connection)
    if (doing === 'idle') this.#idle.add(connection)
  }

  #any(): Connection | undefined {
    for (const connection of this.#asking) return connection
    for (const connection of this.#idle) return connection
    return undefined
  }

  #ofClient(peer: string): Connection | undefined {
    for (const set of [this.#asking, this.#idle])
      for (const connection of set) if (connection.peer === peer) return connection
    return undefined
  }

  #close(connection: Connection): void {
    const { socket, peer } = connection
    if (!this.#all.delete(socket)) return
    this.#asking.delete(connection)
    this.#idle.delete(connection)
    const left = (this.#clients.get(peer) ?? 1) - 1
    if (left === 0) this.#clients.delete(peer)
    else this.#clients.set(peer, left)
    socket.destroy()
  }
}

/** Of a TLS connection the TCP connection below it; the property is not in Node's types. */
function rawOf(socket: Socket): Socket {
  const below: Socket | null | undefined = Reflect.get(socket, '_parent')
  return below ?? socket
}
