import type { RemoteInfo, Socket } from 'node:dgram'
import { printable } from '../lib/text.ts'
import type { TftpLimits } from '../model/tftp-limits.ts'
import { candidateNames } from '../protocol/tftp/file-name.ts'
import { negotiate, requestedBlksize } from '../protocol/tftp/options.ts'
import {
  decodeTftp,
  encodeTftp,
  TFTP_ERROR,
  TFTP_OPCODE,
  type TftpRequestPacket,
} from '../protocol/tftp/packet.ts'
import { HeldOctets } from './held-octets.ts'
import type {
  TftpAnswer,
  TftpClient,
  TftpHappening,
  TftpObservation,
  TftpRequest,
  TransferSocket,
} from './tftp-exchange.ts'
import { TftpSession, type TftpSessionOptions } from './tftp-session.ts'
import { type TransferSlot, TransferSlots } from './tftp-slots.ts'

export interface TftpServerOptions {
  /** Bound to port 69 of one of our addresses. The server closes it. */
  readonly socket: Socket
  /** Binds an ephemeral port on the same address; each transfer has its own (RFC 1350 §4). */
  readonly openTransferSocket: () => Promise<TransferSocket>
  readonly answer: (request: TftpRequest) => Promise<TftpAnswer>
  readonly observe: (observation: TftpObservation) => void
  /** Now; `blksize` is what leaves the interface in one piece. What begins later keeps to what they are then. */
  readonly limits: () => TftpLimits
}

export interface TftpServer {
  /** Ends every transfer with an ERROR and closes every socket. */
  close(): Promise<void>
}

/** Serves files, read-only, in octet mode (RFC 1350, 2347-2349, 7440). Nothing that a client sends can make it throw. */
export function serveTftp(options: TftpServerOptions): TftpServer {
  return new TftpListener(options)
}

class TftpListener implements TftpServer {
  readonly #options: TftpServerOptions
  readonly #slots: TransferSlots
  #isClosed = false

  constructor(options: TftpServerOptions) {
    this.#options = options
    this.#slots = new TransferSlots(options.limits)
    options.socket.on('message', (bytes, from) => this.#onDatagram(bytes, from))
    options.socket.on('error', (error) =>
      this.#observe({ address: '0.0.0.0', port: 0 }, { kind: 'fault', error }),
    )
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await Promise.all(this.#slots.sessions().map((session) => session.close()))
    await new Promise<void>((resolve) => this.#options.socket.close(resolve))
  }

  #onDatagram(bytes: Uint8Array, from: RemoteInfo): void {
    if (this.#isClosed) return
    const client: TftpClient = { address: from.address, port: from.port }
    try {
      if (isAnswerable(client)) this.#onPacket(bytes, client)
      else this.#observe(client, { kind: 'ignored', reason: 'source address or port' })
    } catch (error) {
      this.#observe(client, { kind: 'fault', error })
    }
  }

  #onPacket(bytes: Uint8Array, client: TftpClient): void {
    const packet = decodeTftp(bytes)
    if (!packet.ok) {
      this.#observe(client, { kind: 'ignored', reason: packet.error.code })
      // Only what claims to be a request is answered: two servers that answer errors would never stop.
      const isRequest = bytes[0] === 0 && (bytes[1] === TFTP_OPCODE.rrq || bytes[1] === TFTP_OPCODE.wrq)
      if (isRequest) this.#sendError(client, TFTP_ERROR.illegalOperation, 'Malformed request')
    } else if (packet.value.kind === 'rrq') {
      this.#onReadRequest(packet.value, bytes, client)
    } else if (packet.value.kind === 'wrq') {
      const shownName = printable(packet.value.nameBytes)
      this.#refuse(client, shownName, { code: TFTP_ERROR.accessViolation, message: 'Read-only server' })
    } else {
      this.#observe(client, { kind: 'ignored', reason: `${packet.value.kind} on the request port` })
    }
  }

  #onReadRequest(packet: TftpRequestPacket, datagram: Uint8Array, client: TftpClient): void {
    const shownName = printable(packet.nameBytes)
    if (packet.mode !== 'octet') {
      const message = `Transfer mode ${printable(packet.mode, 16)} is not supported, use octet`
      this.#refuse(client, shownName, { code: TFTP_ERROR.illegalOperation, message })
      return
    }
    const names = candidateNames(packet.nameBytes)
    if (!names.ok) {
      this.#refuse(client, shownName, names.error)
      return
    }
    if (this.#isRepeated(client, datagram)) return
    if (!this.#slots.makeRoom(client.address)) {
      // Silence, not an ERROR: firmware asks again after a second or three, but gives up on an ERROR.
      this.#observe(client, { kind: 'refused', name: shownName, reason: 'too many transfers' })
      return
    }
    const slot: TransferSlot = { client, datagram, session: undefined }
    this.#slots.take(slot)
    void this.#answer(slot, packet, names.value)
  }

  /** Whether the request is being answered already; a different one from the same port takes the old one's place. */
  #isRepeated(client: TftpClient, datagram: Uint8Array): boolean {
    const old = this.#slots.get(client)
    if (old === undefined) return false
    if (isSame(old.datagram, datagram) && (old.session === undefined || old.session.isBeginning)) {
      old.session?.repeat()
      return true
    }
    old.session?.discard('replaced')
    this.#slots.release(old)
    return false
  }

  async #answer(slot: TransferSlot, packet: TftpRequestPacket, names: readonly string[]): Promise<void> {
    const { client } = slot
    const shownName = printable(packet.nameBytes)
    try {
      const blksize = requestedBlksize(packet.options)
      const request = { client, names, shownName, ...(blksize === undefined ? {} : { blksize }) }
      const answer = await this.#options.answer(request)
      if (!this.#isAwaited(slot)) {
        if (answer.kind === 'file') answer.content.close?.()
        return
      }
      if (answer.kind === 'file') {
        await this.#begin(slot, packet, answer)
      } else {
        this.#slots.release(slot)
        this.#refuse(client, shownName, answer)
      }
    } catch (error) {
      this.#observe(client, { kind: 'fault', error })
      if (!this.#isAwaited(slot)) return
      this.#slots.release(slot)
      this.#observe(client, { kind: 'failed', name: shownName, bytes: 0, reason: 'internal error' })
      this.#sendError(client, TFTP_ERROR.undefined, 'Internal error')
    }
  }

  async #begin(
    slot: TransferSlot,
    packet: TftpRequestPacket,
    file: TftpAnswer & { kind: 'file' },
  ): Promise<void> {
    const { client } = slot
    const { name, beforeLast } = file
    const content = beforeLast === undefined ? file.content : new HeldOctets(file.content, beforeLast)
    const limits = this.#options.limits()
    const terms = negotiate(packet.options, {
      size: content.length,
      maxBlksize: limits.blksize,
      maxWindow: limits.windowsize,
    })
    const opened = await this.#options.openTransferSocket().catch((error: unknown) => {
      content.close?.()
      throw error
    })
    if (!this.#isAwaited(slot)) {
      opened.socket.close()
      content.close?.()
      return
    }
    const session = sessionOn(opened, {
      client,
      name,
      content,
      terms,
      retry: { timeoutMs: limits.timeout * 1000, sends: limits.retries + 1 },
      observe: (happening) => this.#observe(client, happening),
      onHeard: () => {
        this.#slots.heard(slot)
        file.onHeard?.()
      },
      onEnd: () => this.#slots.release(slot),
    })
    this.#slots.begin(slot, session)
  }

  #isAwaited(slot: TransferSlot): boolean {
    return !this.#isClosed && this.#slots.isWaiting(slot)
  }

  #refuse(
    client: TftpClient,
    name: string,
    why: { readonly code: number; readonly message: string; readonly expected?: boolean },
  ): void {
    const expected = why.expected === undefined ? {} : { expected: why.expected }
    this.#observe(client, {
      ...{ kind: 'refused', name, code: why.code, reason: printable(why.message) },
      ...expected,
    })
    this.#sendError(client, why.code, why.message)
  }

  /** From the request port: a client takes its first answer from any port, and an ERROR needs no transfer. */
  #sendError(client: TftpClient, code: number, message: string): void {
    const datagram = encodeTftp({ kind: 'error', code, message })
    this.#options.socket.send(datagram, client.port, client.address, (error) => {
      if (error !== null) this.#observe(client, { kind: 'send-failed', name: '', reason: error.message })
    })
  }

  #observe(client: TftpClient, happening: TftpHappening): void {
    try {
      this.#options.observe({ client, ...happening })
    } catch {
      // An observer's defect has nowhere to be observed, and must not end a transfer.
    }
  }
}

/** The socket is closed here when no session comes to own it. */
function sessionOn(
  transferSocket: TransferSocket,
  options: Omit<TftpSessionOptions, 'transferSocket'>,
): TftpSession {
  try {
    return new TftpSession({ ...options, transferSocket })
  } catch (error) {
    transferSocket.socket.close()
    options.content.close?.()
    throw error
  }
}

/** Answering these would start a loop (echo, chargen, another TFTP server) or reach more than one machine. */
function isAnswerable(client: TftpClient): boolean {
  if (client.port === 0 || client.port === 7 || client.port === 19 || client.port === 69) return false
  const firstOctet = Number(client.address.split('.')[0])
  return firstOctet > 0 && firstOctet < 224
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i])
}
