import { readOwnName } from '../boot/own-name.ts'
import type { HttpPlane } from '../model/http.ts'

/** What a path is about: never the path itself, which a client makes. */
export type PathKind =
  | 'script'
  | 'identify'
  | 'image'
  | 'firmware'
  | 'document'
  | 'report'
  | 'health'
  | 'metrics'
  | 'other'

/** Upper bounds of the histogram of durations, in seconds. */
export const DURATION_BOUNDS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 600] as const

export interface HttpCounted {
  /** Empty for the operator plane. */
  readonly network: string
  readonly plane: HttpPlane
  readonly kind: PathKind
  readonly method: string
  readonly status: number
  readonly octets: number
  readonly milliseconds: number
}

export interface Histogram {
  /** As many as the bounds, and one more for what is longer. */
  readonly counts: readonly number[]
  /** Seconds. */
  readonly sum: number
}

type Count =
  | 'http_requests'
  | 'http_sent_bytes'
  | 'http_refused_connections'
  | 'tftp_requests'
  | 'tftp_transfers'
  | 'tftp_refused'
  | 'tftp_ignored'
  | 'tftp_retransmissions'
  | 'tftp_sent_bytes'

/** Requests and transfers of the planes since the start. Every label is of a closed set, so no client makes a list longer. */
export class PlaneCounters {
  readonly #counts = new Map<Count, Map<string, number>>()
  readonly #connections = new Map<string, number>()
  readonly #durations = new Map<string, { counts: number[]; sum: number }>()

  /** A request whose answer has ended, however. */
  http({ network, plane, kind, method, status, octets, milliseconds }: HttpCounted): void {
    this.add('http_requests', `${network} ${plane} ${kind} ${methodClass(method)} ${status}`)
    this.add('http_sent_bytes', `${network} ${plane} ${kind}`, octets)
    const key = `${plane} ${kind}`
    const histogram = this.#durations.get(key) ?? { counts: DURATION_BOUNDS.map(() => 0).concat(0), sum: 0 }
    this.#durations.set(key, histogram)
    const seconds = milliseconds / 1000
    const found = DURATION_BOUNDS.findIndex((bound) => seconds <= bound)
    const at = found < 0 ? DURATION_BOUNDS.length : found
    histogram.counts[at] = (histogram.counts[at] ?? 0) + 1
    histogram.sum += seconds
  }

  /** `change` is 1 or -1. */
  connection(network: string, plane: HttpPlane, change: number): void {
    const key = `${network} ${plane}`
    this.#connections.set(key, (this.#connections.get(key) ?? 0) + change)
  }

  /** `key` has the labels, which are single words, with a blank between them. */
  add(name: Count, key: string, count = 1): void {
    const counts = this.#counts.get(name) ?? new Map<string, number>()
    this.#counts.set(name, counts)
    counts.set(key, (counts.get(key) ?? 0) + count)
  }

  /** By the key given to `add`. */
  values(name: Count): ReadonlyMap<string, number> {
    return this.#counts.get(name) ?? new Map()
  }

  /** Open now, by `network plane`. */
  get connections(): ReadonlyMap<string, number> {
    return this.#connections
  }

  /** By `plane kind`. */
  get durations(): ReadonlyMap<string, Histogram> {
    return this.#durations
  }
}

/** What nobody of ours sends is one class. */
function methodClass(method: string): string {
  return method === 'GET' || method === 'HEAD' || method === 'POST' ? method : 'other'
}

/** The kind of a request target, by the routes of `answerHttp`; in absolute form too, and with the double slashes of EDK2. */
export function pathKind(target: string): PathKind {
  const [written = ''] = target.replace(/^https?:\/\/[^/?]*/i, '').split('?', 1)
  const path = written.replace(/\/{2,}/g, '/')
  if (path === '/boot.ipxe' || path.endsWith('/autoexec.ipxe')) return 'identify'
  // What UEFI HTTP boot starts is a file of an image.
  if (path.startsWith('/boot/')) return path.endsWith('.efi') ? 'image' : 'script'
  if (path.startsWith('/v1/report/') || path.startsWith('/v1/redeem/')) return 'report'
  // GRUB looks for them below the folder that it came from.
  if (readOwnName(path.slice(1)) !== undefined) return 'script'
  if (path.startsWith('/images/') || path.startsWith('/attempt/')) return 'image'
  if (path.startsWith('/firmware/')) return 'firmware'
  if (path.startsWith('/documents/')) return 'document'
  if (path === '/health') return 'health'
  return path === '/metrics' ? 'metrics' : 'other'
}
