import { constants } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { Socket } from 'node:net'
import type { SecureContextOptions, TLSSocket } from 'node:tls'
import type { TlsPair } from '../model/tls.ts'
import { FileSender } from './file-sender.ts'
import {
  HTTP_OPTIONS,
  type HttpServer,
  type HttpServerOptions,
  listen,
  peerOf,
  requestListener,
} from './http.ts'

export interface HttpsServerOptions extends HttpServerOptions {
  readonly pair: TlsPair
  /** A connection that ended before it was secure: the client's address, and OpenSSL's words. */
  readonly onRefused: (peer: string, reason: string) => void
}

export interface HttpsServer extends HttpServer {
  /** New connections get this certificate; those that are open go on as they are. */
  usePair(pair: TlsPair): void
}

/** Milliseconds. A machine in software emulation takes seconds for its part. */
const HANDSHAKE_TIMEOUT_MS = 30_000

/**
 * iPXE of 2019 has RSA key exchange with CBC alone, later ones DHE and ECDHE with GCM too; none has TLS 1.3
 * (iPXE src/crypto/mishmash). EDK2 has what its OpenSSL has.
 */
const CIPHERS = [
  ...['ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
  ...['ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  ...['ECDHE-RSA-CHACHA20-POLY1305', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
  ...['DHE-RSA-AES128-GCM-SHA256', 'DHE-RSA-AES256-GCM-SHA384'],
  ...['ECDHE-RSA-AES128-SHA256', 'ECDHE-RSA-AES256-SHA384', 'ECDHE-RSA-AES128-SHA', 'ECDHE-RSA-AES256-SHA'],
  ...['DHE-RSA-AES128-SHA256', 'DHE-RSA-AES256-SHA256', 'DHE-RSA-AES128-SHA', 'DHE-RSA-AES256-SHA'],
  ...['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'AES128-SHA256', 'AES256-SHA256', 'AES128-SHA', 'AES256-SHA'],
].join(':')

/** HTTP over TLS 1.2 and 1.3 with the same requests and answers; the whole chain of the file is sent. */
export async function serveHttps(options: HttpsServerOptions): Promise<HttpsServer> {
  const shared = { ...options, sender: options.sender ?? new FileSender() }
  const server = createServer(
    { ...HTTP_OPTIONS, ...secureContext(options.pair), handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
    requestListener(shared),
  )
  tellRefusals(server, options)
  return {
    ...(await listen(server, shared, HANDSHAKE_TIMEOUT_MS)),
    usePair: (pair) => server.setSecureContext(secureContext(pair)),
  }
}

function secureContext({ certificate, privateKey }: TlsPair): SecureContextOptions {
  return {
    ...{ cert: certificate, key: privateKey, ciphers: CIPHERS, honorCipherOrder: true },
    ...{ minVersion: 'TLSv1.2', dhparam: 'auto', secureOptions: constants.SSL_OP_NO_RENEGOTIATION },
  }
}

/** What EDK2 and iPXE leave behind when they do not like the certificate: neither sends an alert. */
const NO_REASON = 'closed before it was secure: does it trust the certificate?'

/** By the raw sockets, which still know the client's address: they may be closed before the alert is read. */
function tellRefusals(server: Server, { onRefused }: HttpsServerOptions): void {
  const waiting = new Map<unknown, string>()
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket)
    waiting.set(socket, NO_REASON)
    const tell = (): void => {
      const reason = waiting.get(socket)
      if (waiting.delete(socket) && reason !== undefined) onRefused(peer, reason)
    }
    socket.on('close', () => setImmediate(tell))
  })
  server.on('secureConnection', (socket) => waiting.delete(rawOf(socket)))
  server.on('tlsClientError', (error: Error & { reason?: string; code?: string }, socket: TLSSocket) => {
    const raw = rawOf(socket)
    if (waiting.has(raw) && error.code !== 'ECONNRESET') waiting.set(raw, error.reason ?? error.message)
    socket.destroy()
  })
}

/** The property is not in Node's types. */
function rawOf(socket: TLSSocket): unknown {
  return Reflect.get(socket, '_parent')
}
