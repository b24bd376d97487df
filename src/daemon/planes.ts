import { answerHttp } from '../app/answer-http.ts'
import { machineAt, servedFrom } from '../app/answer-tftp.ts'
import type { Health } from '../app/health.ts'
import { nodeOf } from '../app/observe-http.ts'
import type { Running } from '../app/running.ts'
import type { ServedNetwork } from '../app/served-network.ts'
import { formatIpv4 } from '../lib/ipv4.ts'
import { printable } from '../lib/text.ts'
import { type HttpServer, serveHttp } from '../servers/http.ts'
import { serveHttps } from '../servers/https.ts'
import type { TlsKeeper } from './tls-keeper.ts'

/** What the sockets of one network need. `on` is asked at every packet, so that a reload needs no new socket. */
export interface PlaneOptions {
  readonly on: () => ServedNetwork
  readonly running: Running
  readonly tls: TlsKeeper
  readonly health: () => Health
  readonly onFault: (where: string, error: unknown) => void
}

export function openHttp({ on, running, health, onFault }: PlaneOptions): Promise<HttpServer> {
  const host = formatIpv4(on().address)
  return serveHttp({
    host,
    port: running.picture.config.server.httpPort,
    handle: (request) => answerHttp(request, servedFrom(request.peer, on(), running), running, health),
    onFault: (error) => onFault(`HTTP on ${host}`, error),
  })
}

/** Undefined where HTTPS is not configured, or has no certificate yet. */
export async function openHttps(plane: PlaneOptions): Promise<HttpServer | undefined> {
  const { on, running, health, tls, onFault } = plane
  const { https } = running.picture.config.server
  if (https === undefined || tls.pair === undefined) return undefined
  const host = formatIpv4(on().address)
  return tls.attach(
    await serveHttps({
      ...{ host, port: https.port, pair: tls.pair },
      handle: (request) => answerHttp(request, on(), running, health),
      onRefused: (peer, reason) => tellRefused(peer, reason, plane),
      onFault: (error) => onFault(`HTTPS on ${host}`, error),
    }),
  )
}

/** Most often a machine that does not trust the certificate; also whatever anybody sends to the port. */
function tellRefused(peer: string, reason: string, { on, running }: PlaneOptions): void {
  const network = on().network.name
  const mac = machineAt(peer, on(), running)
  const isKnown = mac !== undefined
  const count = running.attention.note({ who: `https ${peer}`, network, isKnown }, running.now())
  if (count === 0) return
  running.timeline.emit({
    ...{ time: running.now(), kind: 'https.failed', network, address: peer },
    ...(mac === undefined ? {} : { mac }),
    ...nodeOf(mac, running),
    detail: { reason: printable(reason, 120), ...(count === 1 ? {} : { untold: count - 1 }) },
  })
}
