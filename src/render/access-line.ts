import type { Mac } from '../lib/mac.ts'
import { printable } from '../lib/text.ts'
import type { NodePlane } from '../model/http.ts'

/** One request of the node plane and its answer. Texts of the client are as it sent them, an octet a character. */
export interface AccessEntry {
  /** Milliseconds since 1970. */
  readonly time: number
  readonly plane: NodePlane
  readonly network: string
  /** Dotted decimal. */
  readonly address: string
  readonly mac?: Mac
  readonly node?: string
  readonly method: string
  /** `shown` was made printable before. */
  readonly path: string | { readonly shown: string }
  /** Of HTTP. */
  readonly status?: number
  /** Of TFTP: how its transfer ended, or why there was none. */
  readonly outcome?: string
  readonly octets: number
  readonly milliseconds?: number
  readonly range?: string
  readonly userAgent?: string
  readonly cut?: true
}

/** Octets of each text of a client that are shown: escaped, all together stay below 8 KiB. */
const LIMITS = { method: 32, path: 1024, range: 128, agent: 256 } as const

/** Characters of a text that was made printable. */
const MOST_SHOWN = 4096

/**
 * A line of the access log, JSON with its line end, of at most 8 KiB whatever a client sends. What is not printable ASCII
 * is `\xNN` in the text itself, so that no viewer that decodes the JSON meets a control or bidirectional character.
 */
export function accessLine(entry: AccessEntry): string {
  const { time, plane, network, address, mac, node, status, outcome, octets, milliseconds, cut } = entry
  const line = JSON.stringify({
    time: new Date(time).toISOString(),
    plane,
    network,
    address,
    mac,
    node,
    method: shown(entry.method, LIMITS.method),
    path:
      typeof entry.path === 'string' ? shown(entry.path, LIMITS.path) : entry.path.shown.slice(0, MOST_SHOWN),
    status,
    outcome: outcome === undefined ? undefined : shown(outcome, LIMITS.range),
    octets,
    ms: milliseconds === undefined ? undefined : Math.round(milliseconds * 10) / 10,
    range: shown(entry.range, LIMITS.range),
    agent: shown(entry.userAgent, LIMITS.agent),
    cut,
  })
  return `${line}\n`
}

function shown(text: string | undefined, limit: number): string | undefined {
  if (text === undefined) return undefined
  const isOctets = !/[^\0-\xff]/.test(text.slice(0, limit + 1))
  return printable(isOctets ? Uint8Array.from(text.slice(0, limit + 1), octetOf) : text, limit)
}

function octetOf(character: string): number {
  return character.charCodeAt(0)
}
