/** A TFTP server of the tests' own on the loopback, and clients that do what a test tells them. */
import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { after } from 'node:test'
import { DEFAULT_TFTP_LIMITS, type TftpLimits } from '../../src/model/tftp-limits.ts'
import { decodeTftp, type TftpPacket } from '../../src/protocol/tftp/packet.ts'
import { openSegmentingUdp } from '../../src/servers/socket.ts'
import { serveTftp, type TftpServer } from '../../src/servers/tftp.ts'
import type {
  TftpAnswer,
  TftpObservation,
  TftpRequest,
  TransferSocket,
} from '../../src/servers/tftp-exchange.ts'
import { ack, content } from './tftp-transfer.ts'

export { ack, content }

export const LOOPBACK = '127.0.0.1'
const LIMITS: TftpLimits = { ...DEFAULT_TFTP_LIMITS, transfers: 100, perClient: 8 }
/** A hang fails instead of blocking the suite. */
export const PATIENCE = { timeout: 10_000 }

export const FILES: ReadonlyMap<string, Uint8Array> = new Map([
  ['ipxe-x86_64.efi', content(1034752)],
  ['undionly.kpxe', content(70_000)],
  ['boot/x64/small', content(600)],
  ['even', content(1024)],
  ['empty', content(0)],
])

export function publishedFile(request: TftpRequest): Promise<TftpAnswer> {
  for (const name of request.names) {
    const found = FILES.get(name)
    if (found !== undefined) return Promise.resolve({ kind: 'file', name, content: found })
  }
  const expected = request.names.includes('autoexec.ipxe')
  return Promise.resolve({ kind: 'refuse', code: 1, message: 'File not found', expected })
}

/** Every socket of a test: one that failed half-way must not keep the process alive. */
const sockets: Socket[] = []

after(() => {
  for (const socket of sockets) {
    try {
      socket.close()
    } catch {
      // Closed by its test.
    }
  }
})

export async function bound(address = LOOPBACK): Promise<Socket> {
  const socket = createSocket('udp4')
  sockets.push(socket)
  await new Promise<void>((resolve) => socket.bind(0, address, resolve))
  return socket
}

interface Setting {
  readonly address?: string
  readonly limits?: Partial<TftpLimits>
  readonly answer?: (request: TftpRequest) => Promise<TftpAnswer>
  readonly openTransferSocket?: () => Promise<TransferSocket>
  readonly observe?: (observation: TftpObservation) => void
}

/** A server on an ephemeral port of the loopback, with what it observed. */
class Running implements AsyncDisposable {
  readonly seen: TftpObservation[] = []
  readonly socket: Socket
  readonly port: number
  readonly server: TftpServer
  #waiting: (() => void)[] = []

  constructor(socket: Socket, setting: Setting) {
    this.socket = socket
    this.port = socket.address().port
    this.server = serveTftp({
      socket,
      openTransferSocket:
        setting.openTransferSocket ??
        (() => openSegmentingUdp({ address: setting.address ?? LOOPBACK, port: 0 })),
      answer: setting.answer ?? publishedFile,
      observe: (observation) => {
        this.seen.push(observation)
        for (const wake of this.#waiting.splice(0)) wake()
        setting.observe?.(observation)
      },
      limits: () => ({ ...LIMITS, ...setting.limits }),
    })
  }

  /** Resolves when something of this kind was observed. */
  async until(kind: TftpObservation['kind']): Promise<TftpObservation> {
    for (;;) {
      const found = this.seen.find((observation) => observation.kind === kind)
      if (found !== undefined) return found
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** What was observed, without clients and times. */
  get story(): readonly Record<string, unknown>[] {
    return this.seen.map((observation) => {
      const { client: _client, ...happening } = observation
      return happening.kind === 'done' ? { ...happening, milliseconds: 0 } : happening
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close()
  }
}

export async function running(setting: Setting = {}): Promise<Running> {
  return new Running(await bound(setting.address), setting)
}

interface Received {
  readonly bytes: Uint8Array
  readonly port: number
  readonly address: string
}

/** A client that sends what a test tells it and hands over what it gets. */
export class Client implements AsyncDisposable {
  readonly #socket: Socket
  readonly #arrived: Received[] = []
  #waiting: ((received: Received) => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (bytes, from) => {
      const received = { bytes: new Uint8Array(bytes), port: from.port, address: from.address }
      const waiting = this.#waiting
      this.#waiting = undefined
      if (waiting === undefined) this.#arrived.push(received)
      else waiting(received)
    })
  }

  get port(): number {
    return this.#socket.address().port
  }

  get unread(): number {
    return this.#arrived.length
  }

  send(bytes: Uint8Array, port: number, address = LOOPBACK): void {
    this.#socket.send(bytes, port, address)
  }

  next(): Promise<Received> {
    const arrived = this.#arrived.shift()
    if (arrived !== undefined) return Promise.resolve(arrived)
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(resolve))
  }
}

export async function client(address = LOOPBACK): Promise<Client> {
  return new Client(await bound(address))
}

export function octets(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

/** `rrq('a', 'blksize=512 tsize=0')` */
export function rrq(name: string, options = '', mode = 'octet'): Uint8Array {
  const pairs = options === '' ? '' : `${options.replaceAll(/[= ]/g, '\0')}\0`
  return octets(`\0\x01${name}\0${mode}\0${pairs}`)
}

export function packetOf(received: Received): TftpPacket {
  const decoded = decodeTftp(received.bytes)
  assert.ok(decoded.ok)
  return decoded.value
}

/** Reads a file as RFC 1350, 2347 and 7440 say; the ERROR's code and text when there is one. */
export async function download(from: Client, port: number, request: Uint8Array): Promise<Buffer | string> {
  const parts: Uint8Array[] = []
  let blksize = 512
  let window = 1
  from.send(request, port)
  for (let expected = 1; ; ) {
    const received = await from.next()
    const packet = packetOf(received)
    if (packet.kind === 'error') return `${packet.code} ${packet.message}`
    if (packet.kind === 'oack') {
      const granted = new Map(packet.options.map(({ name, value }) => [name, value]))
      blksize = Number(granted.get('blksize') ?? 512)
      window = Number(granted.get('windowsize') ?? 1)
      from.send(ack(0), received.port)
      continue
    }
    assert.ok(packet.kind === 'data')
    if (packet.block === (expected & 0xffff)) {
      parts.push(packet.data)
      expected += 1
    }
    const isLast = packet.data.length < blksize
    if (isLast || parts.length % window === 0) from.send(ack(packet.block), received.port)
    if (isLast) return Buffer.concat(parts)
  }
}

export function assertFile(got: Buffer | string, name: string): void {
  assert.ok(typeof got !== 'string', `${name}: ${String(got)}`)
  assert.ok(got.equals(FILES.get(name) ?? new Uint8Array(1)), `${name} differs: ${got.length} octets`)
}
