import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import type { Server as SecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { HttpAnswer, HttpObserver, HttpRequest } from '../model/http.ts'
import type { HttpLimits } from '../model/http-limits.ts'
import { openAcceptors } from './acceptors.ts'
import { FileSender, itsTurn } from './file-sender.ts'
import { watchExchange } from './http-exchange.ts'
import { sendFile } from './http-file.ts'
import { portTaken } from './port-holder.ts'
import { atTurnEnd } from './turn-end.ts'

export interface HttpServerOptions {
  /** Dotted decimal or a host name; only this address is listened on. */
  readonly host: string
  readonly port: number
  readonly handle: (request: HttpRequest) => Promise<HttpAnswer>
  /** What the planes share; absent: this one has its own, with the limits that are the default. */
  readonly sender?: FileSender
  /** A fault of ours, already answered with 500. */
  readonly onFault: (error: unknown) => void
  readonly observer?: HttpObserver
}

export interface HttpServer {
  readonly port: number
  /** Stops listening; transfers in flight get `graceMs` milliseconds, then their connections are cut. */
  close(graceMs: number): Promise<void>
}

/** Connections that the kernel keeps for us: of those beyond, each costs its machine a second or more (Node has 511). */
const BACKLOG = 4096
/** Milliseconds: how often Node looks for requests that take too long. */
const LOOK_MS = 1000
/** Milliseconds that a head has beyond its limit before Node cuts it: first heads are cut before that (`Connections`). */
const LENIENCE_MS = 2000
/**
 * Sockets that accept connections: libuv accepts one of each in a turn of the event loop. With a single one, thousands that come
 * at once keep a boot waiting for as many turns.
 */
const ACCEPTORS = 16

/**
 * Headers that come a byte a second are cut in time only if Node looks often. The times are set anew with every
 * connection, so that a reload changes them.
 */
export const HTTP_OPTIONS: ServerOptions = {
  connectionsCheckingInterval: LOOK_MS,
  maxHeaderSize: 16_384,
  noDelay: true,
}

function setTimes(server: Server | SecureServer, { headers, request, idle }: HttpLimits): void {
  server.headersTimeout = headers * 1000 + LENIENCE_MS
  // Node knows no request that may take less time than its head.
  server.requestTimeout = Math.max(headers * 1000 + LENIENCE_MS, request * 1000)
  server.keepAliveTimeout = idle * 1000
}

/** Header names keep the case written here: GRUB compares `Content-Length: ` with its capitals. */
export function serveHttp(options: HttpServerOptions): Promise<HttpServer> {
  const shared = { ...options, sender: options.sender ?? new FileSender() }
  return listen(createServer(HTTP_OPTIONS, requestListener(shared)), shared)
}

/**
 * Of HTTP and HTTPS alike. A fault of `handle` is answered with 500 and told to `onFault`; a path with a broken
 * escape with 400.
 */
export function requestListener(
  options: Serving,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    options.sender.connections.asked(request, response)
    void serve(request, response, options)
  }
}

/** Opens the socket of a server that was made with `HTTP_OPTIONS`; rejects with who has the port. */
export function listen(
  server: Server | SecureServer,
  options: Serving,
  handshakeMs = 0,
): Promise<HttpServer> {
  const { sender } = options
  setTimes(server, sender.limits())
  // A client that closes its sending side after the request (nc, some proxies) still wants the answer; without this
  // Node's http drops it unless the answer is ready at once. The property is not in Node's types.
  Object.assign(server, { httpAllowHalfOpen: true })
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    setTimes(server, sender.limits())
    if (!sender.connections.open(socket, peerOf(socket), handshakeMs)) return options.observer?.connection(0)
    sockets.add(socket)
    options.observer?.connection(1)
    socket.on('close', () => {
      sockets.delete(socket)
      options.observer?.connection(-1)
    })
  })
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => reject(listenError(error, options))
    server.once('error', refuse)
    server.listen({ host: options.host, port: options.port, backlog: BACKLOG }, () => {
      server.off('error', refuse)
      server.on('error', options.onFault)
      const acceptors = openAcceptors(server, {
        count: ACCEPTORS - 1,
        backlog: BACKLOG,
        onFault: options.onFault,
      })
      resolve({
        port: (server.address() as AddressInfo).port,
        close: (graceMs) => {
          for (const acceptor of acceptors) acceptor.close()
          return close(server, sockets, graceMs)
        },
      })
    })
  })
}

function listenError(error: NodeJS.ErrnoException, { host, port }: HttpServerOptions): Error {
  if (error.code !== 'EADDRINUSE') return error
  const text = `TCP ${host}:${port}: ${portTaken('tcp', port)} (EADDRINUSE)`
  return Object.assign(new Error(text, { cause: error }), { code: error.code })
}

async function close(
  server: Server | SecureServer,
  sockets: ReadonlySet<Socket>,
  graceMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const cut = setTimeout(() => {
    for (const socket of sockets) socket.destroy()
  }, graceMs)
  await closed
  clearTimeout(cut)
}

export type Serving = HttpServerOptions & { readonly sender: FileSender }

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { handle, onFault, observer, sender }: Serving,
): Promise<void> {
  // A client that goes away is its own affair; without a listener the error would end the process.
  response.on('error', ignore)
  // Of a socket that was closed the address is gone.
  const watched = watchExchange(request, response, { observer, peer: peerOf(request.socket) })
  const say = (answer: TextAnswer): void => watched.sends(sendText(answer, request, response))
  try {
    // Answers of one connection are made one after another, so that pipelined requests cost no memory.
    if (response.socket === null && !(await itsTurn(request, response))) return
    const answer = await handle(readRequest(request))
    if (answer.kind === 'file') await sendFile(watched.file(answer), { request, response, sender })
    else say(answer)
  } catch (error) {
    if (error instanceof BadTarget) return say(plain(400, error.message))
    onFault(error)
    if (response.headersSent) response.destroy()
    else say(plain(500, 'internal error'))
  }
}

function ignore(): void {}

class BadTarget extends Error {}

function readRequest(request: IncomingMessage): HttpRequest {
  const [rawPath = '/', rawQuery = ''] = splitTarget(request.url ?? '/')
  const { 'user-agent': userAgent, accept, authorization } = request.headers
  return {
    method: request.method ?? 'GET',
    path: PLAIN_PATH.test(rawPath) ? rawPath : mendedPath(rawPath),
    query: new URLSearchParams(rawQuery),
    peer: peerOf(request.socket),
    ...(userAgent === undefined ? {} : { userAgent }),
    ...('encrypted' in request.socket ? { secure: true } : {}),
    ...(accept === undefined ? {} : { accept }),
    ...(authorization === undefined ? {} : { authorization }),
    readBody: (limit) => readBody(request, limit),
  }
}

/** One that means what it says. */
const PLAIN_PATH = /^(?:\/[\w.:-]+)+$/

function mendedPath(raw: string): string {
  let path: string
  try {
    path = decodeURIComponent(raw)
  } catch {
    throw new BadTarget('the path has a broken percent-encoding')
  }
  // EDK2 and some relays double slashes; a redirect would end their boot, so it is mended here.
  return `/${path}`.replace(/\/{2,}/g, '/')
}

/** The client's address: IPv4 in dotted decimal. */
export function peerOf({ remoteAddress }: Pick<Socket, 'remoteAddress'>): string {
  const address = remoteAddress ?? ''
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
}

/** Origin form and absolute form (RFC 9112 §3.2); whatever host the latter names. */
function splitTarget(target: string): readonly string[] {
  const path = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?]*/i, '')
  const mark = path.indexOf('?')
  return mark < 0 ? [path, ''] : [path.slice(0, mark), path.slice(mark + 1)]
}

async function readBody(request: IncomingMessage, limit: number): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of request) {
      const bytes = Buffer.from(chunk)
      length += bytes.length
      if (length > limit) return undefined
      chunks.push(bytes)
    }
  } catch {
    return undefined
  }
  return Buffer.concat(chunks).toString('utf8')
}

type TextAnswer = Extract<HttpAnswer, { kind: 'text' }>

function plain(status: number, message: string): TextAnswer {
  return { kind: 'text', status, headers: { 'Content-Type': 'text/plain' }, body: `${message}\n` }
}

/** Returns the octets of the body that is sent. */
function sendText(
  { status, headers, body }: TextAnswer,
  request: IncomingMessage,
  response: ServerResponse,
): number {
  const length = Buffer.byteLength(body)
  // Given at once, headers cost half of what they do one by one.
  response.writeHead(status, {
    ...headers,
    ...(status === 204 ? {} : { 'Content-Length': length }),
    // An unread body would be taken for the next request.
    ...(request.complete ? {} : { Connection: 'close' }),
  })
  // As long in UTF-8 as in characters: ASCII, which is written faster as what it is.
  const encoding = length === body.length ? 'latin1' : 'utf8'
  const isBare = request.method === 'HEAD' || status === 204
  atTurnEnd(() => response.end(isBare ? undefined : body, encoding))
  return isBare ? 0 : length
}
