import type { HttpAnswer } from '../model/http.ts'
import { family, type Labels } from './exposition.ts'
import type { ForeignReport } from './foreign-report.ts'
import type { Health } from './health.ts'
import { planeMetrics } from './plane-metrics.ts'
import type { Running } from './running.ts'

const HELP: Readonly<Record<string, string>> = {
  received: 'DHCP messages that were understood, by network and message type',
  sent: 'DHCP replies, by network and message type',
  unanswered: 'DHCP messages without an answer, by network and reason',
  ping_checks:
    'Addresses probed before an offer: free, conflict; not probed: overload, unavailable; by network and outcome',
}

/**
 * `GET /metrics` of the operator plane, in Prometheus' text format 0.0.4. Names of networks, services and rules are the
 * only labels: all come from the configuration or from this program.
 */
export function metricsAnswer(health: Health, running: Running): HttpAnswer {
  const { foreign } = health
  const lines = [
    ...family('centra_pxe_build_info', 'gauge', 'The version that runs', [[{ version: health.version }, 1]]),
    ...family(
      'centra_pxe_service_up',
      'gauge',
      'Whether a service of the configuration works, as in /health',
      health.items.map(({ name, problem }) => [{ service: name }, problem === undefined ? 1 : 0]),
    ),
    ...running.counters.list().flatMap(({ name, label, values }) =>
      family(
        `centra_pxe_dhcp_${name}_total`,
        'counter',
        HELP[name] ?? '',
        [...values].map(([key, value]) => {
          const [network = '', second = ''] = key.split(' ')
          return [{ network, [label]: second }, value]
        }),
      ),
    ),
    ...family(
      'centra_pxe_boots',
      'gauge',
      'Machines that load an image, and those that wait for them (boots:), by network and state',
      boots(running),
    ),
    ...family('centra_pxe_leases', 'gauge', 'Addresses by network and state', leases(running)),
    ...family(
      'centra_pxe_foreign_dhcp_servers',
      'gauge',
      'Other DHCP and PXE servers seen in the last half hour, by network',
      byNetwork(foreign, ({ current }) => (current ? 1 : 0)),
    ),
    ...family(
      'centra_pxe_foreign_dhcp_warnings',
      'gauge',
      'Ways in which they are in the way, as in /health, by network',
      byNetwork(foreign, ({ warnings }) => warnings.length),
    ),
    ...planeMetrics(running),
    ...family('process_resident_memory_bytes', 'gauge', 'Resident memory in octets', [
      [{}, process.memoryUsage.rss()],
    ]),
  ]
  return {
    kind: 'text',
    status: 200,
    headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8', 'Cache-Control': 'no-store' },
    body: `${lines.join('\n')}\n`,
  }
}

function boots({ picture, queue, now }: Running): readonly (readonly [Labels, number])[] {
  return picture.config.networks.flatMap(({ name: network }) => {
    const { loading, waiting } = queue.counts(network, now())
    const samples: readonly (readonly [Labels, number])[] = [
      [{ network, state: 'loading' }, loading],
      [{ network, state: 'waiting' }, waiting],
    ]
    return samples
  })
}

function leases({ leases: table, now }: Running): readonly (readonly [Labels, number])[] {
  const time = now()
  const states = [...table.all()].map(({ network, state, expiresAt }) =>
    expiresAt > time ? `${network} ${state}` : `${network} ended`,
  )
  return count(states).map(([key, n]) => {
    const [network = '', state = ''] = key.split(' ')
    return [{ network, state }, n]
  })
}

/** A network where there was one keeps its sample: an alert needs the zero. */
function byNetwork(
  foreign: readonly ForeignReport[],
  value: (one: ForeignReport) => number,
): readonly (readonly [Labels, number])[] {
  const sums = new Map<string, number>()
  for (const one of foreign) sums.set(one.network, (sums.get(one.network) ?? 0) + value(one))
  return [...sums].map(([network, sum]) => [{ network }, sum])
}

function count(keys: readonly string[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return [...counts]
}
