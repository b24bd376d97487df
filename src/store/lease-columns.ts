import type { Ipv4 } from '../lib/ipv4.ts'
import { macFromNumber, macToNumber } from '../lib/mac.ts'
import { type Lease, type LeaseState, usualClientId } from '../model/lease.ts'
import { StoreError } from './store-error.ts'

/** Values of one row in the order of {@link LEASE_COLUMNS}. */
export type LeaseValues = readonly (string | number | null)[]

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
 * Many leases in few objects: they cross from the writer's thread without a copy, and 100 000 of them take 3 MB instead
 * of 30.
 */
export interface LeaseBlock {
  readonly networks: readonly string[]
  readonly length: number
  /** Six numbers a lease: network (an index), address, mac, state (an index), start and end. */
  readonly numbers: Float64Array<ArrayBuffer>
  /** The client identifiers that are not, as most are, `01` and the MAC; by the number of the lease. */
  readonly clientIds: ReadonlyMap<number, string>
}

const NUMBERS = 6
const STATES: readonly LeaseState[] = ['bound', 'released', 'declined']
/** Added to the index of the state: option 61 is the hardware type and the MAC (RFC 2132 §9.14). */
const USUAL_CLIENT_ID = 16

/** Rows of the columns of {@link LEASE_COLUMNS}, of which there are at most `most`. Foreign rows are left out. */
export function packLeases(rows: Iterable<LeaseValues>, most: number): LeaseBlock {
  const networks: string[] = []
  const clientIds = new Map<number, string>()
  const numbers = new Float64Array(most * NUMBERS)
  let length = 0
  for (const row of rows) {
    const lease = length < most ? leaseFromValues(row) : undefined
    if (lease === undefined) continue
    let network = networks.indexOf(lease.network)
    if (network < 0) network = networks.push(lease.network) - 1
    const isUsual = lease.clientId !== undefined && lease.clientId === usualClientId(lease.mac)
    if (lease.clientId !== undefined && !isUsual) clientIds.set(length, lease.clientId)
    const state = STATES.indexOf(lease.state) + (isUsual ? USUAL_CLIENT_ID : 0)
    const { address, mac, startedAt, expiresAt } = lease
    numbers.set([network, address, macToNumber(mac), state, startedAt, expiresAt], length * NUMBERS)
    length += 1
  }
  return { networks, length, numbers, clientIds }
}

/** The leases of a block, one after another: none stays in memory unless the caller keeps it. */
export function* unpackLeases({ networks, length, numbers, clientIds }: LeaseBlock): Generator<Lease> {
  for (let at = 0; at < length; at += 1) {
    const number = (column: number): number => numbers[at * NUMBERS + column] ?? 0
    const mac = macFromNumber(number(2))
    const state = STATES[number(3) % USUAL_CLIENT_ID]
    if (mac === undefined || state === undefined) continue
    const clientId = number(3) >= USUAL_CLIENT_ID ? usualClientId(mac) : clientIds.get(at)
    yield {
      network: networks[number(0)] ?? '',
      address: number(1) as Ipv4,
      mac,
      ...(clientId === undefined ? {} : { clientId }),
      state,
      startedAt: number(4),
      expiresAt: number(5),
    }
  }
}
