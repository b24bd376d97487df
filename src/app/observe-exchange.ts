import type { BootEvent } from '../model/event.ts'
import type { HttpExchange, HttpObserver, HttpPlane } from '../model/http.ts'
import { withoutNonce } from '../model/intent.ts'
import { accessLine } from '../render/access-line.ts'
import { machineAt } from './answer-tftp.ts'
import { nodeOf } from './observe-http.ts'
import { pathKind } from './plane-counters.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'

/** Counts the requests of a listener and puts them into the access log. `on` is asked anew for each. */
export function httpObserver(
  plane: Exclude<HttpPlane, 'operator'>,
  on: (peer: string) => ServedNetwork,
  running: Running,
): HttpObserver {
  return {
    exchange: (exchange) => {
      const served = on(exchange.peer)
      count(exchange, { plane, network: served.network.name }, running)
      if (running.access.isOn) log(exchange, plane, served, running)
    },
    connection: (change) => countConnection(change, { plane, network: on('').network.name }, running),
  }
}

/** The same for the operator plane, which is not in the access log. */
export function operatorObserver(running: Running): HttpObserver {
  const where = { plane: 'operator', network: '' } as const
  return {
    exchange: (exchange) => count(exchange, where, running),
    connection: (change) => countConnection(change, where, running),
  }
}

interface Where {
  readonly plane: HttpPlane
  readonly network: string
}

function count(exchange: HttpExchange, where: Where, { planes }: Running): void {
  const { method, status, octets, milliseconds, target } = exchange
  planes.http({ ...where, kind: pathKind(target), method, status, octets, milliseconds })
}

function countConnection(change: 1 | 0 | -1, { network, plane }: Where, { planes }: Running): void {
  if (change === 0) planes.add('http_refused_connections', `${network} ${plane}`)
  else planes.connection(network, plane, change)
}

function log(
  { peer, target, octets, cut, ...exchange }: HttpExchange,
  plane: 'http' | 'https',
  on: ServedNetwork,
  running: Running,
): void {
  const mac = machineAt(peer, on, running)
  running.access.line(
    accessLine({
      ...{ time: running.now(), plane, network: on.network.name, address: peer },
      ...(mac === undefined ? {} : { mac }),
      ...nodeOf(mac, running),
      ...exchange,
      ...{ path: withoutNonce(target), octets },
      ...(cut === undefined ? {} : { cut }),
    }),
  )
}

/** What the access log says of a TFTP request, from its event. */
export function logTftp(event: BootEvent, outcome: string, octets: number, running: Running): void {
  if (!running.access.isOn) return
  const { time, network = '', address = '', mac, node, detail } = event
  const { file, ms } = detail
  running.access.line(
    accessLine({
      ...{ time, plane: 'tftp', network, address, method: 'RRQ', outcome, octets },
      path: { shown: String(file ?? '') },
      ...(mac === undefined ? {} : { mac }),
      ...(node === undefined ? {} : { node }),
      ...(typeof ms === 'number' ? { milliseconds: ms } : {}),
    }),
  )
}
