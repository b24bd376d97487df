import type { Mac } from '../lib/mac.ts'
import { standInMac } from '../lib/stand-in-mac.ts'
import type { LeaseView } from '../model/lease.ts'

/** Two identifiers with one hash are one in 10^14; five keys for each leave nothing to chance. */
const ATTEMPTS = 5

/**
 * The lease key of a client that is known by option 61, given as hex: the same for the same identifier as long as it has
 * leases on these networks, and never one under which another identifier has any.
 */
export function clientKey(clientId: string, networks: readonly string[], leases: LeaseView): Mac {
  const isFree = (key: Mac): boolean =>
    networks.every((network) => leases.ofClient(network, key).every((lease) => lease.clientId === clientId))
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const key = standInMac(clientId, attempt)
    if (isFree(key)) return key
  }
  return standInMac(clientId, ATTEMPTS)
}
