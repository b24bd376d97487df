import { connect, type Socket } from 'node:net'

/** Nothing received for so long: iPXE gives a transfer up (`--timeout 30000` of our scripts). */
const STALL_MS = 30_000
/** Shared by all connections: what is in it is counted or copied before the next read. */
const BUFFER = Buffer.allocUnsafe(256 * 1024)

interface Pending {
  readonly keep: boolean
  readonly resolve: (body: Buffer) => void
  readonly reject: (error: Error) => void
  head: Buffer
  body: Buffer[]
  missing: number
}

/** One machine's connection, kept alive as iPXE does, from its own address. */
export class Connection {
  readonly #local: string
  #socket: Socket | undefined
  #pending: Pending | undefined
  /** Octets of all bodies. */
  received = 0

  constructor(local: string) {
    this.#local = local
  }

  /** The body, or with `keep: false` nothing of it: it is counted. Rejects for anything but 200. */
  get(url: URL, keep: boolean): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#pending = { keep, resolve, reject, head: Buffer.alloc(0), body: [], missing: -1 }
      const socket = this.#socket ?? this.#connect(url)
      socket.write(
        `GET ${url.pathname}${url.search} HTTP/1.1\r\nConnection: keep-alive\r\nUser-Agent: iPXE/1.0.0+\r\nHost: ${url.host}\r\n\r\n`,
      )
    })
  }

  close(): void {
    this.#socket?.destroy()
  }

  #connect({ hostname, port }: URL): Socket {
    const socket = connect({
      ...{ host: hostname, port: Number(port), localAddress: this.#local },
      onread: { buffer: BUFFER, callback: (length) => this.#read(BUFFER.subarray(0, length)) },
    })
    this.#socket = socket
    const fail = (why: string): void => {
      if (this.#socket === socket) this.#socket = undefined
      socket.destroy()
      const pending = this.#pending
      this.#pending = undefined
      pending?.reject(new Error(why))
    }
    socket.setTimeout(STALL_MS, () => fail('HTTP stalled'))
    socket.on('error', (error) => fail(`HTTP ${error.message}`))
    socket.on('close', () => fail('HTTP closed'))
    return socket
  }

  #read(chunk: Buffer): boolean {
    const pending = this.#pending
    if (pending === undefined) return true
    if (pending.missing >= 0) this.#take(pending, chunk)
    else {
      pending.head = Buffer.concat([pending.head, chunk])
      const end = pending.head.indexOf('\r\n\r\n')
      if (end < 0) return true
      const head = pending.head.toString('latin1', 0, end)
      const length = Number(/\r\ncontent-length: ([0-9]+)/i.exec(head)?.[1] ?? 0)
      if (!/^HTTP\/1\.1 200 /.test(head)) {
        this.#pending = undefined
        pending.reject(new Error(`HTTP ${head.slice(9, 12)}`))
        this.#socket?.destroy()
        this.#socket = undefined
        return true
      }
      pending.missing = length
      this.#take(pending, pending.head.subarray(end + 4))
    }
    return true
  }

  #take(pending: Pending, chunk: Buffer): void {
    pending.missing -= chunk.length
    this.received += chunk.length
    if (pending.keep) pending.body.push(Buffer.from(chunk))
    if (pending.missing > 0) return
    this.#pending = undefined
    pending.resolve(Buffer.concat(pending.body))
  }
}
