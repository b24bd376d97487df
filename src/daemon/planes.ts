import { answerHttp } from '../app/answer-http.ts'
import { servedFrom } from '../app/answer-tftp.ts'
import type { Health } from '../app/health.ts'
import { httpObserver } from '../app/observe-exchange.ts'
import { observeRefused } from '../app/observe-http.ts'
import type { Running } from '../app/running.ts'
import type { ServedNetwork } from '../app/served-network.ts'
import { formatIpv4 } from '../lib/ipv4.ts'
import type { FileSender } from '../servers/file-sender.ts'
import { type HttpServer, serveHttp } from '../servers/http.ts'
import { serveHttps } from '../servers/https.ts'
import type { TlsKeeper } from './tls-keeper.ts'

/** What the sockets of one network need. `on` is asked at every packet, so that a reload needs no new socket. */
export interface PlaneOptions {
  readonly on: () => ServedNetwork
  readonly running: Running
  readonly tls: TlsKeeper
  /** Sends the files of all HTTP planes. */
  readonly sender: FileSender
  readonly health: () => Health
  readonly onFault: (where: string, error: unknown) => void
}

/** HTTP on the network's address and the configured port. Rejects when somebody has the port, or the address is gone. */
export function openHttp({ on, running, health, sender, onFault }: PlaneOptions): Promise<HttpServer> {
  const host = formatIpv4(on().address)
  return serveHttp({
    ...{ host, sender },
    port: running.picture.config.server.httpPort,
    handle: (request) => answerHttp(request, servedFrom(request.peer, on(), running), running, health),
    onFault: (error) => onFault(`HTTP on ${host}`, error),
    observer: httpObserver('http', (peer) => servedFrom(peer, on(), running), running),
  })
}

/** Undefined where HTTPS is not configured, or has no certificate yet. */
export async function openHttps(plane: PlaneOptions): Promise<HttpServer | undefined> {
  const { on, running, health, tls, sender, onFault } = plane
  const { https } = running.picture.config.server
  if (https === undefined || tls.pair === undefined) return undefined
  const host = formatIpv4(on().address)
  const served = (peer: string): ServedNetwork => servedFrom(peer, on(), running)
  return tls.attach(
    await serveHttps({
      ...{ host, port: https.port, pair: tls.pair, sender },
      handle: (request) => answerHttp(request, served(request.peer), running, health),
      onRefused: (peer, reason) => observeRefused(peer, reason, served(peer), running),
      onFault: (error) => onFault(`HTTPS on ${host}`, error),
      observer: httpObserver('https', served, running),
    }),
  )
}
