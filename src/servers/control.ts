import { chmodSync, rmSync } from 'node:fs'
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'

/** What the control socket offers. Lines are JSON documents without a line end. */
export interface ControlHandlers {
  readonly status: () => unknown
  readonly networks: () => unknown
  /** Those under way. */
  readonly transfers: () => unknown
  /** Calls back with every event after `after`, now and from now on; the function returned ends that. */
  readonly follow: (after: number, onLine: (line: string) => void) => () => void
  /** Rereads the configuration; the answer says what came of it. */
  readonly reload: () => Promise<unknown>
  /** `what` as the path has it; undefined where there is no such command. */
  readonly node: (name: string, what: string, query: URLSearchParams) => Promise<ControlAnswer> | undefined
}

export interface ControlAnswer {
  readonly status: number
  readonly value: unknown
}

const NODE_PATH = /^\/v1\/nodes\/([a-z0-9-]+)\/([a-z]+)$/

/** Characters that wait for one slow follower before it is cut. */
const MAX_BACKLOG = 4 << 20

/**
 * The Unix socket by which commands speak to a running server: HTTP, so that `curl --unix-socket` works too. Mode
 * 0660: its owner and group. Rejects with EADDRINUSE when another server answers there.
 */
export async function serveControl(
  path: string,
  handlers: ControlHandlers,
): Promise<{ close(): Promise<void> }> {
  if (await isAnswered(path))
    throw Object.assign(new Error(`another server runs with this state directory: ${path} answers`), {
      code: 'EADDRINUSE',
    })
  rmSync(path, { force: true })
  const server = createServer((request, response) => {
    handle(request, response, handlers).catch((error: unknown) => {
      sendJson(response, 400, { error: error instanceof Error ? error.message : String(error) })
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    // The socket is never open to others, not even for a moment.
    const before = process.umask(0o117)
    server.listen(path, resolve)
    process.umask(before)
  })
  chmodSync(path, 0o660)
  return {
    close: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  handlers: ControlHandlers,
): Promise<void> {
  response.on('error', () => {})
  const url = new URL(request.url ?? '/', 'http://control')
  const route = `${request.method} ${url.pathname}`
  if (route === 'GET /v1/status') return sendJson(response, 200, handlers.status())
  if (route === 'GET /v1/networks') return sendJson(response, 200, handlers.networks())
  if (route === 'GET /v1/transfers') return sendJson(response, 200, handlers.transfers())
  if (route === 'POST /v1/reload') return sendJson(response, 200, await handlers.reload())
  if (route === 'GET /v1/events') return follow(url, response, handlers)
  const [, name, what] = (request.method === 'POST' && NODE_PATH.exec(url.pathname)) || []
  const command = name && what ? handlers.node(name, what, url.searchParams) : undefined
  if (command !== undefined) {
    const { status, value } = await command
    return sendJson(response, status, value)
  }
  sendJson(response, 404, { error: `there is no ${route}` })
}

function follow(url: URL, response: ServerResponse, handlers: ControlHandlers): void {
  response.writeHead(200, { 'Content-Type': 'application/x-ndjson' })
  response.flushHeaders()
  const stop = handlers.follow(Number(url.searchParams.get('after') ?? Number.MAX_SAFE_INTEGER), (line) => {
    response.write(`${line}\n`)
    if (response.writableLength > MAX_BACKLOG) response.destroy()
  })
  response.on('close', stop)
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' })
  response.end(`${JSON.stringify(value)}\n`)
}

/** A socket file that nobody answers is left over from a server that was killed. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = httpRequest({ socketPath: path, path: '/v1/status', timeout: 2000 }, (response) => {
      response.resume()
      resolve(true)
    })
    probe.on('timeout', () => probe.destroy(new Error('no answer')))
    probe.on('error', () => resolve(false))
    probe.end()
  })
}
