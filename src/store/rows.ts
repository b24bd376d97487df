import { formatIpv4, parseIpv4 } from '../lib/ipv4.ts'
import { type Mac, parseMac } from '../lib/mac.ts'
import { EVENT_KINDS, type EventKind, type StoredEvent } from '../model/event.ts'
import type { Lease, LeaseState } from '../model/lease.ts'
import type { BootAttempt, SeenMachine } from '../model/ports.ts'
import type { AttemptRow, EventRow, LeaseRow, SeenRow } from './schema.ts'

export type StoredAttempt = BootAttempt & { readonly stage?: string; readonly stageAt?: number }

export function leaseToRow(lease: Lease): LeaseRow {
  return {
    network: lease.network,
    address: formatIpv4(lease.address),
    mac: lease.mac,
    client_id: lease.clientId ?? null,
    state: lease.state,
    started_at: lease.startedAt,
    expires_at: lease.expiresAt,
  }
}

/** undefined for a row that this program did not write. */
export function leaseFromRow(row: LeaseRow): Lease | undefined {
  const address = parseIpv4(row.address)
  const mac = parseMac(row.mac)
  const state = LEASE_STATES.find((known) => known === row.state)
  if (address === undefined || mac === undefined || state === undefined) return undefined
  return {
    network: row.network,
    address,
    mac,
    ...(row.client_id !== null && { clientId: row.client_id }),
    state,
    startedAt: Number(row.started_at),
    expiresAt: Number(row.expires_at),
  }
}

export function attemptToRow(attempt: BootAttempt): AttemptRow {
  const { nonce, mac, address, profile, image, openedAt } = attempt
  return { nonce, mac, address, profile, image, opened_at: openedAt, stage: null, stage_at: null }
}

export function attemptFromRow(row: AttemptRow): StoredAttempt {
  return {
    mac: row.mac as Mac,
    nonce: row.nonce,
    address: row.address,
    profile: row.profile,
    image: row.image,
    openedAt: Number(row.opened_at),
    ...(row.stage !== null && { stage: row.stage }),
    ...(row.stage_at !== null && { stageAt: Number(row.stage_at) }),
  }
}

export function eventToRow(event: StoredEvent): EventRow {
  return {
    id: event.id,
    time: event.time,
    kind: event.kind,
    mac: event.mac ?? null,
    node: event.node ?? null,
    network: event.network ?? null,
    address: event.address ?? null,
    detail: JSON.stringify(event.detail),
  }
}

/** undefined for a kind that a newer version wrote. */
export function eventFromRow(row: EventRow): StoredEvent | undefined {
  const kind = EVENT_KINDS.find((known: EventKind) => known === row.kind)
  if (kind === undefined) return undefined
  return {
    id: Number(row.id),
    time: Number(row.time),
    kind,
    ...(row.mac !== null && { mac: row.mac as Mac }),
    ...(row.node !== null && { node: row.node }),
    ...(row.network !== null && { network: row.network }),
    ...(row.address !== null && { address: row.address }),
    detail: JSON.parse(row.detail) as StoredEvent['detail'],
  }
}

export function seenToRow(machine: SeenMachine): SeenRow {
  return {
    network: machine.network,
    mac: machine.mac,
    first_seen: machine.firstSeen,
    last_seen: machine.lastSeen,
    address: machine.address ?? null,
    arch: machine.arch ?? null,
    uuid: machine.uuid ?? null,
    vendor_class: machine.vendorClass ?? null,
    stage: machine.stage ?? null,
  }
}

export function seenFromRow(row: SeenRow): SeenMachine {
  return {
    mac: row.mac as Mac,
    network: row.network,
    firstSeen: Number(row.first_seen),
    lastSeen: Number(row.last_seen),
    ...(row.address !== null && { address: row.address }),
    ...(row.arch !== null && { arch: row.arch }),
    ...(row.uuid !== null && { uuid: row.uuid }),
    ...(row.vendor_class !== null && { vendorClass: row.vendor_class }),
    ...(row.stage !== null && { stage: row.stage }),
  }
}

const LEASE_STATES: readonly LeaseState[] = ['bound', 'released', 'declined']
