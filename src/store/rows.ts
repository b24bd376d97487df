import type { Mac } from '../lib/mac.ts'
import { EVENT_KINDS, type StoredEvent } from '../model/event.ts'
import type { MachineEvidence } from '../model/evidence.ts'
import { BOOT_LINE_KINDS, type BootLine, type NodeBoots } from '../model/intent.ts'
import type { Lease } from '../model/lease.ts'
import type { BootAttempt, SeenMachine } from '../model/ports.ts'
import { LEASE_COLUMNS, leaseFromValues } from './lease-columns.ts'
import type { AttemptRow, BootLineRow, EventPageRow, LeaseRow, NodeBootsRow, SeenRow } from './schema.ts'

export type StoredAttempt = BootAttempt & { readonly stage?: string; readonly stageAt?: number }

/** undefined for a row that this program did not write. */
export function leaseFromRow(row: LeaseRow): Lease | undefined {
  return leaseFromValues(LEASE_COLUMNS.map((name) => row[name]))
}

/** `stage` and `stageAt` (milliseconds since 1970) are there once the machine has reported. */
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

/** Without those of a kind that a newer version wrote. */
export function eventsFromRow(row: EventPageRow): readonly StoredEvent[] {
  const events = JSON.parse(row.events) as readonly StoredEvent[]
  return events.filter(({ kind }) => EVENT_KINDS.includes(kind))
}

/**
 * Columns that are NULL are left out. Throws a SyntaxError when the evidence is not JSON, which nobody but this
 * program writes.
 */
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
    ...(row.evidence !== null && { evidence: JSON.parse(row.evidence) as MachineEvidence }),
  }
}

/** The revision of the row counts: it is what the next write is held against. */
export function bootsFromRow(row: Pick<NodeBootsRow, 'revision' | 'state'>): NodeBoots {
  const state = JSON.parse(row.state) as NodeBoots
  return { ...state, revision: Number(row.revision) }
}

/** None of a kind that a newer version wrote. */
export function bootLineFromRow(row: Pick<BootLineRow, 'line'>): BootLine | undefined {
  const line = JSON.parse(row.line) as BootLine
  return BOOT_LINE_KINDS.includes(line.what) ? line : undefined
}
