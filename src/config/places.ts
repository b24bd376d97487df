import { broadcastOf, formatIpv4, type Ipv4, type Ipv4Range, subnetContains } from '../lib/ipv4.ts'
import type { Config, Network } from '../model/config.ts'
import type { ConfigProblem, ConfigSource, Path } from './source.ts'

/** A well-formed network or node: its index in the resolved configuration is its index in the list. */
export interface Place {
  readonly source: ConfigSource
  readonly path: Path
}

/** A whole configuration with its places, for whoever checks what crosses keys. */
export interface Checked {
  readonly config: Config
  readonly root: ConfigSource
  readonly sources: readonly ConfigSource[]
  readonly networks: readonly Place[]
  readonly nodes: readonly Place[]
  readonly rules: readonly Place[]
  /** A part could not be read: a name that seems to be missing may be in there. */
  readonly incomplete: boolean
}

/** Names, MAC addresses and addresses that may appear once; the second place is told where the first one is. */
export class Register {
  readonly #what: string
  readonly #seen = new Map<string, Place>()

  constructor(what: string) {
    this.#what = what
  }

  /** An error at `key` of this place when another place has the value; else nothing, and it is taken. */
  take(value: string, place: Place, key: string | Path): readonly ConfigProblem[] {
    const first = this.#seen.get(value)
    if (first === undefined) {
      this.#seen.set(value, place)
      return []
    }
    return [problem(place, key, `the ${this.#what} ${value} is already taken, ${cite(first)}`)]
  }
}

/** An error about a key below a place. */
export function problem(
  place: Place,
  key: string | Path,
  message: string,
  severity: ConfigProblem['severity'] = 'error',
): ConfigProblem {
  return place.source.problem([...place.path, ...(typeof key === 'string' ? [key] : key)], message, severity)
}

/** `file:line`. */
export function cite({ source, path }: Place): string {
  const { file, line } = source.origin(path)
  return `${file}:${line}`
}

/** Whether an address can be a machine's in this subnet (RFC 3021: a /31 has two). */
export function isHost({ subnet }: Network, address: Ipv4): boolean {
  if (!subnetContains(subnet, address)) return false
  return subnet.prefix >= 31 || (address !== subnet.network && address !== broadcastOf(subnet))
}

/** `10.77.0.100-10.77.0.199` for messages; a range of one address has both ends, too. */
export function formatRange(range: Ipv4Range): string {
  return `${formatIpv4(range.first)}-${formatIpv4(range.last)}`
}
