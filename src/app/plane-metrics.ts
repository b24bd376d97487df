import type { FileFigures, NodePlane } from '../model/http.ts'
import { family, histogramFamily, type Sample } from './exposition.ts'
import { DURATION_BOUNDS, type PlaneCounters } from './plane-counters.ts'
import type { Running } from './running.ts'

type Counter = Parameters<PlaneCounters['values']>[0]

const HTTP = ['network', 'plane'] as const

const COUNTERS: readonly (readonly [Counter, readonly string[], string])[] = [
  ['http_requests', [...HTTP, 'kind', 'method', 'status'], 'Requests that were answered, by kind of path'],
  ['http_sent_bytes', [...HTTP, 'kind'], 'Octets of bodies that went out'],
  ['http_refused_connections', HTTP, 'Connections beyond the limit'],
  ['tftp_requests', ['network'], 'Read and write requests'],
  [
    'tftp_transfers',
    ['network', 'outcome'],
    'Transfers by how they ended; probe: only the size was asked for',
  ],
  [
    'tftp_refused',
    ['network', 'reason'],
    'Requests that were refused, by the kind of ERROR; no-room: no answer',
  ],
  ['tftp_ignored', ['network'], 'Datagrams on port 69 that are no request'],
  ['tftp_retransmissions', ['network'], 'Datagrams that went out once more'],
  ['tftp_sent_bytes', ['network'], 'Octets of files that were acknowledged'],
]

const PLANES: readonly NodePlane[] = ['tftp', 'http', 'https']

/** What the planes of TFTP and HTTP count. */
export function planeMetrics({ planes, transfers, access, files }: Running): readonly string[] {
  const underWay = transfers.list()
  const byPlane = (count: (plane: NodePlane) => number): readonly Sample[] =>
    PLANES.map((plane) => [{ plane }, count(plane)])
  const { written, lost } = access.totals
  return [
    ...COUNTERS.flatMap(([name, labels, help]) =>
      family(`centra_pxe_${name}_total`, 'counter', help, samples(planes.values(name), labels)),
    ),
    ...histogramFamily(
      'centra_pxe_http_request_duration_seconds',
      'From the request to the end of its answer',
      DURATION_BOUNDS,
      [...planes.durations].map(([key, histogram]) => ({
        labels: labelled(key, ['plane', 'kind']),
        ...histogram,
      })),
    ),
    ...family('centra_pxe_http_connections', 'gauge', 'Open connections', samples(planes.connections, HTTP)),
    ...family(
      'centra_pxe_transfers',
      'gauge',
      'Transfers of files under way',
      byPlane((plane) => underWay.filter((one) => one.plane === plane).length),
    ),
    ...family(
      'centra_pxe_transfers_stalled',
      'gauge',
      'Those of which nothing moves',
      byPlane((plane) => underWay.filter((one) => one.plane === plane && one.stalledMs !== undefined).length),
    ),
    ...family(
      'centra_pxe_transfer_stalls_total',
      'counter',
      'Times that a transfer stopped moving',
      byPlane((plane) => transfers.stallsOf(plane)),
    ),
    ...fileMetrics(files.figures),
    ...family('centra_pxe_access_log_lines_total', 'counter', 'Lines of the access log', [
      [{ outcome: 'written' }, written],
      [{ outcome: 'lost' }, lost],
    ]),
  ]
}

function fileMetrics({ connections, cut, cache, slots }: FileFigures): readonly string[] {
  return [
    ...family(
      'centra_pxe_http_cache_bytes',
      'gauge',
      'Octets of files in memory; pinned: in use by transfers',
      [
        [{ state: 'pinned' }, cache.pinned],
        [{ state: 'idle' }, cache.octets - cache.pinned],
      ],
    ),
    ...family('centra_pxe_http_cache_lookups_total', 'counter', 'Pieces of files that were wanted', [
      [{ outcome: 'hit' }, cache.hits],
      [{ outcome: 'miss' }, cache.misses],
    ]),
    ...family('centra_pxe_http_large_transfers', 'gauge', 'Large transfers, and those that wait to begin', [
      [{ state: 'running' }, slots.taken],
      [{ state: 'waiting' }, slots.waiting],
    ]),
    ...family(
      'centra_pxe_http_cut_total',
      'counter',
      'Connections that were ended, by the limit that they met',
      [
        [{ limit: 'stall' }, cut.stalled],
        [{ limit: 'minRate' }, cut.slow],
        [{ limit: 'connections' }, connections.evicted],
        [{ limit: 'transfers' }, slots.refused],
      ],
    ),
  ]
}

function samples(values: ReadonlyMap<string, number>, labels: readonly string[]): readonly Sample[] {
  return [...values].map(([key, value]) => [labelled(key, labels), value])
}

function labelled(key: string, labels: readonly string[]): Readonly<Record<string, string>> {
  const words = key.split(' ')
  return Object.fromEntries(labels.map((label, i) => [label, words[i] ?? '']))
}
