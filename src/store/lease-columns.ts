import type { Ipv4 } from '../lib/ipv4.ts'
import { macFromNumber, macToNumber } from '../lib/mac.ts'
import type { Lease, LeaseState } from '../model/lease.ts'
import { COLUMN, type LeaseBlock } from '../model/lease-block.ts'
import { StoreError } from './store-error.ts'

const STATES: readonly LeaseState[] = ['bound', 'released', 'declined', 'conflict']

/** Values of one row in the order of {@link LEASE_COLUMNS}. */
export type LeaseValues = readonly (string | number | null)[]

/** The columns of `leases` in the order in which rows are written and read; times are milliseconds since 1970. */
export const LEASE_COLUMNS = [
  'network',
  'address',
  'mac',
  'client_id',
  'state',
  'started_at',
  'expires_at',
] as const

/** Throws `invalid` for a lease that is only offered. */
export function leaseToValues(lease: Lease): LeaseValues {
  const { network, address, mac, clientId = null, state, startedAt, expiresAt } = lease
  if (state === 'offered') throw new StoreError('invalid', 'an offered lease lives in memory only')
  return [network, address, macToNumber(mac), clientId, state, startedAt, expiresAt]
}

/** undefined for a row that this program did not write. */
export function leaseFromValues(values: LeaseValues): Lease | undefined {
  const [network, address, macNumber, clientId, stateText, startedAt, expiresAt] = values
  const mac = macFromNumber(Number(macNumber))
  const state = STATES.find((known) => known === stateText)
  const isAddress = Number.isInteger(address) && Number(address) >= 0 && Number(address) <= 0xffff_ffff
  if (mac === undefined || state === undefined || !isAddress) return undefined
  const times = { startedAt: Number(startedAt), expiresAt: Number(expiresAt) }
  return {
    network: String(network),
    address: address as Ipv4,
    mac,
    ...(typeof clientId === 'string' && { clientId }),
    state,
    ...times,
  }
}

/**
 * The leases of one network as {@link packLeases} takes them: numbers, and a client identifier only where it is not the usual
 * one (`usualClientId`), since texts cost most of the reading.
 */
export const PACKABLE_LEASES = `SELECT address, mac,
  CASE state ${STATES.map((state, index) => `WHEN '${state}' THEN ${index}`).join(' ')} END,
  client_id IS printf('01%012x', mac), started_at, expires_at,
  CASE WHEN client_id IS printf('01%012x', mac) THEN NULL ELSE client_id END
  FROM leases WHERE network = ?`

/** Rows of {@link PACKABLE_LEASES} by network, at most `most` in all. Those that this program did not write are left out. */
export function packLeases(rowsOf: ReadonlyMap<string, Iterable<LeaseValues>>, most: number): LeaseBlock {
  const networks = [...rowsOf.keys()]
  const clientIds = new Map<number, string>()
  const numbers = new Float64Array(most * COLUMN.count)
  let length = 0
  for (const [network, name] of networks.entries())
    for (const [address, mac, state, hasUsualId, startedAt, expiresAt, clientId] of rowsOf.get(name) ?? []) {
      if (length === most || !isBelow(address, 2 ** 32) || !isBelow(mac, 2 ** 48) || state === null) continue
      if (typeof clientId === 'string') clientIds.set(length, clientId)
      const at = length * COLUMN.count
      numbers[at + COLUMN.network] = network
      numbers[at + COLUMN.address] = address
      numbers[at + COLUMN.mac] = mac
      numbers[at + COLUMN.state] = Number(state)
      numbers[at + COLUMN.hasUsualId] = Number(hasUsualId)
      numbers[at + COLUMN.startedAt] = Number(startedAt)
      numbers[at + COLUMN.expiresAt] = Number(expiresAt)
      length += 1
    }
  return { networks, states: STATES, length, numbers, clientIds }
}

function isBelow(value: LeaseValues[number] | undefined, limit: number): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < limit
}
