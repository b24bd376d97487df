import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { LeaseTable } from '../../src/address/lease-table.ts'
import { parseIpv4 } from '../../src/lib/ipv4.ts'
import { parseMac } from '../../src/lib/mac.ts'
import type { StoredEvent } from '../../src/model/event.ts'
import type { Lease } from '../../src/model/lease.ts'
import type { SavedState } from '../../src/model/ports.ts'

/** A directory that is gone when the test ends. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'centra-test-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** An hour's lease from 1000 s on: `lease('10.0.0.5', '02:00:00:00:00:01')`. */
export function lease(address: string, mac: string, changes: Partial<Lease> = {}): Lease {
  const parsed = { address: parseIpv4(address), mac: parseMac(mac) }
  assert.ok(parsed.address !== undefined && parsed.mac !== undefined, `${address} ${mac}`)
  return {
    network: 'lab',
    address: parsed.address,
    mac: parsed.mac,
    state: 'bound',
    startedAt: 1_000_000,
    expiresAt: 4_600_000,
    ...changes,
  }
}

/** The lease of client number `n`, with an address and a MAC of its own; n below 65536. */
export function leaseNumber(n: number): Lease {
  const [high, low] = [n >>> 8, n & 255]
  const hex = (byte: number): string => byte.toString(16).padStart(2, '0')
  return lease(`10.7.${high}.${low}`, `02:00:00:00:${hex(high)}:${hex(low)}`)
}

/** As objects. */
export function leasesOf({ leases }: Pick<SavedState, 'leases'>): readonly Lease[] {
  return [...LeaseTable.ofBlock(leases).all()]
}

export function event(id: number, changes: Partial<StoredEvent> = {}): StoredEvent {
  return { id, time: 1_000_000 + id, kind: 'dhcp.ack', detail: { n: id }, ...changes }
}
